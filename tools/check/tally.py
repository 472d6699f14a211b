#!/usr/bin/env python3
"""Adds up one run of CTest from its log: tests, skips, and what a runner swallowed.

A test program that ends with "N passed, N failed, N skipped" counts by that line; any other program
counts as one test. Skips must be on the list in skips-allowed.txt. Prints one closing line and
exits with a status that says whether all is well.
"""
import pathlib
import re
import sys

TOTALS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)
SKIP = re.compile(r"^SKIP ([^:\s]+): (.*)$", re.M)
SWALLOWED = re.compile(
    r"^.*(WARNING: ThreadSanitizer|LeakSanitizer: detected|runtime error: |"
    r"ERROR: AddressSanitizer).*$", re.M)
FAILURE = re.compile(r"^.*\bFAIL\b.*$", re.M)
SECTION = re.compile(
    r"^\d+/\d+ Testing: (?P<name>.*?)\n(?P<body>.*?)^\"(?P=name)\" end time", re.M | re.S)


def tally(text):
    passed = failed = skipped = 0
    problems = []
    skips = []
    sections = list(SECTION.finditer(text))
    last = {section["name"]: section for section in sections}
    for section in sections:
        name, body = section["name"], section["body"]
        if section is not last[name]:  # it was run again: only a sanitizer's report counts
            failure = FAILURE.search(body)
            what = failure[0].strip() if failure else "it failed, or did not end in its time"
            print(f"NOTE {name} was run again: {what}")
            if SWALLOWED.search(body):
                failed += 1
                problems.append(f"{name} at first: {SWALLOWED.search(body)[0].strip()}")
            continue
        succeeded = re.search(r"^Test Pass(ed\.|\s+Reason:)", body, re.M) is not None
        totals = TOTALS.findall(body)
        if totals:
            good, bad, left = map(int, totals[-1])
            passed += good
            skipped += left
            failed += bad if bad else (0 if succeeded else 1)
        else:
            passed += succeeded
            failed += not succeeded
        if not succeeded:
            problems.append(f"{name} failed")
        skips += SKIP.findall(body)
        swallowed = SWALLOWED.search(body)
        if swallowed and succeeded:
            failed += 1
            problems.append(f"{name} passed, yet printed: {swallowed[0].strip()}")
    return passed, failed, skipped, problems, skips


def main():
    log, allowed_path = map(pathlib.Path, sys.argv[1:3])
    allowed = {line.split()[0] for line in allowed_path.read_text().splitlines()
               if line.strip() and not line.startswith("#")}
    passed, failed, skipped, problems, skips = tally(log.read_text(errors="replace"))
    for name, reason in skips:
        if name in allowed:
            print(f"SKIP {name}: {reason} (allowed)")
        else:
            failed += 1
            problems.append(f"skip that is not on the list: {name}: {reason}")
    if passed + failed == 0:
        failed = 1
        problems.append("no test ran")
    for problem in problems:
        print(f"FAIL {problem}")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
