"""Progress: every contract field is there, and each has a case in which its value changes."""

import json
from typing import Any

import pyarrow as pa
import pytest

from velaria import _kernel

WINDOWED = "SELECT w, k, COUNT(*) AS n FROM e WINDOW BY ts EVERY 1000 AS w GROUP BY w, k"
PLAIN = "SELECT k, k + 1 AS more FROM e"
SCHEMA = pa.schema([("ts", pa.timestamp("ms")), ("k", pa.int64())])


def make_session(threads: int = 2) -> _kernel.Session:
    session = _kernel.Session(threads=threads)
    session.execute("CREATE STREAM e (ts TIMESTAMP_MS, k BIGINT)")
    return session


def batch(rows: int, *, null_times: int = 0) -> pa.RecordBatch:
    times = [None] * null_times + list(range(rows - null_times))
    return pa.record_batch(
        [pa.array(times, pa.timestamp("ms")), pa.array([i % 3 for i in range(rows)], pa.int64())],
        schema=SCHEMA,
    )


def run(sql: str, rows: int = 10, *, null_times: int = 0, puts: int = 1) -> dict[str, Any]:
    """The last progress of a query over `puts` batches whose input ended."""
    session = make_session()
    query = session.start_stream(sql)
    ingest = session.ingest("e", SCHEMA)
    for _ in range(puts):
        ingest.write(batch(rows, null_times=null_times))
    session.end_input("e")
    assert query.await_termination(20_000)
    return query.progress()


def test_the_fields_are_the_tables_fields_in_its_order() -> None:
    names = [name for name, _, _ in _kernel.progress_fields()]
    progress = run(WINDOWED)
    assert list(progress) == names
    assert len(names) == len(set(names)) >= 37


def test_snapshot_json_is_the_same_progress() -> None:
    session = make_session()
    query = session.start_stream(WINDOWED)
    session.end_input("e")
    assert query.await_termination(20_000)
    assert json.loads(query.snapshot_json()) == query.progress()


def test_identity_and_status_follow_the_query() -> None:
    session = make_session()
    query = session.start_stream(WINDOWED, "mine", {"start": False})
    assert query.progress()["status"] == "created"
    assert query.progress()["query_id"] == query.query_id != run(WINDOWED)["query_id"]
    query.start()
    assert query.progress()["status"] == "running"
    query.stop("now")
    assert query.progress()["status"] == "stopped"
    assert run(WINDOWED)["status"] == "finished"


@pytest.mark.parametrize(
    ("field", "low", "high"),
    [
        ("rows_in", run(WINDOWED, 10), run(WINDOWED, 20)),
        ("rows_out", run(WINDOWED, 1), run(WINDOWED, 10)),
        ("batches_pulled", run(WINDOWED, 0), run(WINDOWED, 10)),
        ("batches_processed", run(WINDOWED, 0), run(WINDOWED, 10)),
        ("sampled_batches", run(WINDOWED, 0), run(WINDOWED, 10)),
        ("sampled_rows_per_batch", run(WINDOWED, 10), run(WINDOWED, 5000)),
        ("average_projected_payload_bytes", run(WINDOWED, 10), run(WINDOWED, 5000)),
        ("projected_payload_bytes", run(WINDOWED, 10), run(WINDOWED, 5000)),
        ("estimated_state_size_bytes", run(WINDOWED, 10), run(WINDOWED, 5_000_000)),
        ("state_bytes", run(WINDOWED, 10), run(WINDOWED, 5_000_000)),
        ("rows_late", run(WINDOWED, 10), run(WINDOWED, 10, null_times=4)),
    ],
)
def test_a_field_grows_with_what_it_counts(
    field: str, low: dict[str, Any], high: dict[str, Any]
) -> None:
    assert (low[field] or 0) < high[field]


@pytest.mark.parametrize(
    ("field", "plain", "windowed"),
    [("has_stateful_ops", False, True), ("has_window", False, True)],
)
def test_a_flag_follows_the_plan(field: str, plain: bool, windowed: bool) -> None:
    assert run(PLAIN)[field] is plain
    assert run(WINDOWED)[field] is windowed


