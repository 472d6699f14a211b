#!/usr/bin/env python3
"""Doors: each third-party header enters by one room, the operating system by core/platform.

Also the clock and the random source: no product code but core/platform calls the system's, and
nothing but the driver calls the platform's. Tests never sleep: time is the simulator's or a
deadline's.
"""
import fnmatch
import re

import source

SYSTEM_CLOCK = re.compile(
    r"(?<![\w.>])(clock_gettime|clock_nanosleep|gettimeofday|timespec_get|time|clock|ftime|"
    r"nanosleep|usleep|sleep|rand|rand_r|random|srand|srandom|drand48|lrand48|getrandom|getentropy|"
    r"arc4random\w*|__builtin_ia32_rdtsc\w*|__rdtsc\w*|__builtin_readcyclecounter)\s*\(")
PLATFORM_CLOCK = re.compile(
    r"(?<!\w)(tpi_clock_monotonic|tpi_clock_wall|tpi_entropy|tpi_sleep_thread)\s*\(")
SLEEP = re.compile(r"(?<![\w.>])(nanosleep|clock_nanosleep|usleep|sleep|tpi_sleep_thread)\s*\(")
PRODUCT = ("include/", "core/", "transport/", "actors/")


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def door_of(name, doors):
    for pattern, paths in doors.items():
        if fnmatch.fnmatch(name, pattern):
            return pattern, paths
    return "os", doors["os"]


def check_includes(path, text, doors, report):
    for line, kind, name in source.includes(text):
        if kind == '"' or name.startswith("troupe/"):
            continue
        if name in source.C_HEADERS and name not in doors:
            continue
        door, paths = door_of(name, doors)
        if not matches(path, paths):
            what = "a header of the operating system" if door == "os" else "guarded"
            report.add(path, line, f"<{name}> is {what}: only {' '.join(paths)} may include it")


def check_calls(path, text, doors, report):
    code = source.blank(text, keep_strings=False)
    gates = []
    if path.startswith(PRODUCT):
        gates = [(SYSTEM_CLOCK, "clock", "time and randomness come from the driver"),
                 (PLATFORM_CLOCK, "driver", "only the driver reads the platform's clock")]
    elif path.startswith("tests/") and not path.startswith("tests/package/"):
        gates = [(SLEEP, "sleep", "tests do not sleep: use the simulator, a wait or a deadline")]
    for pattern, gate, why in gates:
        if matches(path, doors[gate]):
            continue
        for match in pattern.finditer(code):
            report.add(path, code.count("\n", 0, match.start()) + 1, f"{match[1]}(): {why}")


def main():
    options = source.arguments(__doc__)
    report = source.Report("doors")
    doors = {}
    for _, text in source.table(source.HERE / "doors.txt"):
        head, _, tail = text.partition(":")
        doors[head.strip()] = tail.split()
    paths = source.files(options.root)
    for path in paths:
        text = source.read(options.root, path)
        check_includes(path, text, doors, report)
        check_calls(path, text, doors, report)
    return report.finish(f"{len(paths)} files")


if __name__ == "__main__":
    source.run(main)
