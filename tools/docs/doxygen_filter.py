#!/usr/bin/env python3
"""Doxygen's view of a public header: plain comments become documentation comments.

A comment at the start of a line documents what follows; one behind code documents what stands
before it. The first comment is the file's. Headings (/* ---- spawn ---- */) and comments that a
blank line cuts off from what follows stay plain. A TP_MESSAGE becomes the struct that it declares.
"""
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "lint"))
import source  # noqa: E402


def convert(path, text):
    pieces, at, first = [], 0, True
    for match in source.TOKEN.finditer(text):
        token = match[0]
        if not token.startswith("/*"):
            continue
        line_start = text.rfind("\n", 0, match.start()) + 1
        before = text[line_start:match.start()]
        after = text[match.end():match.end() + 2]
        if first:
            end = "" if token[2] == "\n" else "\n"
            replacement = f"/** @file {pathlib.Path(path).name}" + end + token[2:]
        elif re.match(r"/\*\s*-{2,}", token) or before.lstrip().startswith("#if"):
            replacement = token
        elif before.strip():
            replacement = "/**<" + token[2:]
        elif after == "\n\n":
            replacement = token
        else:
            replacement = "/**" + token[2:]
        first = False
        pieces += [text[at:match.start()], escape(replacement)]
        at = match.end()
    return "".join(pieces) + text[at:]


MESSAGE = re.compile(r'^TP_MESSAGE(?:_AS)?\((\w+)((?:[^()]|\([^()]*\))*)\);?', re.M)


def expand_messages(text):
    """TP_MESSAGE(name, TP_FIELD(i64, cents)) as a struct, on as many lines as it had."""
    def replace(match):
        fields = re.sub(r"\w+\s*\((\w+),\s*(\w+)[^)]*\)\s*,?", r"\1 \2;", match[2])
        fields = re.sub(r'^\s*,\s*("[^"]*"\s*,?)?', "", fields)
        lost = match[0].count("\n") - fields.count("\n")
        return f"typedef struct {match[1]} {{ {fields} }} {match[1]};" + "\n" * lost
    return MESSAGE.sub(replace, text)


def escape(comment):
    """Doxygen must not take <x>, # and @ in prose for commands."""
    head, body = comment[:comment.find("*") + 2], comment[comment.find("*") + 2:]
    file_tag = re.match(r"\s*@file [^\n]*\n", body)
    if file_tag:
        head, body = head + file_tag[0], body[file_tag.end():]
    body = re.sub(r"<(?=[a-zA-Z/])", "\\\\<", body) if not body.startswith("<") else (
        "<" + re.sub(r"<(?=[a-zA-Z/])", "\\\\<", body[1:]))
    return head + body


if __name__ == "__main__":
    header = pathlib.Path(sys.argv[1])
    sys.stdout.write(expand_messages(convert(header, header.read_text(encoding="utf-8"))))
