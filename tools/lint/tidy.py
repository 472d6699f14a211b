#!/usr/bin/env python3
"""The house numbers: columns, lengths of files and functions, banned calls, assertions.

A function that is a flat table may be exempted by the words "tidy: flat table" in the comment above
it. --report prints the numbers of each room: median and longest function, comments, assertions a
function.
"""
import re
import statistics

import source

COLUMNS = 100
FUNCTION_LINES = 70
FUNCTION_P95 = 55
FUNCTION_MEDIAN = 15
FILE_LINES = {"source": 800, "internal": 200, "public": 350}
CONDITIONALS_PER_1000 = 3.0
ASSERTIONS_PER_FUNCTION = 2.0
# What the rooms have reached, and do not fall below; raise it when a room has more.
ASSERTIONS_AT_LEAST = {
    "core/actor": 0.6, "core/base": 0.4, "core/fiber": 0.9, "core/memory": 1.2,
    "core/message": 0.75, "core/queue": 1.1, "core/scheduler": 0.75,
}
ROOM_FUNCTIONS = 20  # fewer are no room to judge
TEXT = {".c", ".h", ".S", ".py", ".sh", ".cmake"}

BANNED = {
    "strcpy": "snprintf or memcpy with a checked size",
    "strncpy": "memcpy with a checked size",
    "strcat": "snprintf",
    "strncat": "snprintf",
    "sprintf": "snprintf",
    "vsprintf": "vsnprintf",
    "gets": "fgets",
    "strtok": "strchr or strcspn (strtok keeps global state)",
    "atoi": "strtol with its errors checked",
    "atol": "strtol with its errors checked",
    "atoll": "strtoll with its errors checked",
    "atof": "strtod with its errors checked",
    "rand": "core/base/rng.h with a seed",
    "srand": "core/base/rng.h with a seed",
    "random": "core/base/rng.h with a seed",
    "alloca": "a pool block or a fixed buffer",
    "tmpnam": "mkstemp",
    "mktemp": "mkstemp",
    "localtime": "localtime_r",
    "gmtime": "gmtime_r",
    "asctime": "strftime",
    "ctime": "strftime",
    "strerror": "strerror_r",
    "setjmp": "_setjmp (setjmp may save the signal mask: a system call)",
    "sigsetjmp": "_setjmp (saving the signal mask costs a system call)",
    "signal": "sigaction",
    "system": "posix_spawn",
    "assert": "TPI_ASSERT (core) or an error",
}
# Where a banned call is right: the tests' own runner handles SIGALRM with it.
BANNED_EXCEPT = {("signal", "tests/support/runner.c")}
# Spelled in parts, so that this file passes itself.
MARK = re.compile(r"\b(FIX" r"ME|X" r"XX)\b|\bTO" r"DO\b(?!\s*\(#\d+\))")
BANNED_CALL = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
PRODUCT = ("include/", "core/", "transport/", "actors/")
ASSERTION = re.compile(r"\bTPI_(?:ASSERT|CHECK)\w*\s*\(")


def kind_of(path):
    if path.endswith(".h"):
        return "public" if path.startswith("include/") else "internal"
    return "source"


def check_text(path, text, report):
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > COLUMNS:
            report.add(path, number, f"{len(line)} columns: the house has {COLUMNS}")
        if "\t" in line:
            report.add(path, number, "a tab: indent with four spaces")
        if line != line.rstrip():
            report.add(path, number, "white space at the end of the line")
        mark = MARK.search(line)
        if mark:
            report.add(path, number, f"{mark[0]}: do it, or open an issue and give its number")
    if text and not text.endswith("\n"):
        report.add(path, text.count("\n") + 1, "no newline at the end of the file")


def check_c(path, text, report):
    code = source.blank(text, keep_strings=False)
    line_of = lambda match: code.count("\n", 0, match.start()) + 1
    if not re.match(r"\s*(/\*|//)", text):
        report.add(path, 1, "the file opens with a comment: what it is and why it exists")
    limit = FILE_LINES[kind_of(path)]
    length = text.count("\n")
    if length > limit:
        report.add(path, limit + 1, f"{length} lines: {kind_of(path)} files have at most {limit}")
    if path.endswith(".h") and not re.search(r"^#ifndef \w+_H\n#define \w+_H$", text, re.M):
        report.add(path, 1, "no include guard")
    for match in BANNED_CALL.finditer(code):
        if (match[1], path) not in BANNED_EXCEPT:
            report.add(path, line_of(match), f"{match[1]}() is banned: use {BANNED[match[1]]}")
    for match in re.finditer(r"^[ \t]*#[ \t]*if[ \t]+0\b", code, re.M):
        report.add(path, line_of(match), "#if 0: delete dead code")


