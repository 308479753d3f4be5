"""Joins by inequality and samples: what they cost, and that threads do not show in their rows."""

from __future__ import annotations

import threading
import time

import pyarrow as pa
import pytest

from velaria import _kernel

DEADLINE_S = 60


def session_with(row_count: int, threads: int = 2, **settings: str) -> _kernel.Session:
    """Table t of `row_count` rows: a counts up, b holds the same numbers shuffled."""
    session = _kernel.Session(threads=threads)
    numbers = range(row_count)
    session.register_arrow(
        "t",
        pa.table(
            {
                "a": pa.array(numbers, pa.int64()),
                "b": pa.array([n * 7919 % row_count for n in numbers], pa.int64()),
                "s": pa.array([f"text number {n}" for n in numbers]),
            }
        ),
    )
    for name, value in settings.items():
        session.execute(f"SET {name} = {value}")
    return session


def rows(session: _kernel.Session, sql: str) -> list[tuple[object, ...]]:
    columns = [column.to_pylist() for column in session.execute(sql).read_all().columns]
    return list(zip(*columns, strict=True))


@pytest.mark.slow
def test_an_inequality_join_of_20000_by_20000_rows_is_counted_in_little_memory() -> None:
    session = session_with(20_000)
    started = time.monotonic()
    pairs = rows(session, "SELECT count(*) FROM t l JOIN t r ON l.a < r.b")
    assert pairs == [(20_000 * 19_999 // 2,)]
    # A few seconds alone; the limit leaves room for what else runs on the machine.
    assert time.monotonic() - started < DEADLINE_S
    few = "SELECT l.a, r.s FROM t l JOIN t r ON l.a + r.b < 2 ORDER BY l.a, r.s"
    assert rows(session, few) == [
        (0, "text number 0"),
        (0, f"text number {next(n for n in range(20_000) if n * 7919 % 20_000 == 1)}"),
        (1, "text number 0"),
    ]
    session.close()


def test_an_inequality_join_can_be_cancelled_in_the_middle() -> None:
    session = session_with(200_000)
    error: list[_kernel.KernelError] = []

    def run() -> None:
        try:
            session.execute(
                "SELECT count(*) FROM t l JOIN t r ON l.a < r.b", query_id="long"
            ).read_all()
        except (_kernel.KernelError, pa.ArrowException) as fault:
            error.append(fault)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            session.cancel("long")
            break
        except _kernel.SourceError:
            assert worker.is_alive()
    worker.join(DEADLINE_S)
    assert not worker.is_alive()
    assert error
    session.close()


@pytest.mark.slow
@pytest.mark.parametrize(
    "sample",
    [
        "TABLESAMPLE BERNOULLI (3) REPEATABLE (11)",
        "TABLESAMPLE (500 ROWS) REPEATABLE (11)",
    ],
)
def test_a_seeded_sample_is_the_same_in_any_number_of_threads(sample: str) -> None:
    taken = [
        rows(session_with(150_000, threads, **settings), f"SELECT a FROM t {sample}")
        for threads in (1, 2, 4)
        for settings in ({}, {"debug_trigger_rows": "977"})
    ]
    assert all(rows_taken == taken[0] for rows_taken in taken)
    assert 0 < len(taken[0]) < 10_000
