"""What the original got wrong and SQL records cannot show: each mistake is a named test."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

import pyarrow as pa
import pytest

from velaria import _kernel

WAIT_MS = 20_000
MOMENT = datetime.datetime(2013, 1, 1, 5, 15)


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session()
    yield kernel_session
    kernel_session.close()


def test_two_sessions_are_two_databases(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE t(a INTEGER)")
    other = _kernel.Session()
    with pytest.raises(_kernel.SqlError, match="unknown table"):
        other.execute("SELECT a FROM t")
    other.execute("CREATE TABLE t(b VARCHAR)")
    assert session.table("t").schema.names == ["a"]
    other.close()


def test_a_batch_of_another_schema_is_refused_and_the_stream_goes_on(
    session: _kernel.Session,
) -> None:
    session.execute("CREATE STREAM s(k VARCHAR, n INTEGER)")
    query = session.start_stream("SELECT k, SUM(n) FROM s GROUP BY k", options={"start": False})
    subscription = query.subscribe()
    query.start()
    schema = pa.schema({"k": pa.string(), "n": pa.int32()})
    ingest = session.ingest("s", schema)
    ingest.write(pa.record_batch({"k": ["a"], "n": [1]}, schema=schema))
    with pytest.raises(_kernel.SourceError) as refusal:
        ingest.write(pa.record_batch({"k": ["a"], "n": ["one"]}))
    assert refusal.value.code == "VEL4005"
    ingest.write(pa.record_batch({"k": ["a"], "n": [2]}, schema=schema))
    session.end_input("s")
    latest = {row["k"]: row["sum"] for batch in emissions(subscription) for row in batch}
    assert latest == {"a": 3}
    assert query.await_termination(WAIT_MS)
    assert query.status == "finished"


def test_a_row_without_a_time_goes_aside_and_the_query_goes_on(session: _kernel.Session) -> None:
    session.execute("CREATE STREAM s(ts TIMESTAMP(3), n INTEGER)")
    query = session.start_stream(
        "SELECT w, COUNT(*) AS c FROM s WINDOW BY ts EVERY 1000 AS w GROUP BY w", name="counts"
    )
    schema = pa.schema({"ts": pa.timestamp("ms"), "n": pa.int32()})
    ingest = session.ingest("s", schema)
    for moment in (MOMENT, None, MOMENT):
        ingest.write(pa.record_batch({"ts": [moment], "n": [1]}, schema=schema))
    session.end_input("s")
    assert query.await_termination(WAIT_MS)
    assert query.status == "finished"
    assert query.progress()["rows_late"] == 1
    late = session.execute('SELECT n, _late_reason FROM "counts$late"').read_all().to_pylist()
    assert [row["n"] for row in late] == [1]
    assert late[0]["_late_reason"]


@pytest.mark.parametrize("row_count", [0, 1, 3])
def test_every_column_comes_out_as_it_went_in(session: _kernel.Session, row_count: int) -> None:
    table = pa.table(
        {
            "word": pa.array(["a", None, "b"]).dictionary_encode(),
            "moment": pa.array([MOMENT, None, MOMENT], pa.timestamp("us")),
            "zoned": pa.array([MOMENT, None, MOMENT], pa.timestamp("ns", "Europe/Oslo")),
            "bytes": pa.array([b"\x00\xff", None, b""]),
            "amount": pa.array([1, None, 3], pa.decimal128(10, 2)),
        }
    ).slice(0, row_count)
    session.register_arrow("t", table)
    assert session.execute("SELECT * FROM t").read_all().equals(table)


def test_explain_reads_nothing(session: _kernel.Session) -> None:
    schema = pa.schema({"a": pa.int64()})
    openings: list[str] = []

    def open_reader() -> pa.RecordBatchReader:
        openings.append("opened")
        return pa.RecordBatchReader.from_batches(schema, [])

    session.register_system_table("watched", schema, open_reader)
    session.explain("SELECT SUM(a) FROM system.watched")
    session.execute("EXPLAIN SELECT SUM(a) FROM system.watched").read_all()
    assert openings == []
    session.execute("SELECT SUM(a) FROM system.watched").read_all()
    assert openings == ["opened"]


def emissions(subscription: _kernel.Subscription) -> Iterator[list[dict[str, object]]]:
    """The rows of each emitted batch until the query ends."""
    while True:
        try:
            batch = subscription.next(WAIT_MS)
        except StopIteration:
            return
        assert batch is not None, f"nothing came in {WAIT_MS} ms"
        yield batch.to_pylist()
