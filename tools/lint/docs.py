#!/usr/bin/env python3
"""Every declaration in include/troupe carries its own comment, directly above it or behind it.

Declarations are functions, types, variables and the TP_ macros. Constants written as one unbroken
block of #defines may share the comment above the block. Names of the machinery (tpi_, TPI_),
include guards and macros that the header itself undefines are not for users.
"""
import re

import source

IGNORED_MACRO = re.compile(r"^(TPI_|TROUPE_\w+_H$|TP_EXTERN_|TP_API$|TP_PRINTF$)")
NAME_OF_FUNCTION = re.compile(r"\b(tp_\w+)\s*\(")


def statements(code):
    """(first line, last line, text) of each top-level statement outside the preprocessor."""
    depth, start, found = 0, None, []
    line = 1
    text = []
    for char in code:
        if start is None and not char.isspace():
            start, text = line, []
        if start is not None:
            text.append(char)
        if char == "{" or char == "(":
            depth += 1
        elif char == "}" or char == ")":
            depth -= 1
        body = "".join(text) if char in ";}" and depth == 0 and start is not None else None
        if body is not None and (char == ";" or (char == "}" and is_function_body(body))):
            found.append((start, line, body))
            start = None
        if char == "\n":
            line += 1
    return found


def is_function_body(body):
    return not re.match(r"\s*(typedef|struct|enum|union)\b[^(]*\{", body)


def declared(body):
    """The public name a statement declares, or None."""
    body = " ".join(body.split())
    body = re.sub(r"__attribute__\s*\(\(.*?\)\)|TP_API|TP_PRINTF\([^)]*\)|_Noreturn", " ", body)
    message = re.match(r"\s*(TP_MESSAGE(?:_AS)?)\s*\(\s*(\w+)", body)
    if message:
        return message[2]
    if body.lstrip().startswith("typedef"):
        pointer = re.search(r"\(\s*\*\s*(\w+)\s*\)\s*\(", re.sub(r"\{.*\}", "", body))
        names = re.findall(r"\w+", re.sub(r"\{.*\}|\[[^]]*\]", " ", body))
        name = pointer[1] if pointer else names[-1]
        return name if name.startswith("tp_") else None
    head = body.split("{")[0].split("=")[0]
    function = NAME_OF_FUNCTION.search(head)
    if function:
        return function[1]
    kind = re.match(r"\s*(?:struct|enum|union)\s+(tp_\w+)\s*(\{|;)", body)
    if kind:
        return kind[1] if kind[2] == "{" else None
    if re.match(r"\s*enum\s*\{", body):
        return "enum {...}"
    names = re.findall(r"\b(tp_\w+)\b", head)
    return names[-1] if names and "extern" in head else None


def macros(code):
    """(first line, last line, name) of each #define."""
    found = []
    for match in re.finditer(r"^[ \t]*#[ \t]*define[ \t]+(\w+)((?:[^\n]*\\\n)*[^\n]*)", code, re.M):
        first = code.count("\n", 0, match.start()) + 1
        found.append((first, first + match[0].count("\n"), match[1]))
    return found


def check(path, text, report):
    comments = source.comment_lines(text)
    code = source.blank(text)
    bare = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]), code,
                  flags=re.M)
    bare = re.sub(r"\bTP_EXTERN_(BEGIN|END)\b", lambda m: " " * len(m[0]), bare)
    # A message declaration may stand without a semicolon.
    bare = re.sub(r"^(TP_MESSAGE(?:_AS)?\((?:[^()]|\([^()]*\))*\))(?!\s*;)", r"\1;", bare,
                  flags=re.M)
    code_lines = {i for i, l in enumerate(code.splitlines(), 1) if l.strip()}

    def documented(first, last):
        above = first - 1
        own_above = above in comments and above not in code_lines
        return own_above or any(line in comments for line in (first, last))

    count = 0
    for first, last, body in statements(bare):
        name = declared(body)
        if name is None:
            continue
        count += 1
        if not documented(first, last):
            report.add(path, first, f"{name} has no comment of its own")
    previous_last, previous_good = -1, False
    local = set(re.findall(r"^[ \t]*#[ \t]*undef[ \t]+(\w+)", code, re.M))
    for first, last, name in macros(code):
        if IGNORED_MACRO.match(name) or name in local:
            continue
        good = documented(first, last) or (first == previous_last + 1 and previous_good)
        previous_last, previous_good = last, good
        count += 1
        if not good:
            report.add(path, first, f"macro {name} has no comment of its own")
    return count


def main():
    options = source.arguments(__doc__)
    report = source.Report("docs")
    count = 0
    for path in source.files(options.root, folders=("include/troupe",)):
        count += check(path, source.read(options.root, path), report)
    return report.finish(f"{count} public declarations")


if __name__ == "__main__":
    source.run(main)
