#!/usr/bin/python3
"""A room includes only what stands before it: itself and the rooms that it depends on.

src/CMakeLists.txt names the rooms in their order, each with what it depends on; this compares every
#include of a room's files with that.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"/]+)/[^"]+"', re.MULTILINE)


def rooms_in_order(cmake_text):
    """{room: every room it may include}, or an error for a room that depends on a later one."""
    allowed, errors = {}, []
    for name, arguments in re.findall(r"^rowledger_room\((\w+)([^)]*)\)", cmake_text, re.MULTILINE):
        depends = re.search(r"\bDEPENDS((?:\s+[a-z_]+)+)", arguments)
        closure = {name}
        for other in depends.group(1).split() if depends else []:
            if other not in allowed:
                errors.append(f"src/CMakeLists.txt: {name} depends on {other}, which does not stand before it")
            closure |= allowed.get(other, set())
        allowed[name] = closure
    return allowed, errors


def check(source_root):
    allowed, errors = rooms_in_order((source_root / "CMakeLists.txt").read_text())
    files = sorted(p for p in source_root.rglob("*") if p.suffix in (".h", ".cc"))
    for path in files:
        room = path.relative_to(source_root).parts[0]
        if room not in allowed:
            errors.append(f"{path}: the folder {room} is no room of src/CMakeLists.txt")
            continue
        extra = {"support"} if path.stem.endswith("_pgtest") else set()
        text = path.read_text()
        for match in INCLUDE.finditer(text):
            if match.group(1) not in allowed[room] | extra:
                line = text.count("\n", 0, match.start()) + 1
                errors.append(f"{path}:{line}: {room} may not include {match.group(1)} "
                              f"(only {', '.join(sorted(allowed[room]))})")
    return len(files), allowed, errors


def main():
    root = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "src"
    count, allowed, errors = check(root)
    for error in errors:
        print(error, file=sys.stderr)
    if not count or not allowed:
        print(f"{root}: no rooms or no sources found", file=sys.stderr)
        return 1
    if not errors:
        print(f"{count} files in {len(allowed)} rooms include only what stands before them")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
