#!/bin/bash
# Every public function of the core that takes an actor marks that the runtime is in progress
# (TPI_INSIDE), and those that know no actor but change something hold the thread (TPI_FAULT_HOLD);
# else a fault in the middle of one could be contained. The exceptions only look.
set -u
cd "$(dirname "$0")/../../.." || exit 1
python3 - <<'PYTHON'
import glob, re, sys
LOOKS = set("""tp_self tp_sender tp_message_sender tp_error tp_self_runtime tp_deadlock_text tp_now
tp_exit_status tp_exit tp_fail tp_message_is_type tp_message_name tp_message_format""".split())
HOLDS = set("""tp_post_value tp_post_exit tp_inbox_open tp_inbox_close tp_inbox_receive
tp_inbox_send_value tp_inbox_call_value tp_inbox_decode tp_runtime_start tp_runtime_stop
tp_runtime_request_stop tp_runtime_stop_on_signals tp_runtime_trace tp_runtime_wait
tp_runtime_spawn_value tp_runtime_spawn_body tp_blob_new tp_blob_unref tp_whereis
tp_group_members""".split())
public = set(re.findall(r"\b(tp_\w+)\s*\(", "".join(
    open(f).read() for f in glob.glob("include/troupe/*.h"))))
DEFINITION = re.compile(r"^(?:[a-z][\w \*]*?)\b(tp_\w+)\(([^;{]*)\) \{\n(.*)\n", re.M)
marked = missing = 0
seen = set()
for path in sorted(glob.glob("core/**/*.c", recursive=True)):
    for name, arguments, first in DEFINITION.findall(open(path).read()):
        if name not in public or name in LOOKS:
            continue
        if arguments.startswith("tp_actor *self"):
            ok = first.strip() == "TPI_INSIDE(self);"
        elif name in HOLDS:
            ok = first.strip() == "TPI_FAULT_HOLD();"
            seen.add(name)
        else:
            continue
        marked += ok
        if not ok:
            missing += 1
            print(f"FAIL {path}: {name} does not say first that the runtime is in progress")
for name in sorted(HOLDS - seen):
    missing += 1
    print(f"FAIL {name} was not found")
print(f"{marked} passed, {missing} failed, 0 skipped")
sys.exit(missing > 0)
PYTHON
