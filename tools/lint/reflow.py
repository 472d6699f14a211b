#!/usr/bin/env python3
"""Wraps the comments that are wider than the house: `make format` runs it before clang-format.

Only the paragraph that holds an overlong line is filled anew, from that line on. Indented lines
(tables, programs), list items and headings keep their lines. Comments behind code are left to their
author.
"""
import pathlib
import re
import sys
import textwrap

import source

COLUMNS = 100


def is_text(line):
    """A line of running prose: not blank, not indented, no list item."""
    return bool(line) and not line[0].isspace() and not re.match(r"[-*|] ", line)


def fill(lines, width):
    """Fills each paragraph of `lines` from its first overlong line on."""
    result = []
    at = 0
    while at < len(lines):
        end = at + 1
        if len(lines[at]) > width:
            while end < len(lines) and is_text(lines[at]) and is_text(lines[end]):
                end += 1
            indent = re.match(r"\s*", lines[at])[0]
            item = re.match(r"[-*] ", lines[at].lstrip())
            text = " ".join(line.strip() for line in lines[at:end])
            result += textwrap.wrap(text, width, initial_indent=indent,
                                    subsequent_indent=indent + ("  " if item else ""),
                                    break_long_words=False, break_on_hyphens=False)
        else:
            result.append(lines[at])
        at = end
    return result


def rewrap(comment, margin):
    """A block comment that starts after `margin` spaces, none of its lines too wide."""
    lines = comment[2:-2].split("\n")
    opens_alone, closes_alone = lines[0].strip() == "", lines[-1].strip() == ""
    if len(lines) == 1:
        opens_alone = closes_alone = False
    texts = [re.sub(r"^\s*\* ?", "", line) if number else line[1:]
             for number, line in enumerate(lines)]
    texts = [text.rstrip() for text in texts]
    body = texts[1 if opens_alone else 0:len(texts) - 1 if closes_alone else len(texts)]
    body = fill(body, COLUMNS - margin - 3 - (0 if closes_alone else 3))
    pad = " " * margin
    rows = [f"{pad} * {text}".rstrip() for text in body]
    head = "/*\n" if opens_alone else ""
    if not opens_alone:
        rows[0] = "/* " + body[0]
    tail = f"\n{pad} */" if closes_alone else " */"
    return head + "\n".join(rows) + tail


def reflow(text):
    pieces, at = [], 0
    for match in source.TOKEN.finditer(text):
        token = match[0]
        start = text.rfind("\n", 0, match.start()) + 1
        margin = match.start() - start
        if not token.startswith("/*") or text[start:match.start()].strip():
            continue
        end = text.find("\n", match.end())
        wide = any(len(line) > COLUMNS for line in text[start:match.end()].split("\n"))
        if wide and not text[match.end():end].strip():
            pieces += [text[at:match.start()], rewrap(token, margin)]
            at = match.end()
    return "".join(pieces) + text[at:]


def main():
    for name in sys.argv[1:]:
        path = pathlib.Path(name)
        old = path.read_text(encoding="utf-8")
        new = reflow(old)
        if new != old:
            path.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
