#!/usr/bin/python3
"""clang-tidy over the sources, remembering which came out clean.

A file is looked at again when its own text, a header of ours, .clang-tidy or clang-tidy itself has
changed. The headers are those that the compiler noted at the last build; without a build, all of them. Sources that
are compiled together count each other's. <build>/tidy has the compile_commands.json of each by itself, for editors too.
"""
import argparse
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def noted_headers(build):
    """{source: [our files that its object was made from]} as ninja knows it."""
    listing = subprocess.run(["ninja", "-C", build, "-t", "deps"], capture_output=True, text=True)
    headers, current = {}, None
    for line in listing.stdout.splitlines():
        if line and not line.startswith(" "):
            current = []
        elif line.strip() and current is not None:
            path = (build / line.strip()).resolve()
            if path.is_relative_to(ROOT) and not path.is_relative_to(build):
                current.append(path)
                if path.suffix == ".cc":
                    headers[path] = current
    return headers


def commands_of_sources(build):
    """The build's commands, with those for several sources together (cmake/Rooms.cmake) as one for each source."""
    out = []
    for command in json.loads((build / "compile_commands.json").read_text()):
        file = pathlib.Path(command["file"])
        if file.suffix != ".cxx":
            out.append(command)
            continue
        for source in re.findall(r'^#include "([^"]+)"', file.read_text(), re.MULTILINE):
            out.append({**command, "file": source, "command": command["command"].replace(str(file), source)})
    return out


def fingerprint(source, headers, salt):
    digest = hashlib.sha256(salt)
    for path in sorted({source, *headers}):
        digest.update(str(path).encode() + b"\0")
        digest.update(path.read_bytes() if path.exists() else b"gone")
    return digest.hexdigest()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true", help="also files that are known to be clean")
    parser.add_argument("only", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    build = args.build.resolve()
    cache = build / "tidy"
    cache.mkdir(exist_ok=True)

    commands = commands_of_sources(build)
    (cache / "compile_commands.json").write_text(json.dumps(commands))
    noted = noted_headers(build)
    every_header = [p for top in ("src", "tests") for p in (ROOT / top).rglob("*.h")]
    version = subprocess.run(["clang-tidy", "--version"], capture_output=True, check=True).stdout
    salt = version + (ROOT / ".clang-tidy").read_bytes()
    only = {p.resolve() for p in args.only}

    work = {}
    for command in commands:
        source = pathlib.Path(command["file"])
        if not source.exists() or (only and source not in only):
            continue
        mark = cache / fingerprint(source, noted.get(source, every_header), salt)
        if args.all or only or not mark.exists():
            work[source] = mark

    def look(source):
        done = subprocess.run(["clang-tidy", "-p", cache, "--quiet", "--warnings-as-errors=*", source],
                              capture_output=True, text=True)
        return source, done

    failed = 0
    print(f"{len(work)} files to look at of {len(commands)}", flush=True)
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for number, (source, done) in enumerate(pool.map(look, work), 1):
            name = source.relative_to(ROOT)
            print(f"[{number}/{len(work)}] {name}{'' if done.returncode == 0 else ' FAILED'}", flush=True)
            if done.returncode == 0:
                work[source].touch()
            else:
                failed += 1
                print(done.stdout + "\n".join(l for l in done.stderr.splitlines() if "warnings generated" not in l))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
