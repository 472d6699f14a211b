#!/usr/bin/env python3
"""Plants one bug at a time and shows that the tests find it.

Each file of tests/mutants is a patch with a head:

    What: one line, what the bug is
    Build: release | asan | tsan     (release if it is left out)
    Test: PROGRAM [ARGUMENT...]      (one line each; the first that fails has found the bug)

The tree is copied to build/mutants/tree, so the sources are never touched. First the named tests
run on the unchanged copy, and must pass: else a failure would say nothing. Then each patch is
applied, the named programs are built, the tests run, and the patch is taken back. Found: a test
fails, crashes or runs into its time limit. A bug that is not found is a failure, and so are a patch
that does not apply and a mutant that does not compile.
"""

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PATCHES = os.path.join(ROOT, "tests", "mutants")
WORK = os.path.join(ROOT, "build", "mutants")
TREE = os.path.join(WORK, "tree")
CONFIGURE = {
    "release": ["-DCMAKE_C_FLAGS_RELEASE=-O1"],
    "asan": ["-DCMAKE_C_FLAGS_RELEASE=-O1", "-DTP_SANITIZE=address,undefined"],
    "tsan": ["-DCMAKE_C_FLAGS_RELEASE=-O1", "-DTP_SANITIZE=thread"],
}
ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_stack_use_after_return=0:detect_leaks=1",
    "UBSAN_OPTIONS": "halt_on_error=1",
    "TSAN_OPTIONS": "halt_on_error=1",
}


class Mutant:
    """A patch and its head."""

    def __init__(self, path):
        self.path = path
        self.name = os.path.splitext(os.path.basename(path))[0]
        self.what, self.build, self.tests, self.files = "", "release", [], []
        with open(path, encoding="utf-8") as file:
            for line in file:
                key, _, value = line.partition(":")
                if line.startswith("+++ b/"):
                    self.files.append(line[len("+++ b/"):].strip())
                elif key == "What":
                    self.what = value.strip()
                elif key == "Build":
                    self.build = value.strip()
                elif key == "Test":
                    self.tests.append(shlex.split(value))
        if not self.what or not self.tests or self.build not in CONFIGURE:
            raise SystemExit(f"{path}: What, Test or Build is missing or wrong")


def listed_files():
    """What git would commit; without git, everything that is not built."""
    done = subprocess.run(["git", "-C", ROOT, "ls-files", "-co", "--exclude-standard", "-z"],
                          capture_output=True, check=False)
    if done.returncode == 0:
        return [name for name in done.stdout.decode().split("\0") if name]
    found = []
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in ("build", ".git")]
        found += [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
    return found


def copy_tree():
    """Only what differs is written, so that a second run builds little."""
    names = {name for name in listed_files() if os.path.isfile(os.path.join(ROOT, name))}
    for name in names:
        source, target = os.path.join(ROOT, name), os.path.join(TREE, name)
        with open(source, "rb") as file:
            content = file.read()
        if os.path.exists(target):
            with open(target, "rb") as file:
                if file.read() == content:
                    continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "wb") as file:
            file.write(content)
        shutil.copymode(source, target)
    for folder, _, present in os.walk(TREE):
        for name in present:
            path = os.path.join(folder, name)
            if os.path.relpath(path, TREE) not in names:
                os.remove(path)


def run(command, seconds, cwd=ROOT):
    """Status (None: the time was up) and all that was printed."""
    process = subprocess.Popen(command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               stdin=subprocess.DEVNULL, start_new_session=True,
                               env={**os.environ, **ENVIRONMENT})
    try:
        output, _ = process.communicate(timeout=seconds)
        return process.returncode, output.decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        output, _ = process.communicate()
        return None, output.decode(errors="replace")


def configure(build):
    folder = os.path.join(WORK, build)
    command = ["cmake", "-S", TREE, "-B", folder, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
               "-DTP_TEST_RUNNER=inprocess", "-DTP_BUILD_BENCH=OFF", "-DTP_BUILD_EXAMPLES=OFF",
               "-DTP_BUILD_NET=ON", "-DTP_BUILD_TOOLS=OFF", "-DTP_INSTALL=OFF"]
    return run(command + CONFIGURE[build], 300)


def compile_tests(build, programs, jobs):
    return run(["ninja", "-C", os.path.join(WORK, build), f"-j{jobs}", *sorted(programs)], 1200)


def run_test(build, test, seconds):
    """None: passed; else how it failed, in a few words."""
    status, output = run([os.path.join(WORK, build, "bin", test[0]), *test[1:]], seconds, TREE)
    if status == 0:
        return None
    if status is None:
        return f"{' '.join(test)}: more than {seconds} s"
    for line in output.splitlines():
        if line.startswith("FAIL "):
            return line[5:].strip()[:160]
    for mark in ("WARNING: ThreadSanitizer", "ERROR: AddressSanitizer", "runtime error", "assert"):
        for line in output.splitlines():
            if mark in line:
                return f"{test[0]}: {line.strip()[:140]}"
    return f"{' '.join(test)}: status {status}"


