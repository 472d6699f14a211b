#!/usr/bin/env python3
"""The exported symbols of libtroupe.so: prefixed, and exactly those of symbols.txt.

tp_ is public; tpi_ may be exported only where a public macro needs it. --update rewrites the list.
--unused reports functions shared between files that no other object uses: they could be static.
"""
import pathlib
import re
import subprocess
import sys

import source

EXPORT = re.compile(r"^(tp_[a-z0-9]\w*|tpi_\w+)$")


def nm(*arguments):
    command = ["nm", *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def exported(library):
    names = set()
    for line in nm("--dynamic", "--defined-only", "--extern-only", library).splitlines():
        kind, name = line.split()[-2:]
        if kind in "TDBRVWi":
            names.add(name.split("@")[0])
    return sorted(names)


def unused(build):
    objects = [p for p in build.rglob("*.o") if "CMakeFiles" in p.parts]
    defined, used = {}, set()
    for path in objects:
        for line in nm("--extern-only", path).splitlines():
            kind, name = line.split()[-2:]
            if kind == "U":
                used.add(name)
            elif kind == "T" and name.startswith("tpi_") and "troupe_objects.dir" in str(path):
                defined[name] = path.name
    return sorted((name, path) for name, path in defined.items() if name not in used)


def used_by_macros(root, name):
    return any(name in source.read(root, path)
               for path in source.files(root, folders=("include/troupe",)))


def main():
    def extra(parser):
        parser.add_argument("--library", type=pathlib.Path)
        parser.add_argument("--list", type=pathlib.Path, default=source.HERE / "symbols.txt")
        parser.add_argument("--update", action="store_true")
        parser.add_argument("--unused", action="store_true")
    options = source.arguments(__doc__, extra)
    report = source.Report("symbols")
    library = options.library or options.root / "build/release/lib/libtroupe.so"
    if not library.is_file():
        report.add(library, 1, "is not built (make build)")
        return report.finish()
    names = exported(library)
    if options.update:
        head = "# Exported by libtroupe.so; kept by tools/lint/symbols.py --update.\n"
        options.list.write_text(head + "\n".join(names) + "\n")
    kept = {text for _, text in source.table(options.list)} if options.list.is_file() else set()
    for name in names:
        if not EXPORT.match(name):
            report.add(library.name, 1, f"exports {name}, which has no tp_ prefix")
        elif name.startswith("tpi_") and not used_by_macros(options.root, name):
            report.add(library.name, 1, f"exports {name}, which no public header names")
        if name not in kept:
            report.add(library.name, 1, f"exports {name}, which {options.list.name} does not list")
    for name in sorted(kept - set(names)):
        report.add(library.name, 1, f"no longer exports {name}")
    if options.unused:
        for name, path in unused(library.parent.parent):
            print(f"{path}: {name} is used in its own file only: make it static")
    return report.finish(f"{len(names)} symbols")


if __name__ == "__main__":
    sys.exit(main())