def check_functions(path, text, report):
    lines = text.split("\n")
    found = source.functions(text)
    for name, first, last, _ in found:
        length = last - first + 1
        above = "\n".join(lines[max(0, first - 6):first])
        if length > FUNCTION_LINES and "tidy: flat table" not in above:
            report.add(path, first, f"{name} has {length} lines: a function has at most "
                       f"{FUNCTION_LINES}")
    return found


class Room:
    """The numbers of one room."""

    def __init__(self):
        self.lengths, self.assertions, self.lines = [], 0, 0
        self.conditionals, self.comments, self.core_functions = 0, 0, 0

    def add(self, path, text, found):
        self.lengths += [last - first + 1 for _, first, last, _ in found]
        self.lines += text.count("\n")
        self.comments += len(source.comment_lines(text))
        code = source.blank(text)
        guards = 1 if path.endswith(".h") else 0
        self.conditionals += max(0, len(re.findall(r"^[ \t]*#[ \t]*if", code, re.M)) - guards)
        self.assertions += sum(len(ASSERTION.findall(body)) for _, _, _, body in found)


def room_of(path):
    parts = path.split("/")
    return "/".join(parts[:3] if parts[0] == "tests" and parts[1] == "unit" else parts[:2]
                    if len(parts) > 2 else parts[:1])


def check_rooms(rooms, report):
    exempt = ("core/platform", "include/troupe", "tests/support")
    product = {n: r for n, r in rooms.items() if n.startswith(PRODUCT) and n not in exempt}
    lines = sum(r.lines for r in product.values())
    conditionals = sum(r.conditionals for r in product.values())
    if lines and conditionals > max(CONDITIONALS_PER_1000 * lines / 1000, 3):
        worst = max(product, key=lambda n: product[n].conditionals)
        report.add(worst, 1, f"{conditionals} #if in {lines} lines of product code outside "
                   f"core/platform: at most {CONDITIONALS_PER_1000:g} in 1000")
    lengths = sorted(n for r in rooms.values() for n in r.lengths)
    if len(lengths) > 50:
        p95 = lengths[int(len(lengths) * 0.95)]
        if p95 > FUNCTION_P95:
            report.add(".", 1, f"one function in twenty has {p95} lines or more: at most "
                       f"{FUNCTION_P95}")
        if statistics.median(lengths) > FUNCTION_MEDIAN:
            report.add(".", 1, f"the median function has {statistics.median(lengths):g} lines: "
                       f"at most {FUNCTION_MEDIAN}")


def check_assertions(rooms, report):
    for name, least in ASSERTIONS_AT_LEAST.items():
        room = rooms.get(name)
        if room is None or len(room.lengths) < ROOM_FUNCTIONS:
            continue
        density = room.assertions / len(room.lengths)
        if density < least:
            report.add(name, 1, f"{density:.2f} assertions a function: this room had {least:g}")


def core_assertions(rooms):
    core = [r for n, r in rooms.items() if n.startswith("core/")]
    functions = sum(len(r.lengths) for r in core)
    return sum(r.assertions for r in core) / functions if functions else 0.0


def print_report(rooms):
    print(f"{'room':28} {'lines':>6} {'funcs':>5} {'median':>6} {'max':>4} {'comment%':>8} "
          f"{'asserts/f':>9} {'#if/1000':>8}")
    for name, room in sorted(rooms.items()):
        if not room.lines:
            continue
        lengths = room.lengths or [0]
        print(f"{name:28} {room.lines:6} {len(room.lengths):5} {statistics.median(lengths):6.1f} "
              f"{max(lengths):4} {100 * room.comments / room.lines:8.1f} "
              f"{room.assertions / max(1, len(room.lengths)):9.2f} "
              f"{1000 * room.conditionals / room.lines:8.2f}")


def main():
    options = source.arguments(__doc__, lambda p: p.add_argument("--report", action="store_true"))
    report = source.Report("tidy")
    rooms = {}
    paths = source.files(options.root, suffixes=TEXT)
    for path in paths:
        text = source.read(options.root, path)
        check_text(path, text, report)
        if path.endswith((".c", ".h")):
            check_c(path, text, report)
            found = check_functions(path, text, report)
            rooms.setdefault(room_of(path), Room()).add(path, text, found)
    check_rooms(rooms, report)
    check_assertions(rooms, report)
    density = core_assertions(rooms)
    status = report.finish(f"{len(paths)} files; {density:.2f} assertions a function in core, "
                           f"the aim is {ASSERTIONS_PER_FUNCTION:g}")
    if options.report:
        print_report(rooms)
    return status


if __name__ == "__main__":
    source.run(main)
