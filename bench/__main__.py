"""`python -m bench [JOB...]`: run jobs, print their tables, keep JSON and a plot of each."""

import argparse
import os
import sys
from pathlib import Path

from bench.setting import RESULTS, THREADS_DEFAULT, THREADS_VARIABLE, Setting


def main(arguments: list[str]) -> int:
    """0 also when a limit is missed: this measures, `--strict` judges."""
    options = parsed(arguments)
    os.environ[THREADS_VARIABLE] = str(options.threads)
    # The engines read their number of threads when they are imported, so not before this line.
    from bench.jobs import JOBS
    from bench.report import publish

    unknown = [name for name in options.jobs if name not in JOBS]
    if unknown:
        print(f"bench: unknown job: {unknown[0]}; jobs: {', '.join(JOBS)}", file=sys.stderr)
        return 2
    setting = Setting(options.scale, options.rounds, options.threads, options.results)
    missed = 0
    for name in options.jobs or JOBS:
        missed += publish(name, JOBS[name](setting), setting)
    return 1 if missed and options.strict else 0


def parsed(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("jobs", nargs="*", metavar="JOB", help="default: all of them")
    parser.add_argument("--scale", type=float, default=1.0, help="part of the full size")
    parser.add_argument("--rounds", type=int, default=5, help="runs of each contender")
    parser.add_argument("--threads", type=int, default=THREADS_DEFAULT, help="of every engine")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of JSON and plots")
    parser.add_argument("--strict", action="store_true", help="exit 1 when a limit is missed")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
