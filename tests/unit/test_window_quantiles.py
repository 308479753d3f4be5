"""Quantiles and modes over frames of many rows, against sorted lists in Python. At a cost that grew
with the frames, these would take hours."""

import bisect
import math
import random
from collections import Counter
from collections.abc import Iterator

import pyarrow as pa
import pytest

from velaria import _kernel

ROW_COUNT = 60_000
SEED = 20240131


@pytest.fixture(scope="module")
def values() -> list[int | None]:
    rng = random.Random(SEED)
    return [None if rng.random() < 0.05 else rng.randrange(1000) for _ in range(ROW_COUNT)]


@pytest.fixture(scope="module")
def session(values: list[int | None]) -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=2)
    numbers = pa.array(range(ROW_COUNT), pa.int64())
    kernel_session.register_arrow("t", pa.table({"n": numbers, "v": pa.array(values, pa.int64())}))
    yield kernel_session
    kernel_session.close()


def computed(session: _kernel.Session, call: str, frame: str) -> list[float | None]:
    sql = f"SELECT {call} OVER (ORDER BY n {frame}) AS x FROM t ORDER BY n"
    return session.execute(sql).read_all()["x"].to_pylist()


def median(held: list[int]) -> float | None:
    if not held:
        return None
    middle = len(held) // 2
    return float(held[middle]) if len(held) % 2 else (held[middle - 1] + held[middle]) / 2


def discrete(held: list[int], fraction: float) -> int | None:
    return held[max(1, math.ceil(fraction * len(held))) - 1] if held else None


@pytest.mark.slow
def test_a_growing_frame(session: _kernel.Session, values: list[int | None]) -> None:
    medians, tenths, held = [], [], []
    for value in values:
        if value is not None:
            bisect.insort(held, value)
        medians.append(median(held))
        tenths.append(discrete(held, 0.1))
    assert computed(session, "median(v)", "") == medians
    assert computed(session, "quantile_disc(v, 0.1)", "") == tenths


def test_a_sliding_frame(session: _kernel.Session, values: list[int | None]) -> None:
    width = 20_000
    medians, held = [], []
    for at, value in enumerate(values):
        if value is not None:
            bisect.insort(held, value)
        gone = values[at - width] if at >= width else None
        if gone is not None:
            held.pop(bisect.bisect_left(held, gone))
        medians.append(median(held))
    frame = f"ROWS BETWEEN {width - 1} PRECEDING AND CURRENT ROW"
    assert computed(session, "median(v)", frame) == medians


def test_the_mode_of_a_growing_frame(session: _kernel.Session, values: list[int | None]) -> None:
    modes: list[int | None] = []
    counts: Counter[int] = Counter()
    firsts: dict[int, int] = {}
    best: int | None = None
    for at, value in enumerate(values):
        if value is not None:
            counts[value] += 1
            firsts.setdefault(value, at)
            if best is None or (-counts[value], firsts[value]) < (-counts[best], firsts[best]):
                best = value
        modes.append(best)
    assert computed(session, "mode(v)", "") == modes


def test_the_mode_of_a_sliding_frame(session: _kernel.Session, values: list[int | None]) -> None:
    width = 15
    modes = []
    for at in range(ROW_COUNT):
        held = [v for v in values[max(0, at - width + 1) : at + 1] if v is not None]
        counts = Counter(held)  # in the order of the first rows
        modes.append(max(counts, key=lambda v: counts[v]) if counts else None)
    frame = f"ROWS BETWEEN {width - 1} PRECEDING AND CURRENT ROW"
    assert computed(session, "mode(v)", frame) == modes


def test_a_frame_without_the_current_row(
    session: _kernel.Session, values: list[int | None]
) -> None:
    everything = sorted(v for v in values if v is not None)
    medians = []
    for value in values:
        held = everything
        if value is not None:
            at = bisect.bisect_left(everything, value)
            middle = (len(everything) - 1) // 2
            shifted = [everything[i if i < at else i + 1] for i in (middle - 1, middle)]
            medians.append(
                sum(shifted) / 2 if (len(everything) - 1) % 2 == 0 else float(shifted[1])
            )
        else:
            medians.append(median(held))
    frame = "ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW"
    assert computed(session, "median(v)", frame) == medians
