"""A tiny query is done on the thread that reads it; what others are told of it is the same."""

import os
import threading
from collections.abc import Callable

import pyarrow as pa
import pytest

from velaria._kernel import Session


def thread_count() -> int:
    return len(os.listdir("/proc/self/task"))


def reads_without_threads(make: Callable[[], Session], sql: str) -> bool:
    """Whether a fresh session answers without a thread of its own. A machine that is busy may take
    the time for it away, so one out of many tries will do."""
    for _ in range(50):
        session = make()
        before = thread_count()
        session.execute(sql).read_all()
        same = thread_count() == before
        session.close()
        if same:
            return True
    return False


def with_rows() -> Session:
    session = Session(threads=2)
    session.register_arrow("t", pa.table({"k": range(100_000), "v": range(100_000)}))
    return session


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "VALUES (1), (2)",
        "SELECT sum(x) FROM (VALUES (1), (2)) AS t (x) ORDER BY 1",
        "SELECT v FROM t WHERE k = 5",  # k rises, so its rows are found without a scan
        "SELECT v FROM t WHERE k BETWEEN 70000 AND 70010 ORDER BY v DESC LIMIT 3",
    ],
)
def test_a_tiny_query_wakes_no_thread(sql: str) -> None:
    assert reads_without_threads(with_rows, sql)


def test_a_large_scan_is_for_the_threads() -> None:
    session = with_rows()
    before = thread_count()
    assert session.execute("SELECT count(*) FROM t WHERE v % 2 = 0").read_all().num_rows == 1
    assert thread_count() == before + 2
    session.close()


def test_state_and_rows_are_told_as_of_any_query() -> None:
    session = with_rows()
    query = session.execute("SELECT v FROM t WHERE k = 5")
    assert (query.state, query.row_count) == ("created", 0)
    reader = query.reader()
    assert reader.read_next_batch().to_pylist() == [{"v": 5}]
    assert (query.state, query.row_count) == ("running", 1)
    with pytest.raises(StopIteration):
        reader.read_next_batch()
    assert (query.state, query.row_count) == ("finished", 1)
    session.close()


def test_a_query_that_was_cancelled_between_its_rows_and_their_end_says_so() -> None:
    session = with_rows()
    query = session.execute("SELECT 1")
    reader = query.reader()
    assert reader.read_next_batch().num_rows == 1
    query.cancel()
    with pytest.raises(OSError, match="cancelled"):
        reader.read_next_batch()
    assert query.state == "cancelled"
    session.close()


def test_an_error_behind_the_first_rows_comes_behind_them_or_instead() -> None:
    session = with_rows()
    query = session.execute("SELECT 1 / (5 - k) FROM t WHERE k BETWEEN 1 AND 5")
    with pytest.raises(OSError, match="zero"):
        query.reader().read_all()
    failure = query.failure()
    assert query.state == "failed"
    assert failure is not None
    assert failure.code == "VEL3001"
    session.close()


def test_the_memory_limit_holds_on_the_thread_that_reads() -> None:
    session = Session(threads=1, memory_limit_bytes=1 << 20)
    session.register_arrow("few", pa.table({"x": range(30_000)}))
    query = session.execute("SELECT x, repeat('long', 100) FROM few ORDER BY 2, 1")
    with pytest.raises(OSError, match="memory limit"):
        query.reader().read_all()
    session.close()


def test_one_that_takes_longer_goes_on_with_the_threads_and_can_be_cancelled() -> None:
    session = Session(threads=1)
    session.register_arrow("few", pa.table({"a": range(2_000)}))
    session.register_arrow("many", pa.table({"a": range(30_000)}))
    query = session.execute("SELECT count(*) FROM few, many WHERE (few.a * many.a) % 1000003 = 17")
    failures: list[BaseException] = []

    def read() -> None:
        try:
            query.reader().read_all()
        except OSError as fault:
            failures.append(fault)

    reading = threading.Thread(target=read)
    reading.start()
    while query.state == "created":
        pass
    assert session.execute("SELECT 1").read_all().num_rows == 1
    query.cancel()
    reading.join(timeout=60)
    assert not reading.is_alive()
    assert query.state == "cancelled" or not failures
    session.close()
