"""Cancelling statements that change something: what cancel() says is what the statement does."""

import threading
import time
from collections.abc import Iterator

import pyarrow as pa
import pytest

from velaria import _kernel

DEADLINE_S = 60
PLANNING_ROUND_S = 3  # on a busy machine; without the cancel it is several times as long
WINDOW_BEGUN_S = 2  # the rows are in order by then
WINDOW_LEFT_S = 5  # on a busy machine; a call that does not ask is several times as long
ROW_COUNT = 1_000_000
SLOW = "md5(md5(md5(CAST(a AS VARCHAR)))) <> 'x'"


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=2)
    numbers = pa.table({"a": pa.array(range(ROW_COUNT), pa.int64())})
    kernel_session.register_arrow("t", numbers)
    yield kernel_session
    kernel_session.close()


class Statement:
    """One statement on a thread of its own; a daemon, so that one that hangs fails its test."""

    def __init__(self, session: _kernel.Session, sql: str, query_id: str) -> None:
        self.error: _kernel.KernelError | None = None
        self._session, self._sql, self._id = session, sql, query_id
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._session.execute(self._sql, query_id=self._id)
        except _kernel.KernelError as fault:
            self.error = fault

    @property
    def is_running(self) -> bool:
        return self._thread.is_alive()

    def wait(self) -> None:
        self._thread.join(DEADLINE_S)
        assert not self.is_running


def cancel_when_known(session: _kernel.Session, statement: Statement, query_id: str) -> str | None:
    """The state that the cancel told; None when the statement was over before it was seen."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        try:
            return session.cancel(query_id)
        except _kernel.SourceError as fault:
            assert fault.code == "VEL4010"
            if not statement.is_running:
                return None
    raise AssertionError("the statement was never known")


def count(session: _kernel.Session, table: str) -> int:
    value: int = session.execute(f"SELECT count(*) AS n FROM {table}").read_all()["n"][0].as_py()
    return value


@pytest.mark.parametrize(
    "sql",
    [
        f"DELETE FROM t WHERE {SLOW}",
        f"CREATE TABLE made AS SELECT a FROM t WHERE {SLOW}",
        f"INSERT INTO t SELECT a FROM t WHERE {SLOW}",
    ],
)
def test_a_change_under_way_is_listed_and_can_be_cancelled(
    session: _kernel.Session, sql: str
) -> None:
    statement = Statement(session, sql, "slow")
    deadline = time.monotonic() + DEADLINE_S
    listed: list[str] = []
    while not listed and statement.is_running and time.monotonic() < deadline:
        listed = [query["sql"] for query in session.queries() if query["query_id"] == "slow"]
    assert listed == [sql]
    assert session.cancel("slow") == "cancelled"
    statement.wait()
    assert statement.error is not None
    assert statement.error.code == "VEL3010"
    assert count(session, "t") == ROW_COUNT
    assert "made" not in [table.name for table in session.tables()]
    assert session.queries() == []


def test_a_statement_that_is_being_planned_can_be_cancelled(session: _kernel.Session) -> None:
    """Its columns take many seconds to find by their names; a cancel ends that at the next one."""
    names = ", ".join(f"n{i}" for i in range(16_000))
    sql = f"SELECT {', '.join(f'a AS n{i}' for i in range(16_000))} FROM t"
    for _ in range(5):
        sql = f"SELECT {names} FROM ({sql}) s"
    statement = Statement(session, sql, "planned")
    assert cancel_when_known(session, statement, "planned") == "cancelled"
    began = time.monotonic()
    statement.wait()
    assert time.monotonic() - began < PLANNING_ROUND_S
    assert statement.error is not None
    assert statement.error.code == "VEL3010"
    assert session.queries() == []


@pytest.mark.slow
@pytest.mark.parametrize("function", ["quantile_cont", "quantile_disc"])
def test_a_cancelled_window_call_leaves_its_worker(function: str) -> None:
    """Its one call over large frames takes half a minute, and the next statement waits for it."""
    fractions = ", ".join(f"{i / 100}" for i in range(1, 31))
    quantiles = f"{function}(a, [{fractions}])"
    frame = "ROWS BETWEEN 300000 PRECEDING AND 300000 FOLLOWING"
    session = _kernel.Session(threads=1)
    numbers = pa.table({"a": pa.array(range(ROW_COUNT), pa.int64())})
    session.register_arrow("t", numbers)
    sql = (
        "CREATE TABLE made AS SELECT count(q) AS n FROM "
        f"(SELECT {quantiles} OVER (ORDER BY a {frame}) AS q FROM t) s"
    )
    statement = Statement(session, sql, "window")
    time.sleep(WINDOW_BEGUN_S)
    assert session.cancel("window") == "cancelled"
    statement.wait()
    assert statement.error is not None
    assert statement.error.code == "VEL3010"
    began = time.monotonic()
    assert count(session, "t") == ROW_COUNT
    assert time.monotonic() - began < WINDOW_LEFT_S
    session.close()


@pytest.mark.parametrize("made_by", ["CREATE TABLE made AS SELECT", "INSERT INTO made SELECT"])
def test_a_cancel_at_any_moment_is_kept_or_refused(session: _kernel.Session, made_by: str) -> None:
    """A long text, so that some cancels come while it is parsed and bound, before anything runs."""
    ones = " + ".join(["a"] * 400)
    told = []
    for attempt in range(60):
        session.execute("DROP TABLE IF EXISTS made")
        if made_by.startswith("INSERT"):
            session.execute("CREATE TABLE made(a BIGINT)")
        sql = f"{made_by} {ones} AS a FROM t WHERE a < {attempt * 500}"
        statement = Statement(session, sql, f"made-{attempt}")
        state = cancel_when_known(session, statement, f"made-{attempt}")
        statement.wait()
        told.append(state)
        exists = "made" in [table.name for table in session.tables()]
        rows = count(session, "made") if exists else 0
        if state == "cancelled":
            assert statement.error is not None
            assert statement.error.code == "VEL3010"
            assert rows == 0
        else:
            assert statement.error is None
            assert rows == attempt * 500
    assert "cancelled" in told


def test_a_cancelled_query_gives_no_rows_even_if_they_are_made(session: _kernel.Session) -> None:
    result = session.execute("SELECT a FROM t WHERE a < 10", query_id="short")
    reader = result.reader()
    assert session.cancel("short") == "cancelled"
    with pytest.raises(Exception, match="VEL3010"):
        reader.read_all()
    assert result.state == "cancelled"


def test_a_query_that_was_read_to_its_end_is_finished(session: _kernel.Session) -> None:
    result = session.execute("SELECT a FROM t WHERE a < 10", query_id="short")
    reader = result.reader()
    assert reader.read_all().num_rows == 10
    assert session.cancel("short") == "finished"
    assert result.state == "finished"
