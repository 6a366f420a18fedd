#!/usr/bin/python3
"""Runs libFuzzer targets of a build folder for some time each.

They begin with the seeds in tests/fuzz/corpus/<name>; what they learn stays in <build>/corpus, what they find in
<build>/findings. --fresh: with the seeds only, and what is learned is forgotten, so that it takes as long each time.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
NOT_BUILT = 77  # ctest shows it as skipped


def run(target, args):
    name = target.name.removesuffix("_fuzz")
    if args.fresh:
        with tempfile.TemporaryDirectory() as corpus:
            return run_with(corpus, target, name, args)
    corpus = args.build / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    return run_with(corpus, target, name, args)


def run_with(corpus, target, name, args):
    findings = args.build / "findings" / name
    findings.mkdir(parents=True, exist_ok=True)
    # The first folder receives what is new; seeds are only read.
    seeds = [p for p in [ROOT / "tests/fuzz/corpus" / name] if p.is_dir()]
    print(f"== {name}: {args.seconds} s", flush=True)
    # libFuzzer counts whole seconds, and ends in the one after those that it was given.
    limits = [f"-max_total_time={max(args.seconds - 1, 1)}", f"-runs={args.runs}", "-rss_limit_mb=1024", "-timeout=10"]
    done = subprocess.run([target.resolve(), *limits, "-print_final_stats=1", f"-artifact_prefix={findings}/", corpus, *seeds],
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
    executed = re.search(r"number_of_executed_units: *(\d+)", done.stderr)
    if done.returncode == 0 and executed and int(executed.group(1)) > 0:
        print(f"   {int(executed.group(1)):,} executions")
        return True
    print("\n".join(line for line in done.stderr.splitlines() if not line.startswith("#")))
    return False


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--runs", type=int, default=-1, help="end after so many executions, too")
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("names", nargs="*", help="of targets, without _fuzz; all when none is given")
    args = parser.parse_args()
    args.build = args.build.resolve()
    built = {p.name.removesuffix("_fuzz"): p for p in sorted(args.build.glob("*_fuzz")) if p.is_file()}
    missing = [name for name in args.names if name not in built]
    if missing or not built:
        print(f"{args.build}: not built: {', '.join(missing) or 'any target'}; ./dev fuzz builds them", file=sys.stderr)
        return NOT_BUILT
    failed = [name for name in args.names or built if not run(built[name], args)]
    if failed:
        print(f"failed: {', '.join(failed)}; the inputs are in {args.build}/findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
