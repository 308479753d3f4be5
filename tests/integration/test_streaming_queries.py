"""Streaming queries of the kernel: how they start, are refused, end, and what they leave behind."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pyarrow as pa
import pytest

from velaria import _kernel

WAIT_MS = 20_000
SCHEMA = pa.schema([("ts", pa.timestamp("ms")), ("k", pa.string()), ("v", pa.int64())])
WINDOWED = "SELECT w, COUNT(*) AS n FROM s WINDOW BY ts EVERY 1000 AS w GROUP BY w"


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    made = _kernel.Session(threads=2)
    made.execute("CREATE STREAM s (ts TIMESTAMP_MS, k VARCHAR, v BIGINT)")
    yield made
    made.close()


def batch(*rows: tuple[int | None, str | None, int | None]) -> pa.RecordBatch:
    """Rows of (millisecond, key, value)."""
    columns = [pa.array([row[i] for row in rows], SCHEMA.field(i).type) for i in range(3)]
    return pa.record_batch(columns, schema=SCHEMA)


def put(session: _kernel.Session, *rows: tuple[int | None, str | None, int | None]) -> None:
    session.ingest("s", SCHEMA).write(batch(*rows))


def rows_of(session: _kernel.Session, sql: str) -> list[tuple[Any, ...]]:
    columns = session.execute(sql).read_all().columns
    return list(zip(*(column.to_pylist() for column in columns), strict=True))


def code_of(call: Callable[[], object]) -> str:
    with pytest.raises(_kernel.KernelError) as caught:
        call()
    return str(caught.value.code)


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WAIT_MS / 1000
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.002)
    return True


def has_read(query: _kernel.StreamingQuery, row_count: int) -> bool:
    return bool(query.progress()["rows_in"] == row_count)


def left(subscription: _kernel.Subscription) -> list[pa.RecordBatch]:
    """What is emitted up to the end of the query."""
    batches: list[pa.RecordBatch] = []
    while True:
        try:
            got = subscription.next(WAIT_MS)
        except StopIteration:
            return batches
        assert got is not None
        batches.append(got)


def table_names(session: _kernel.Session) -> set[str]:
    return {table.name for table in session.tables()}


# ---- how a query ends


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM s LIMIT 5",
        "SELECT * FROM s LIMIT 0",
        "SELECT COUNT(*) FROM (SELECT * FROM s LIMIT 5) AS q",
        "SELECT v FROM s WINDOW BY ts EVERY 1000 AS w LIMIT 5",
    ],
)
def test_a_query_whose_limit_is_full_finishes_while_its_stream_goes_on(
    session: _kernel.Session, sql: str
) -> None:
    query = session.start_stream(sql)
    for i in range(7):
        put(session, (i, "a", i))
    assert query.await_termination(WAIT_MS)
    assert query.status == "finished"
    assert query.progress()["rows_out"] <= 5


def test_stop_now_ends_a_query_whatever_its_trigger_is_doing(session: _kernel.Session) -> None:
    writing = threading.Event()
    writing.set()

    def write() -> None:
        while writing.is_set():
            put(session, (1, "a", 1))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(400):
            query = session.start_stream("SELECT COUNT(*) FROM s")
            assert query.stop("now", timeout_ms=5_000)["status"] == "stopped"
    finally:
        writing.clear()
        writer.join()


@pytest.mark.alone
def test_stop_can_be_asked_for_without_waiting(session: _kernel.Session) -> None:
    session.execute("SET stream_trigger_rows = 1000000")
    query = session.start_stream("SELECT COUNT(*) FROM s WINDOW BY ts EVERY 50000 SLIDE 1 AS w")
    put(session, *((i, "a", i) for i in range(4000)))
    assert until(lambda: query.progress()["inflight_batches"] == 1)
    started_s = time.monotonic()
    query.stop("now", timeout_ms=0)
    assert time.monotonic() - started_s < 0.5
    assert query.await_termination(WAIT_MS)
    assert query.status == "stopped"


def test_an_aggregate_without_keys_is_told_when_rows_came_and_once_at_the_end(
    session: _kernel.Session,
) -> None:
    query = session.start_stream(
        "SELECT COUNT(*) AS n FROM s WHERE v > 10", options={"start": False}
    )
    subscription = query.subscribe()
    query.start()
    for count, value in enumerate((1, 11, 2, 3, 12, 4), 1):
        put(session, (0, "a", value))
        assert until(partial(has_read, query, count))
    session.end_input("s")
    assert [b.column(0).to_pylist() for b in left(subscription)] == [[1], [2]]


def test_a_stream_that_ends_empty_gives_the_batch_answer_once(session: _kernel.Session) -> None:
    query = session.start_stream("SELECT COUNT(*), SUM(v) FROM s", options={"start": False})
    subscription = query.subscribe()
    query.start()
    session.end_input("s")
    assert [b.to_pylist() for b in left(subscription)] == [[{"count": 0, "sum": None}]]


def test_a_drained_query_tells_no_rows_that_did_not_come(session: _kernel.Session) -> None:
    query = session.start_stream("SELECT COUNT(*) FROM s", options={"start": False})
    subscription = query.subscribe()
    query.start()
    assert query.stop("drain")["status"] == "stopped"
    assert left(subscription) == []


# ---- what is refused


def test_explain_and_start_refuse_alike(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE t (k VARCHAR)")
    session.execute("CREATE STREAM other (k VARCHAR)")
    for sql, code in (
        ("SELECT k FROM t", "VEL2101"),
        ("SELECT k FROM s UNION ALL SELECT k FROM other", "VEL2101"),
        ("SELECT k, COUNT(*) FROM s GROUP BY k EMIT CHANGES", "VEL2105"),
        ("SELECT k FROM (SELECT k FROM s EMIT ON WINDOW CLOSE) AS q", "VEL2105"),
        ("INSERT INTO t SELECT k FROM s EMIT ON WINDOW CLOSE", "VEL2105"),
        ("INSERT INTO s SELECT * FROM s", "VEL2002"),
        ("CREATE VIEW v AS SELECT k FROM s", "VEL2002"),
        (
            "SELECT * FROM (SELECT ts, COUNT(*) AS n FROM s GROUP BY ts) AS q "
            "WINDOW BY ts EVERY 10 AS w",
            "VEL2101",
        ),
    ):
        assert code_of(partial(session.explain_stream, sql)) == code, sql
        assert code_of(partial(session.start_stream, sql)) == code, sql


def test_explain_tells_the_sink_that_progress_tells(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE t (k VARCHAR)")
    for sql, is_blocking in (("INSERT INTO t SELECT k FROM s", True), ("SELECT k FROM s", False)):
        told = f"sink_is_blocking={str(is_blocking).lower()}"
        assert told in session.explain_stream(sql)["strategy"].splitlines()
        assert told in session.explain(sql)["strategy"].splitlines()
        assert session.start_stream(sql).progress()["sink_is_blocking"] is is_blocking


def test_streams_may_not_feed_each_other_in_a_ring(session: _kernel.Session) -> None:
    for name in ("a", "b", "c"):
        session.execute(f"CREATE STREAM {name} (k VARCHAR)")
    first = session.start_stream("INSERT INTO b SELECT k FROM a")
    session.start_stream("INSERT INTO c SELECT k FROM b", options={"start": False})
    back = "INSERT INTO a SELECT k FROM c"
    assert code_of(lambda: session.start_stream(back)) == "VEL2002"
    assert code_of(lambda: session.execute(back)) == "VEL2002"
    first.stop("now")
    session.start_stream(back).stop("now")


def test_a_null_in_a_not_null_column_ends_a_streaming_insert(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE strict (v BIGINT NOT NULL)")
    query = session.start_stream("INSERT INTO strict SELECT v FROM s")
    put(session, (0, "a", 1))
    assert until(lambda: rows_of(session, "SELECT v FROM strict") == [(1,)])
    put(session, (0, "a", 2), (0, "a", None))
    assert query.await_termination(WAIT_MS)
    assert query.status == "failed"
    assert code_of(query.failure) == "VEL3005"
    assert rows_of(session, "SELECT v FROM strict") == [(1,)]


def test_a_batch_insert_of_null_keeps_its_place(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE strict (v BIGINT NOT NULL)")
    with pytest.raises(_kernel.KernelError) as caught:
        session.execute("  INSERT INTO strict VALUES (NULL)")
    assert (caught.value.code, caught.value.line, caught.value.column) == ("VEL3005", 1, 3)


def test_what_a_running_query_uses_cannot_be_dropped_or_replaced(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE out (k VARCHAR)")
    query = session.start_stream("INSERT INTO out SELECT k FROM s")
    statements = (
        "DROP STREAM s",
        "CREATE OR REPLACE STREAM s (k VARCHAR)",
        "DROP TABLE out",
        "CREATE OR REPLACE TABLE out (k VARCHAR)",
    )
    for sql in statements:
        assert code_of(partial(session.execute, sql)) == "VEL4011", sql
    assert code_of(lambda: session.execute("DROP TABLE s")) == "VEL2025"
    put(session, (0, "a", 1))
    query.stop("drain")
    assert rows_of(session, "SELECT k FROM out") == [("a",)]
    for sql in statements:
        session.execute(sql)


def test_a_put_replaces_nothing_that_a_query_writes(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE out (k VARCHAR)")
    rows = pa.record_batch({"k": ["put"]})
    begun_before = session.ingest("out", rows.schema, "replace")
    begun_before.write(rows)
    query = session.start_stream("INSERT INTO out SELECT k FROM s")
    assert code_of(lambda: session.ingest("OUT", rows.schema, "replace")) == "VEL4011"
    assert code_of(begun_before.commit) == "VEL4011"
    put(session, (0, "a", 1))
    query.stop("drain")
    assert rows_of(session, "SELECT k FROM out") == [("a",)]
    begun_before.commit()
    assert rows_of(session, "SELECT k FROM out") == [("put",)]


@pytest.mark.parametrize("by_cancel", [False, True])
def test_a_query_that_a_statement_started_ends_within_its_trigger(
    session: _kernel.Session, by_cancel: bool
) -> None:
    session.register_arrow("d", pa.table({"k": ["a"] * 100_000}))
    session.execute("CREATE TABLE out (n BIGINT)")
    put(session, *((0, "a", i) for i in range(100_000)))
    sql = "INSERT INTO out SELECT COUNT(*) FROM s JOIN d ON s.k = d.k"
    query = session.streaming_query(session.execute(sql, query_id="slow").query_id)
    assert until(lambda: query.progress()["inflight_batches"] == 1)
    if by_cancel:
        assert session.cancel("slow") == "stopped"
    assert query.stop("now", timeout_ms=5_000)["status"] == "stopped"
    assert rows_of(session, "SELECT n FROM out") == []


# ---- names, ids, parameters, options


def test_one_of_many_starts_at_once_gets_a_name(session: _kernel.Session) -> None:
    def start(name: str, ready: threading.Barrier, codes: list[str]) -> None:
        ready.wait()
        try:
            session.start_stream("SELECT k FROM s", name)
            codes.append("")
        except _kernel.KernelError as fault:
            codes.append(fault.code)

    for number in range(20):
        codes: list[str] = []
        arguments = (f"q{number}", threading.Barrier(4), codes)
        threads = [threading.Thread(target=start, args=arguments) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(codes) == ["", "VEL2024", "VEL2024", "VEL2024"]


def test_parameters_and_a_promised_id_reach_a_streaming_query(session: _kernel.Session) -> None:
    sql = "SELECT v FROM s WHERE k = ? AND v > ?"
    query = session.start_stream(
        sql, options={"start": False}, parameters=["a", 1], query_id="promised-1"
    )
    assert query.query_id == query.name == "promised-1"
    subscription = query.subscribe()
    query.start()
    put(session, (0, "a", 1), (0, "a", 2), (0, "b", 3))
    session.end_input("s")
    assert [b.column(0).to_pylist() for b in left(subscription)] == [[2]]
    again = partial(session.start_stream, sql, parameters=["a", 1], query_id="promised-1")
    assert code_of(again) == "VEL1006"
    assert code_of(lambda: session.start_stream(sql)) == "VEL1006"


def test_a_streaming_insert_takes_parameters(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE out (v BIGINT)")
    put(session, (0, "a", 1), (0, "b", 2))
    started = session.execute("INSERT INTO out SELECT v FROM s WHERE k = ?", ["b"], "promised-2")
    session.streaming_query("promised-2").stop("drain")
    assert started.query_id == "promised-2"
    assert rows_of(session, "SELECT v FROM out") == [(2,)]


def test_progress_tells_the_delivery_mode_that_was_asked_for(session: _kernel.Session) -> None:
    def mode(options: dict[str, Any] | None) -> object:
        return session.start_stream("SELECT k FROM s", None, options).progress()[
            "checkpoint_delivery_mode"
        ]

    assert mode(None) == "at-least-once"
    assert mode({"delivery_mode": "at-least-once"}) == "at-least-once"
    assert mode({"delivery_mode": "best-effort"}) == "best-effort"
    assert code_of(lambda: mode({"delivery_mode": "exactly-once"})) == "VEL1008"
    assert code_of(lambda: mode({"delivery_mode": "now and then"})) == "VEL1006"
    assert code_of(lambda: mode({"delivery-mode": "best-effort"})) == "VEL1006"


# ---- late rows


def test_the_late_table_of_a_query_without_a_name_goes_with_it(session: _kernel.Session) -> None:
    before = table_names(session)
    query = session.start_stream(WINDOWED)
    late = f"{query.query_id}$late"
    put(session, (None, "a", 1))
    assert until(partial(has_read, query, 1))
    assert rows_of(session, f'SELECT k, _seq FROM "{late}"') == [("a", 0)]
    query.stop("drain")
    assert table_names(session) == before


def test_late_rows_stay_when_a_named_query_starts_again(session: _kernel.Session) -> None:
    query = session.start_stream(WINDOWED, "counts")
    put(session, (None, "a", 1))
    query.stop("drain")
    session.execute("CREATE OR REPLACE STREAM s (ts TIMESTAMP_MS, k VARCHAR, v BIGINT)")
    again = session.start_stream(WINDOWED, "counts")
    put(session, (None, "b", 2))
    again.stop("drain")
    assert rows_of(session, 'SELECT k FROM "counts$late"') == [("a",), ("b",)]
    session.execute("CREATE OR REPLACE STREAM s (ts TIMESTAMP_MS)")
    assert code_of(lambda: session.start_stream(WINDOWED, "counts")) == "VEL2024"


def test_a_late_table_never_takes_the_place_of_a_users_table(session: _kernel.Session) -> None:
    session.execute('CREATE TABLE "counts$late" (mine BIGINT)')
    session.execute('INSERT INTO "counts$late" VALUES (7)')
    assert code_of(lambda: session.start_stream(WINDOWED, "counts")) == "VEL2024"
    assert rows_of(session, 'SELECT mine FROM "counts$late"') == [(7,)]


def test_a_query_that_cannot_start_leaves_no_late_table(session: _kernel.Session) -> None:
    before = table_names(session)
    session.execute("CREATE TABLE d (k VARCHAR)")
    join = "d LEFT JOIN s ON d.k = s.k"
    sql = f"SELECT w, COUNT(*) FROM {join} WINDOW BY s.ts EVERY 1000 AS w GROUP BY w"
    assert code_of(lambda: session.start_stream(sql, "counts")) == "VEL2101"
    assert table_names(session) == before | {"d"}


# ---- what a query holds


def test_an_ended_query_lets_go_of_its_stream(session: _kernel.Session) -> None:
    rows = 1_000_000
    held = pa.total_allocated_bytes()
    big = pa.record_batch(
        [
            pa.array([0] * rows, pa.timestamp("ms")),
            pa.array(["a"] * rows),
            pa.array(range(rows), pa.int64()),
        ],
        schema=SCHEMA,
    )
    session.ingest("s", SCHEMA).write(big)
    del big
    query = session.start_stream("SELECT k, COUNT(*) FROM s GROUP BY k", "kept")
    assert query.stop("drain")["rows_in"] == rows
    assert query.progress()["state_bytes"] > 0
    session.execute("DROP STREAM s")
    assert until(lambda: pa.total_allocated_bytes() - held < rows)


def test_ended_queries_are_forgotten_from_the_oldest_on(session: _kernel.Session) -> None:
    first = session.start_stream(WINDOWED, "first")
    running = session.start_stream(WINDOWED, "running")
    first.stop("drain")
    for _ in range(300):
        session.start_stream("SELECT k FROM s").stop("now")
    assert len(session.streaming_queries()) < 300
    assert code_of(lambda: session.streaming_query("first")) == "VEL4010"
    assert session.streaming_query("running").query_id == running.query_id
    assert "first$late" not in table_names(session)
    assert "running$late" in table_names(session)


def test_a_trigger_waits_for_its_reader_however_much_it_gives(session: _kernel.Session) -> None:
    session.register_arrow("d", pa.table({"k": ["a"] * 5_000, "x": range(5_000)}))
    query = session.start_stream(
        "SELECT s.v, d.x FROM s JOIN d ON s.k = d.k", options={"start": False}
    )
    subscription = query.subscribe()
    query.start()
    put(session, *((0, "a", i) for i in range(4_000)))
    session.end_input("s")
    assert until(lambda: query.progress()["backpressure_active"])
    progress = query.progress()
    assert progress["inflight_batches"] == 1
    assert progress["status"] == "backpressure"
    assert progress["rows_out"] < 20_000_000
    assert sum(got.num_rows for got in left(subscription)) == 20_000_000
    assert query.await_termination(WAIT_MS)
    assert query.progress()["rows_out"] == 20_000_000


def test_a_waiting_trigger_can_be_stopped(session: _kernel.Session) -> None:
    session.register_arrow("d", pa.table({"k": ["a"] * 5_000, "x": range(5_000)}))
    query = session.start_stream(
        "SELECT s.v, d.x FROM s JOIN d ON s.k = d.k", options={"start": False}
    )
    query.subscribe()
    query.start()
    put(session, *((0, "a", i) for i in range(4_000)))
    assert until(lambda: query.progress()["backpressure_active"])
    assert query.stop("now")["status"] == "stopped"


def test_a_row_in_very_many_windows_comes_out_of_each(session: _kernel.Session) -> None:
    query = session.start_stream(
        "SELECT COUNT(*) AS n, COUNT(DISTINCT w) AS windows FROM s "
        "WINDOW BY ts EVERY 30000 SLIDE 3 AS w",
        options={"start": False},
    )
    subscription = query.subscribe()
    query.start()
    put(session, (0, "a", 1), (None, "a", 2), (1, "a", 3), (3, "b", 4))
    session.end_input("s")
    assert left(subscription)[-1].to_pylist() == [{"n": 30_000, "windows": 10_001}]
    for sizes in ("EVERY 100001 SLIDE 1", "EVERY 200001 SLIDE 2"):
        sql = f"SELECT w FROM s WINDOW BY ts {sizes} AS w"
        assert code_of(partial(session.start_stream, sql)) == "VEL2104"
    session.explain("SELECT w FROM s WINDOW BY ts EVERY 200000 SLIDE 2 AS w")
