#!/usr/bin/env python3
"""Atomics: the order is written out, every operation has its comment, stronger ones have their row.

A comment on the line of the operation, or on one of the three lines above its statement, names the
partner and says what breaks if it were weaker. Each file that uses an order other than relaxed is
named in docs/ordering.md. No stand-alone fences (ThreadSanitizer does not understand them), no
compiler built-ins in the atomics' stead.
"""
import re

import source

FOLDERS = ("include", "core", "transport", "actors")
EXPLICIT = re.compile(r"\batomic_\w+_explicit\s*\(")
IMPLICIT = re.compile(
    r"\b(atomic_(?:load|store|exchange|compare_exchange_(?:strong|weak)|fetch_\w+?|"
    r"flag_test_and_set|flag_clear))\s*\(")
BANNED = re.compile(r"\b(atomic_thread_fence|atomic_signal_fence|__atomic_\w+|__sync_\w+|"
                    r"ATOMIC_VAR_INIT)\s*\(")
STRONG = re.compile(r"\bmemory_order_(acquire|release|acq_rel|seq_cst|consume)\b")
ABOVE = 3


def statement_start(lines, line):
    """The first line of the statement that `line` belongs to."""
    while line > 1 and lines[line - 2].strip():
        if re.search(r"[;{}:]\s*(\\)?$", lines[line - 2]):
            break
        line -= 1
    return line


def check(path, text, report):
    code = source.blank(text, keep_strings=False)
    lines = code.splitlines()
    comments = source.comment_lines(text)
    number = lambda match: code.count("\n", 0, match.start()) + 1
    count = 0
    for match in IMPLICIT.finditer(code):
        if not match[1].endswith("_explicit"):
            report.add(path, number(match), f"{match[1]} hides its order: use {match[1]}_explicit")
    for match in BANNED.finditer(code):
        report.add(path, number(match), f"{match[1]} is banned: use atomic_..._explicit")
    for match in EXPLICIT.finditer(code):
        count += 1
        line = number(match)
        first = statement_start(lines, line)
        if not any(near in comments for near in range(first - ABOVE, line + 1)):
            report.add(path, line, f"{match[0].rstrip('( ')} has no comment that names its partner")
    return count, STRONG.search(code) is not None


def main():
    options = source.arguments(__doc__)
    report = source.Report("orders")
    table = options.root / "docs/ordering.md"
    rows = table.read_text() if table.is_file() else ""
    count = 0
    for path in source.files(options.root, folders=FOLDERS):
        found, strong = check(path, source.read(options.root, path), report)
        count += found
        if strong and path not in rows:
            report.add(path, 1, "has acquire, release or seq_cst atomics but no row in "
                       "docs/ordering.md")
    return report.finish(f"{count} atomic operations")


if __name__ == "__main__":
    source.run(main)
