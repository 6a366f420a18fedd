#!/usr/bin/python3
"""Runs every libFuzzer target of a build folder for some time; its findings stay in <build>/findings.

x_fuzz begins with the inputs in tests/fuzz/corpus/x, if there are any, and keeps its own in <build>/corpus.
"""
import argparse
import pathlib
import subprocess
import sys

SEEDS = pathlib.Path(__file__).resolve().parent.parent / "tests/fuzz/corpus"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", type=int, default=30)
    args = parser.parse_args()
    targets = sorted(p for p in args.build.glob("*_fuzz") if p.is_file())
    if not targets:
        print(f"{args.build}: no fuzz targets found", file=sys.stderr)
        return 1
    failed = []
    for target in targets:
        corpus = args.build / "corpus" / target.name
        findings = args.build / "findings" / target.name
        corpus.mkdir(parents=True, exist_ok=True)
        findings.mkdir(parents=True, exist_ok=True)
        print(f"== {target.name}: {args.seconds} s", flush=True)
        command = [target.resolve(), f"-max_total_time={args.seconds}", "-rss_limit_mb=1024", "-timeout=10",
                   "-print_final_stats=1", f"-artifact_prefix={findings}/", corpus]
        # libFuzzer reads every folder and writes to the first.
        seeds = SEEDS / target.name.removesuffix("_fuzz")
        command += [seeds] if seeds.is_dir() else []
        if subprocess.run(command, stdin=subprocess.DEVNULL).returncode != 0:
            failed.append(target.name)
    print(f"{len(targets)} targets, failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
