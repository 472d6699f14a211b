#!/usr/bin/env python3
"""Instructions per operation, counted by callgrind: a figure that a busy machine does not change.

Each case runs twice, with a few operations and with some more, on one worker; the difference, by
the operations that were more, is what one costs. So starting and stopping cost nothing.

  counts.py            prints the counts
  counts.py --check    fails when one differs from bench/counts.json by more than its tolerance
  counts.py --update   writes bench/counts.json
  counts.py --stages NAME   where the instructions of an operation go, by step and by function
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STORED = os.path.join(ROOT, "bench/counts.json")
TOLERANCE = 0.04
# name: (operations at scale 1, unit, the two scales)
CASES = {
    "pingpong": (2000000, "instructions/hop", 0.01, 0.03),
    "count": (1000000, "instructions/message", 0.02, 0.06),
    "threadring": (1000000, "instructions/hop", 0.02, 0.06),
    "fjcreate": (1000000, "instructions/actor", 0.01, 0.03),
    "fjthrput": (600000, "instructions/message", 0.1, 0.2),
    "banking": (50000, "instructions/transaction", 0.2, 0.5),
    "chameneos": (200000, "instructions/meeting", 0.02, 0.1),
    "big": (2400000, "instructions/ping", 0.01, 0.02),
}
# The step of a hop that a function belongs to: the first row whose pattern its name matches.
STAGES = (
    ("allocate", r"tpi_pool_(take|take_cached|refill)$|cut_blocks|tpi_send_begin|tpi_block_init|"
                 r"tpi_class_of|refill_fresh|slab_new|tpi_block_new|tpi_unpoison"),
    ("free", r"tpi_pool_(give|return|flush)$|tpi_block_(drop|free|poison|forget)|retire$|"
             r"hand_over"),
    ("encode", r"_encode$|tp_write|tpi_put|tp_writer|tpi_send_class|big_endian"),
    ("decode", r"_decode$|tp_read|tpi_peek|tpi_load|tpi_left|tpi_open|tp_reader|tpi_take_"),
    ("exchange", r"tpi_mailbox_push|send_plain|tpi_send_end|is_plain_receiver|tpi_slot$|"
                 r"tpi_block_link|tp_send"),
    ("account", r"account|tpi_credit|tpi_mailbox_length|tpi_has_waiters|tpi_limit|passed_limit|"
                r"count_queued|burst|credit"),
    ("idle", r"settle|tpi_mailbox_idle"),
    ("next slot or queue", r"tpi_worker_|schedule|take_partner|run_slices|run_one|end_slice|"
                           r"tpi_deque|take_ready|take_|pick|look_is_due|push_|peek_next|queue_for|"
                           r"distance|index_of|advanced|slot_[gs]et|own_tail|publish_tail|"
                           r"tpi_inject|outside_has|stopping|runnable_of|has_ready"),
    ("dequeue", r"^fetch|is_plain$|tpi_block_next|run_plain|next_|is_ordinary|run$|tpi_stub|"
                r"has_more|run_handlers|needs_attention"),
    ("dispatch", r"find_handler|handle|_thunk|tpi_call|handler"),
    ("spawn and end", r"spawn|slot|exit|drain|publish|escape|release|finish|tpi_mailbox_|start$|"
                      r"unpublish|free_state|call_terminate|tpi_signal_goodbye|longjmp|setjmp|"
                      r"tpi_extra|tpi_doom|reason"),
    ("count", r"^tpi_count"),
)
NO_FUNCTION = {"_Static_assert", "if", "while", "for", "switch", "return", "TPI_OTHER_LINE"}
START = re.compile(r"^[A-Za-z_][^;=]*?\b(\w+)\s*\(")
ATTRIBUTE = re.compile(r"__attribute__\(\(.*?\)\)")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", default=os.path.join(ROOT, "build/release/bin/troupe-bench"))
    parser.add_argument("--names", default="", help="words; default: all")
    parser.add_argument("--stored", default=STORED)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("--stages", metavar="NAME")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    return parser.parse_args()


def callgrind(program, name, scale, folder):
    """Runs a case once; the path of what callgrind wrote."""
    out = os.path.join(folder, f"{name}.{scale}")
    command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", "--compress-pos=no",
               "--compress-strings=no", "--max-stackframe=4000000", "--fair-sched=yes", program,
               name, "--workers", "1", "--reps", "1", "--unwatched", "--scale", str(scale)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != 0 or not os.path.exists(out):
        sys.exit(f"counts: {name} under callgrind: status {done.returncode}\n{done.stderr[-2000:]}")
    return out


def total(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith(("summary:", "totals:")):
                return int(line.split()[1])
    sys.exit(f"counts: {path} has no total")


def count(program, name):
    operations, unit, few, many = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        less = total(callgrind(program, name, few, folder))
        more = total(callgrind(program, name, many, folder))
    each = (more - less) / (round(operations * many) - round(operations * few))
    return {"name": name, "unit": unit, "value": round(each, 1)}


def count_all(args, names):
    with concurrent.futures.ThreadPoolExecutor(max_workers=max(1, args.jobs)) as pool:
        return list(pool.map(lambda name: count(args.program, name), names))


# ---- steps ----

class Sources:
    """Which function of our sources a line is in."""

    def __init__(self):
        self.files = {}

    def starts(self, path):
        if path not in self.files:
            found = []
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    for number, line in enumerate(file, 1):
                        match = START.match(ATTRIBUTE.sub("", line))
                        if match and match[1] not in NO_FUNCTION and not line.startswith("#"):
                            found.append((number, match[1]))
            except OSError:
                pass
            self.files[path] = found
        return self.files[path]

    def function(self, path, line, otherwise):
        name = otherwise
        for number, start in self.starts(path):
            if number > line:
                break
            name = start
        return name


def self_costs(path, sources):
    """Self cost by function, what was inlined under its own name."""
    costs, file, function, skip = {}, "", "", False
    with open(path, encoding="utf-8", errors="replace") as lines:
        for text in lines:
            key, _, value = text.rstrip("\n").partition("=")
            if key in ("fl", "fi", "fe"):
                file = value
            elif key == "fn":
                function = value
            elif key == "calls":
                skip = True
            elif text[:1].isdigit():
                line, cost = (int(word) for word in text.split()[:2])
                if not skip:
                    where = os.path.relpath(file, ROOT) if file.startswith(ROOT) else ""
                    name = sources.function(file, line, function) if where else function
                    costs[where, name] = costs.get((where, name), 0) + cost
                skip = False
    return costs


def stage_of(where, name):
    if where.startswith("bench/"):  # the macros' code is where they stand
        made = {"TP_FIELD": "encode", "TP_MESSAGE": "encode", "TP_ON": "dispatch",
                "TP_INIT_WITH": "dispatch", "TP_BEHAVIOR": "dispatch"}
        return made.get(name, "the actors' own code")
    for stage, pattern in STAGES:
        if re.search(pattern, name):
            return stage
    return "other"


def stages(args, name):
    operations, unit, few, many = CASES[name]
    more = round(operations * many) - round(operations * few)
    sources = Sources()
    with tempfile.TemporaryDirectory() as folder:
        less = self_costs(callgrind(args.program, name, few, folder), sources)
        costs = self_costs(callgrind(args.program, name, many, folder), sources)
    each = {key: (cost - less.get(key, 0)) / more for key, cost in costs.items()}
    steps = {}
    for (where, function), value in each.items():
        if abs(value) >= 0.05:
            steps.setdefault(stage_of(where, function), []).append((value, function, where))
    print(f"{name}: {sum(each.values()):.1f} {unit}")
    for stage, parts in sorted(steps.items(), key=lambda item: -sum(p[0] for p in item[1])):
        print(f"{sum(part[0] for part in parts):8.1f}  {stage}")
        for value, function, where in sorted(parts, reverse=True):
            print(f"{'':10}{value:8.1f}  {function} ({where or 'elsewhere'})")


# ---- what is stored ----

def compiler():
    try:
        done = subprocess.run(["cc", "--version"], capture_output=True, text=True, check=True)
        return done.stdout.split("\n")[0]
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def store(path, counted):
    data = {"format": 1, "compiler": compiler(), "architecture": os.uname().machine,
            "tolerance": TOLERANCE, "counts": counted}
    with open(path, "w", encoding="utf-8") as file:
        json.dump(data, file, indent=1)
        file.write("\n")


def check(path, counted):
    with open(path, encoding="utf-8") as file:
        stored = json.load(file)
    if stored["architecture"] != os.uname().machine:
        print(f"SKIP bench.counts: counted on {stored['architecture']}")
        return 0
    before = {one["name"]: one["value"] for one in stored["counts"]}
    failed = 0
    for one in counted:
        old = before.get(one["name"])
        change = one["value"] / old - 1 if old else 0
        word = "ok"
        if old is None or change > stored["tolerance"]:
            word, failed = "FAIL", failed + 1
        elif change < -stored["tolerance"]:
            word = "better: store it (tools/bench/counts.py --update)"
        print(f"{word}: {one['name']} {one['value']} {one['unit']}, stored "
              f"{old if old is not None else 'none'} ({100 * change:+.1f} %)")
    print(f"{len(counted) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


def main():
    args = arguments()
    names = args.names.split() or list(CASES)
    unknown = [name for name in names + [args.stages or names[0]] if name not in CASES]
    if unknown:
        sys.exit(f"counts: no case of the name {unknown[0]}: {' '.join(CASES)}")
    if args.stages:
        stages(args, args.stages)
        return 0
    counted = count_all(args, names)
    if args.update:
        store(args.stored, counted)
    if args.check:
        return check(args.stored, counted)
    for one in counted:
        print(f"{one['name']:12} {one['value']:8.1f} {one['unit']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
