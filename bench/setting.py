"""How a run is set: size, rounds, threads, where its results and its data files go."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "bench/results"
DATA = ROOT / "build/bench"
THREADS_VARIABLE = "BENCH_THREADS"
THREADS_DEFAULT = 2


@dataclass(frozen=True)
class Setting:
    """`scale` 1 is the full size; `rounds` how often each contender runs after the warm-up."""

    scale: float = 1.0
    rounds: int = 5
    threads: int = THREADS_DEFAULT
    results: Path = RESULTS
    data: Path = DATA

    def rows(self, full: int) -> int:
        return max(1_000, round(full * self.scale))


def threads_of_this_run() -> int:
    """Some engines read their number of threads when they are imported, before any Setting."""
    return int(os.environ.get(THREADS_VARIABLE, THREADS_DEFAULT))