def test_what_does_not_apply_is_null_and_the_reason_says_so() -> None:
    progress = run(PLAIN)
    for field in ("actor_speedup", "compute_to_overhead_ratio"):
        assert progress[field] is None
        assert field in progress["execution_reason"]
    for field in ("last_state_latency_ms", "estimated_state_size_bytes", "rows_late"):
        assert progress[field] is None
        assert run(WINDOWED)[field] is not None


def test_the_sink_fields_follow_the_sink() -> None:
    session = make_session()
    session.execute("CREATE TABLE sink (k BIGINT, more BIGINT)")
    into_table = session.start_stream(f"INSERT INTO sink {PLAIN}")
    to_nobody = session.start_stream(PLAIN)
    assert into_table.progress()["sink_is_blocking"] is True
    assert to_nobody.progress()["sink_is_blocking"] is False
    assert into_table.progress()["last_sink_latency_ms"] is None
    session.ingest("e", SCHEMA).write(batch(10))
    session.end_input("e")
    assert into_table.await_termination(20_000)
    assert into_table.progress()["last_sink_latency_ms"] >= 0


def test_times_are_null_before_the_first_batch_and_measured_after_it() -> None:
    session = make_session()
    query = session.start_stream(WINDOWED)
    for field in ("last_batch_latency_ms", "estimated_batch_cost"):
        assert query.progress()[field] is None
        assert run(WINDOWED)[field] > 0


def test_the_source_offset_moves_with_the_rows() -> None:
    assert run(WINDOWED, 10)["last_source_offset"] == "10"
    assert run(WINDOWED, 20)["last_source_offset"] == "20"


def test_subscribers_are_counted_and_a_full_one_holds_the_query_back() -> None:
    session = make_session()
    session.execute("SET stream_trigger_rows = 1")
    query = session.start_stream(PLAIN, None, {"start": False})
    assert query.progress()["subscribers"] == 0
    subscription = query.subscribe()
    assert query.progress()["subscribers"] == 1
    session.ingest("e", SCHEMA).write(batch(1000))
    query.start()
    seen = 0
    held = dict[str, Any]()
    while not held:  # the query fills the queue on its own and then waits
        progress = query.progress()
        held = progress if progress["backpressure_active"] else {}
    assert held["status"] == "backpressure"
    assert held["blocked_count"] == 1
    assert held["max_backlog_batches"] == 1000
    assert held["rows_out"] <= held["backpressure_high_watermark"]
    session.end_input("e")
    for got in iter(lambda: subscription.next(20_000), None):
        seen += got.num_rows
        if seen == 1000:
            break
    assert query.await_termination(20_000)
    assert query.progress()["backpressure_active"] is False
    assert query.progress()["rows_out"] == 1000


def test_work_in_flight_is_seen_while_it_is_done() -> None:
    session = make_session()
    query = session.start_stream(WINDOWED, None, {"start": False})
    ingest = session.ingest("e", SCHEMA)
    for _ in range(20):
        ingest.write(batch(200_000))
    assert query.progress()["inflight_batches"] == 0
    query.start()
    busy = query.progress()
    assert busy["inflight_batches"] in (0, 1)
    while not busy["inflight_batches"] and query.status == "running":
        if busy["rows_in"] >= 4_000_000:
            break
        busy = query.progress()
    assert busy["inflight_partitions"] >= 1
    session.end_input("e")
    assert query.await_termination(60_000)
    assert query.progress()["inflight_batches"] == 0


def test_partitions_follow_the_threads() -> None:
    assert make_session(1).start_stream(PLAIN).progress()["estimated_partitions"] == 1
    assert make_session(2).start_stream(PLAIN).progress()["estimated_partitions"] == 2


def test_explain_and_progress_tell_one_decision() -> None:
    session = make_session()
    strategy = dict(
        line.split("=", 1) for line in session.explain_stream(WINDOWED)["strategy"].splitlines()
    )
    progress = session.start_stream(WINDOWED).progress()
    same = ("execution_mode", "execution_reason", "transport_mode", "checkpoint_delivery_mode")
    for name in same:
        assert strategy[name] == progress[name]
    for name in ("has_window", "has_stateful_ops", "source_is_bounded", "actor_eligible"):
        assert strategy[name] == str(progress[name]).lower()
