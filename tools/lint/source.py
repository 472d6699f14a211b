"""What all lints share: which files there are, their text without comments, their includes.

Every lint takes --root FOLDER (the repository by default), so that tests/lint can show each of them
a planted violation. A problem is printed as FILE:LINE: text; the exit status says whether there was
one.
"""
import argparse
import os
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent

SKIPPED_FOLDERS = {"build", ".git", ".cache", "__pycache__", "node_modules"}
C_SUFFIXES = {".c", ".h"}
FUNCTION_NAME = re.compile(r"([A-Za-z_]\w*)\s*\(")

# The headers of C17 that touch no operating system. <signal.h> and <time.h> are not among them:
# what they offer belongs to core/platform.
C_HEADERS = {name + ".h" for name in (
    "assert ctype errno float inttypes iso646 limits locale math setjmp stdalign stdarg stdatomic "
    "stdbool stddef stdint stdio stdlib stdnoreturn string tgmath uchar wchar wctype").split()}


class Report:
    """Collects problems and prints the verdict line."""

    def __init__(self, lint):
        self.lint = lint
        self.problems = []

    def add(self, path, line, text):
        self.problems.append((str(path), line, text))

    def finish(self, note=""):
        for path, line, text in sorted(self.problems):
            print(f"{path}:{line}: {text}")
        count = len(self.problems)
        verdict = "ok" if count == 0 else f"FAIL, {count} problem{'s' if count != 1 else ''}"
        print(f"{self.lint}: {verdict}{' (' + note + ')' if note else ''}")
        return 1 if count else 0


def arguments(description, extra=None):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=pathlib.Path, default=ROOT)
    if extra:
        extra(parser)
    options = parser.parse_args()
    options.root = options.root.resolve()
    return options


def files(root, suffixes=frozenset(C_SUFFIXES), folders=("",)):
    """Relative paths of the files, sorted; planted violations are no part of the repository."""
    found = []
    for folder in folders:
        for base, names, leaves in os.walk(root / folder):
            relative = pathlib.Path(base).relative_to(root)
            names[:] = [n for n in names if n not in SKIPPED_FOLDERS
                        and (relative / n).as_posix() != "tests/lint/planted"]
            found += [(relative / leaf).as_posix() for leaf in leaves
                      if pathlib.Path(leaf).suffix in suffixes]
    return sorted(set(found))


def read(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace")


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def blank(text, keep_strings=True):
    """The text with comments (and strings) replaced by spaces; lines keep their numbers."""
    def replace(match):
        token = match[0]
        if token[0] == "/":
            return re.sub(r"[^\n]", " ", token)
        return token if keep_strings else token[0] + " " * (len(token) - 2) + token[0]
    return TOKEN.sub(replace, text)


def comment_lines(text):
    """The set of line numbers that carry a comment or a part of one."""
    lines = set()
    for match in TOKEN.finditer(text):
        if match[0][0] == "/":
            first = text.count("\n", 0, match.start()) + 1
            lines.update(range(first, first + match[0].count("\n") + 1))
    return lines


INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def includes(text):
    """(line, kind, name) for each include; kind is '<' or '"'."""
    code = blank(text)
    return [(code.count("\n", 0, m.start()) + 1, m[1], m[2]) for m in INCLUDE.finditer(code)]


def own_include(root, path, kind, name):
    """The repository's file that an include means, or None."""
    if kind == "<":
        target = "include/" + name if name.startswith("troupe/") else None
        return target
    if (root / name).is_file():
        return name
    beside = (pathlib.Path(path).parent / name).as_posix()
    return beside if (root / beside).is_file() else name


FUNCTION_OPEN = re.compile(r"^(?=[A-Za-z_])[^;={}#]*?\([^;{}]*?\)[^;={}]*\{[ \t]*$", re.M)


def functions(text):
    """(name, first line, last line, body) of each function: its head stands in column 1 and so does
    its closing brace. Macros that define functions (TP_TEST) count."""
    code = re.sub(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m[0]),
                  blank(text, keep_strings=False), flags=re.M)
    found = []
    at = 0
    while True:
        head = FUNCTION_OPEN.search(code, at)
        if not head:
            return found
        end = code.find("\n}", head.end() - 1)
        if end < 0:
            return found
        start_line = code.count("\n", 0, head.start()) + 1
        end_line = code.count("\n", 0, end + 1) + 1
        names = [m[1] for m in FUNCTION_NAME.finditer(head[0]) if not m[1].startswith("__")]
        name = names[0] if names else "?"
        if name in {"TP_TEST"}:
            name = re.sub(r"\s+", "", head[0].strip().rstrip("{"))
        found.append((name, start_line, end_line, code[head.end():end]))
        at = end + 2


def table(path):
    """The lines of a table file without comments: (line number, text)."""
    return [(number, line.split("#")[0].strip())
            for number, line in enumerate(path.read_text().splitlines(), 1)
            if line.split("#")[0].strip()]


def run(main):
    sys.exit(main())
