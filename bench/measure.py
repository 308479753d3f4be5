"""Measures contenders interleaved: in every round each of them runs once, so that a slow minute of
the machine falls on all alike. What is reported is the median over the rounds.
"""

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

VELARIA = "velaria"


def nothing() -> None:
    """The preparation of a contender that needs none."""


@dataclass(frozen=True)
class Contender:
    """One way to do a job.

    `run` is timed, `before` is not. `cpu_s` reads the CPU seconds used so far by every process that
    does the work. Only the role "peer" enters the ratio; a "reference" is shown beside it, and a
    "floor" is what the job costs with nothing behind it.
    """

    name: str
    run: Callable[[], object]
    role: str = "peer"
    before: Callable[[], object] = nothing
    cpu_s: Callable[[], float] = time.process_time


@dataclass
class Timing:
    """The rounds of one contender, in seconds."""

    name: str
    role: str
    wall_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)

    @property
    def median_wall_s(self) -> float:
        return median(self.wall_s)

    @property
    def median_cpu_s(self) -> float:
        return median(self.cpu_s)


def measure(contenders: Sequence[Contender], rounds: int) -> list[Timing]:
    """One timing per contender, in their order. Each round begins with another contender, so that
    none always runs on what the same neighbour left in the caches."""
    timings = [Timing(contender.name, contender.role) for contender in contenders]
    for round_index in range(rounds):
        for step in range(len(contenders)):
            index = (round_index + step) % len(contenders)
            run_once(contenders[index], timings[index])
    return timings


def run_once(contender: Contender, timing: Timing) -> None:
    contender.before()
    gc.collect()
    cpu_before_s = contender.cpu_s()
    began_s = time.perf_counter()
    contender.run()
    timing.wall_s.append(time.perf_counter() - began_s)
    timing.cpu_s.append(contender.cpu_s() - cpu_before_s)


def named(timings: Sequence[Timing], name: str) -> Timing:
    return next(timing for timing in timings if timing.name == name)


def best_peer(timings: Sequence[Timing]) -> Timing | None:
    """The peer with the least wall time; None when no peer is installed."""
    peers = [timing for timing in timings if timing.role == "peer"]
    return min(peers, key=lambda timing: timing.median_wall_s, default=None)