def baseline(mutants, jobs, seconds, say):
    """Builds everything once and runs each named test on the unchanged tree."""
    broken = []
    for build in sorted({mutant.build for mutant in mutants}):
        of_build = [mutant for mutant in mutants if mutant.build == build]
        programs = {test[0] for mutant in of_build for test in mutant.tests}
        say(f"unchanged, {build}: building {' '.join(sorted(programs))}")
        for status, output in (configure(build), compile_tests(build, programs, jobs)):
            if status != 0:
                sys.stderr.write(output[-4000:])
                raise SystemExit(f"FAIL the unchanged tree does not build ({build})")
        for test in sorted({tuple(test) for mutant in of_build for test in mutant.tests}):
            start = time.monotonic()
            failure = run_test(build, list(test), seconds)
            say(f"unchanged, {build}: {' '.join(test)}: {failure or 'ok'} "
                f"({time.monotonic() - start:.1f} s)")
            if failure is not None:
                broken.append(f"{' '.join(test)} ({build}): {failure}")
    return broken


def patch(mutant, *options):
    return run(["patch", "-p1", "--silent", "--no-backup-if-mismatch", "--forward",
                "--reject-file=-", *options, f"--input={mutant.path}"], 60, TREE)


def contents(mutant):
    """The files that a patch changes, as they are."""
    kept = {}
    for name in mutant.files:
        path = os.path.join(TREE, name)
        if os.path.exists(path):
            with open(path, "rb") as file:
                kept[path] = file.read()
    return kept


def put_back(kept):
    for path, content in kept.items():
        with open(path, "wb") as file:
            file.write(content)


def try_mutant(mutant, jobs, seconds):
    """(killed, why)"""
    kept = contents(mutant)
    status, output = patch(mutant)
    if status != 0:
        put_back(kept)
        return False, f"the patch does not apply: {' '.join(output.split())[:160]}"
    try:
        status, output = compile_tests(mutant.build, {test[0] for test in mutant.tests}, jobs)
        if status != 0:
            errors = [line for line in output.splitlines() if "error" in line]
            return False, f"does not compile: {(errors or ['?'])[0][:160]}"
        for test in mutant.tests:
            failure = run_test(mutant.build, test, seconds)
            if failure is not None:
                return True, failure
        return False, "survived " + ", ".join(" ".join(test) for test in mutant.tests)
    finally:
        put_back(kept)


def main():
    parser = argparse.ArgumentParser(prog="tools/mutants/run.sh", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these (a part of the name)")
    parser.add_argument("--list", action="store_true", help="say what there is, and end")
    parser.add_argument("--json", action="store_true", help="one line of JSON at the end")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="of the compiler")
    parser.add_argument("--seconds", type=int, default=45, help="a test's time limit")
    given = parser.parse_args()
    mutants = [Mutant(os.path.join(PATCHES, name)) for name in sorted(os.listdir(PATCHES))
               if name.endswith(".patch")]
    if given.names:
        mutants = [one for one in mutants if any(name in one.name for name in given.names)]
    if not mutants:
        raise SystemExit("mutants: no mutant of that name")
    if given.list:
        for mutant in mutants:
            print(f"{mutant.name:34} {mutant.what}")
        return 0

    def say(text):
        print(text, file=sys.stderr if given.json else sys.stdout, flush=True)

    begin = time.monotonic()
    copy_tree()
    broken = baseline(mutants, given.jobs, given.seconds, say)
    if broken:
        for line in broken:
            say(f"FAIL the unchanged tree does not pass: {line}")
        return 1
    results = []
    for number, mutant in enumerate(mutants, 1):
        start = time.monotonic()
        killed, why = try_mutant(mutant, given.jobs, given.seconds)
        spent = time.monotonic() - start
        results.append({"name": mutant.name, "what": mutant.what, "killed": killed, "by": why,
                        "seconds": round(spent, 1)})
        say(f"[{number:2}/{len(mutants)}] {'killed' if killed else 'FAIL  '} {mutant.name:32} "
            f"{spent:5.1f} s  {why}")
    killed = sum(result["killed"] for result in results)
    spent = round(time.monotonic() - begin, 1)
    if given.json:
        print(json.dumps({"killed": killed, "total": len(results), "seconds": spent,
                          "mutants": results}))
    say(f"mutants: {killed} of {len(results)} killed in {spent:.0f} s")
    say(f"{killed} passed, {len(results) - killed} failed, 0 skipped")
    return 0 if killed == len(results) else 1


if __name__ == "__main__":
    sys.exit(main())
