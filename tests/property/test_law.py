"""The law: any split of the input into batches and triggers gives the same final rows as one batch.

Two ways to cut: SET debug_trigger_rows makes a batch query pull its table in micro-batches; a
stream query reads a log that was filled by batches of any size, empty ones included. Hypothesis
prints the seed of a failure; `--hypothesis-seed` repeats it.
"""

from __future__ import annotations

import datetime
import itertools
import random
from collections.abc import Callable, Sequence

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from velaria import _kernel

SCHEMA = pa.schema(
    {
        "ts": pa.timestamp("ms"),
        "k": pa.string(),
        "n": pa.int32(),
        "m": pa.int64(),
        "x": pa.float64(),
        "b": pa.bool_(),
    }
)
DECLARATION = "(ts TIMESTAMP(3), k VARCHAR, n INTEGER, m BIGINT, x DOUBLE, b BOOLEAN)"
EPOCH = datetime.datetime(1970, 1, 1)
EVENT_WAIT_MS = 20_000

# Queries whose last row per key is compared; the number says how many leading columns are the key.
KEYED_QUERIES = (
    ("SELECT k, COUNT(*), COUNT(n), SUM(n), SUM(m) FROM t GROUP BY k", 1),
    ("SELECT k, MIN(n), MAX(n), MIN(x), MAX(x), MIN(ts), MAX(ts) FROM t GROUP BY k", 1),
    ("SELECT k, AVG(n), AVG(x), SUM(x) FROM t GROUP BY k", 1),
    ("SELECT k, b, COUNT(*), MAX(k), COUNT(b) FROM t GROUP BY k, b", 2),
    ("SELECT n % 3, SUM(n), COUNT(x) FROM t WHERE n < m GROUP BY n % 3", 1),
    ("SELECT b, SUM(CASE WHEN n > 0 THEN n ELSE 0 END) FROM t GROUP BY b", 1),
    ("SELECT w, COUNT(*), SUM(n) FROM t WINDOW BY ts EVERY 1000 AS w GROUP BY w", 1),
    ("SELECT w, k, SUM(x) FROM t WINDOW BY ts EVERY 900 SLIDE 300 AS w GROUP BY w, k", 2),
    ("SELECT w, MAX(n) FROM t WHERE b WINDOW BY ts EVERY 7 SLIDE 3 AS w GROUP BY w", 1),
)
ROW_QUERIES = (
    "SELECT k, n, x FROM t",
    "SELECT n + 1, UPPER(k), x * 2 FROM t WHERE n < m",
    "SELECT COALESCE(k, 'none'), n IS NULL, ts FROM t WHERE b OR n > 3",
    "SELECT w, n FROM t WINDOW BY ts EVERY 1000 SLIDE 500 AS w",
)
# The shapes that lie between a stream and its result, beside the table d of DIMENSION.
STREAM_KEYED_QUERIES = (
    ("SELECT COUNT(*), SUM(n), MIN(k), AVG(x) FROM t", 0),
    ("SELECT COUNT(*), SUM(n) FROM t WHERE n > 100", 0),
    ("SELECT COUNT(DISTINCT k), COUNT(*) FILTER (WHERE b) FROM t", 0),
    ("SELECT k, COUNT(*) FROM (SELECT * FROM t LIMIT 5) AS q GROUP BY k", 1),
    ("SELECT COUNT(*), SUM(n) FROM (SELECT n FROM t LIMIT 7 OFFSET 3) AS q", 0),
    ("SELECT COUNT(*), MAX(n) FROM (SELECT n FROM t OFFSET 4) AS q", 0),
    ("SELECT d.label, COUNT(*), SUM(t.n) FROM t JOIN d ON t.k = d.k GROUP BY d.label", 1),
    ("SELECT k, SUM(n) FROM (SELECT k, n FROM t UNION ALL SELECT k, 1 FROM d) AS q GROUP BY k", 1),
    ("SELECT big, COUNT(*) FROM (SELECT n > 3 AS big FROM t WHERE b) AS q GROUP BY big", 1),
    (
        "SELECT w, COUNT(*), SUM(two) FROM (SELECT ts, n * 2 AS two FROM t WHERE n < m) AS q "
        "WINDOW BY ts EVERY 1000 AS w GROUP BY w",
        1,
    ),
    (
        "SELECT w, d.label, COUNT(*) FROM t JOIN d ON t.k = d.k "
        "WINDOW BY t.ts EVERY 1000 AS w GROUP BY w, d.label",
        2,
    ),
    (
        "SELECT w, COUNT(*) FROM (SELECT ts, n FROM t UNION ALL SELECT at, 0 FROM d) AS q "
        "WINDOW BY ts EVERY 1000 AS w GROUP BY w",
        1,
    ),
)
STREAM_ROW_QUERIES = (
    "SELECT k, n FROM t LIMIT 5",
    "SELECT k, n + 1 FROM t WHERE b LIMIT 4 OFFSET 2",
    "SELECT k FROM t LIMIT 0",
    "SELECT t.k, d.label, t.n FROM t JOIN d ON t.k = d.k",
    "SELECT t.n, d.label FROM t LEFT JOIN d ON t.k = d.k AND t.b",
    "SELECT k FROM t UNION ALL SELECT label FROM d",
    "SELECT n * 2 FROM (SELECT n FROM t WHERE n > 0) AS q",
    "SELECT q.n FROM (SELECT n FROM t LIMIT 6) AS q WHERE q.n > 0",
    "SELECT w, n FROM (SELECT * FROM t LIMIT 9) AS q WINDOW BY ts EVERY 1000 AS w",
)
DIMENSION = (
    "CREATE TABLE d (k VARCHAR, label VARCHAR, at TIMESTAMP(3))",
    "INSERT INTO d VALUES ('a', 'one', TIMESTAMP '1970-01-01 00:00:01'), ('a', 'two', NULL), "
    "('b', 'one', NULL), ('', 'none', TIMESTAMP '1970-01-01 00:00:02')",
)
# A windowed query, and which rows of the stream reach the window without a time.
LATE_QUERIES = (
    ("SELECT w, COUNT(*) FROM t {} GROUP BY w", lambda row: row["ts"] is None),
    (
        "SELECT w, COUNT(*) FROM (SELECT n + 1 AS more, ts FROM t WHERE b) AS q {} GROUP BY w",
        lambda row: row["ts"] is None and row["b"],
    ),
    (
        "SELECT w, COUNT(*) FROM t JOIN d ON t.k = d.k {} GROUP BY w",
        lambda row: row["ts"] is None and row["k"] in ("a", "b", ""),
    ),
    (
        "SELECT w, COUNT(*) FROM (SELECT d.at AS ts FROM t LEFT JOIN d ON t.k = d.k) AS q {} "
        "GROUP BY w",
        lambda row: row["k"] != "",
    ),
    (
        "SELECT w, COUNT(*) FROM (SELECT ts FROM t UNION ALL SELECT at FROM d) AS q {} GROUP BY w",
        lambda row: row["ts"] is None,
    ),
    (
        "SELECT w, COUNT(*) FROM (SELECT ts FROM t WHERE n > 2 LIMIT 1000) AS q {} GROUP BY w",
        lambda row: row["ts"] is None and (row["n"] or 0) > 2,
    ),
)
# Run through debug_trigger_rows alone: a stream has no end that would make them final.
BATCH_QUERIES = (
    "SELECT COUNT(*), SUM(n), MIN(k), AVG(x) FROM t",
    "SELECT DISTINCT k, b FROM t",
    "SELECT k, COUNT(DISTINCT n) FROM t GROUP BY k",
    "SELECT k, COUNT(*) FROM t GROUP BY k HAVING COUNT(*) = 1",
    "SELECT k, n FROM t ORDER BY n, k, m, x LIMIT 5",
    "SELECT l.k, r.n FROM t AS l JOIN t AS r ON l.n = r.n",
    "SELECT l.n, r.n FROM t AS l FULL JOIN t AS r ON l.n = r.n + 1 AND l.b",
    "SELECT k FROM t UNION SELECT UPPER(k) FROM t",
    "SELECT k FROM t WHERE n > 0 UNION ALL SELECT 'x' FROM t WHERE b",
    "WITH q AS (SELECT k, SUM(n) AS s FROM t GROUP BY k) SELECT n, s FROM t JOIN q ON t.k = q.k",
)

_small = st.integers(-4, 9)
# No -0.0: which of two equal values MIN keeps is nobody's promise.
_floats = st.floats(-1e150, 1e150).map(lambda x: x + 0.0)
_rows = st.lists(
    st.fixed_dictionaries(
        {
            "ts": st.none()
            | st.integers(-3_000, 3_000).map(
                lambda ms: EPOCH + datetime.timedelta(milliseconds=ms)
            ),
            "k": st.none() | st.sampled_from(["a", "b", "", "null", "日本", "a|b"]),
            "n": st.none() | _small,
            "m": st.none() | _small | st.integers(-(2**60), 2**60),
            "x": st.none() | _floats,
            "b": st.none() | st.booleans(),
        }
    ),
    max_size=40,
)
_cuts = st.lists(st.integers(0, 40), max_size=8)

_settings = settings(
    max_examples=25,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def make_batches(rows: Sequence[dict[str, object]], cuts: Sequence[int]) -> list[pa.RecordBatch]:
    """The rows cut at the given places; equal or outer cuts give empty batches."""
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    return [
        pa.RecordBatch.from_pylist(list(rows[start:end]), schema=SCHEMA)
        for start, end in itertools.pairwise(edges)
    ]


def fill(session: _kernel.Session, name: str, batches: Sequence[pa.RecordBatch]) -> None:
    """Put batches into a table or stream as a client would."""
    ingest = session.ingest(name, SCHEMA)
    for batch in batches:
        ingest.write(batch)


def rows_of(table: pa.Table) -> list[tuple[object, ...]]:
    """Rows in the table's order."""
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def sorted_rows(rows: Sequence[tuple[object, ...]]) -> list[tuple[object, ...]]:
    """Rows in an order of their own, for comparison."""
    return sorted(rows, key=repr)


def answer(sql: str, batches: Sequence[pa.RecordBatch], trigger_rows: int) -> list[object]:
    """Rows of a query over a table made of the batches, in the whole or in micro-batches."""
    session = _kernel.Session()
    session.execute(f"CREATE TABLE t{DECLARATION}")
    for statement in DIMENSION:
        session.execute(statement)
    session.execute("SET float_sum = 'reproducible'")
    fill(session, "t", batches)
    if trigger_rows:
        session.execute(f"SET debug_trigger_rows = {trigger_rows}")
    rows = rows_of(session.execute(sql).read_all())
    session.close()
    return sorted_rows(rows)


@pytest.mark.parametrize("sql", [*(q for q, _ in KEYED_QUERIES), *ROW_QUERIES, *BATCH_QUERIES])
@given(rows=_rows, cuts=_cuts, trigger_rows=st.integers(1, 50))
@_settings
def test_micro_batches_of_any_size_give_the_batch_answer(
    sql: str, rows: list[dict[str, object]], cuts: list[int], trigger_rows: int
) -> None:
    whole = answer(sql, make_batches(rows, []), 0)
    assert answer(sql, make_batches(rows, cuts), 0) == whole
    assert answer(sql, make_batches(rows, cuts), trigger_rows) == whole
    assert answer(sql, make_batches(rows, []), 1) == whole


def emitted(sql: str, batches: Sequence[pa.RecordBatch]) -> list[tuple[object, ...]]:
    """All rows that a stream query emits while its input arrives batch by batch and then ends."""
    session = _kernel.Session()
    session.execute(f"CREATE STREAM t {DECLARATION}")
    for statement in DIMENSION:
        session.execute(statement)
    query = session.start_stream(sql, options={"start": False})
    subscription = query.subscribe()
    query.start()
    fill(session, "t", batches)
    session.end_input("t")
    rows: list[tuple[object, ...]] = []
    while True:
        try:
            batch = subscription.next(EVENT_WAIT_MS)
        except StopIteration:
            break
        assert batch is not None, f"nothing came in {EVENT_WAIT_MS} ms"
        rows += rows_of(pa.Table.from_batches([batch]))
    assert query.await_termination(EVENT_WAIT_MS)
    assert query.status == "finished"
    session.close()
    return rows


@pytest.mark.parametrize(("sql", "key_width"), [*KEYED_QUERIES, *STREAM_KEYED_QUERIES])
@given(rows=_rows, cuts=_cuts)
@_settings
def test_the_last_row_per_key_of_a_stream_is_the_batch_answer(
    sql: str, key_width: int, rows: list[dict[str, object]], cuts: list[int]
) -> None:
    latest = {row[:key_width]: row for row in emitted(sql, make_batches(rows, cuts))}
    assert sorted_rows(list(latest.values())) == answer(sql, make_batches(rows, []), 0)


@pytest.mark.parametrize("sql", [*ROW_QUERIES, *STREAM_ROW_QUERIES])
@given(rows=_rows, cuts=_cuts)
@_settings
def test_a_stream_without_groups_emits_each_row_once(
    sql: str, rows: list[dict[str, object]], cuts: list[int]
) -> None:
    found = sorted_rows(emitted(sql, make_batches(rows, cuts)))
    assert found == answer(sql, make_batches(rows, []), 0)


@pytest.mark.parametrize(("sql", "is_late"), LATE_QUERIES)
@given(rows=_rows, cuts=_cuts)
@_settings
def test_rows_without_a_time_go_to_the_late_table_and_none_is_lost(
    sql: str,
    is_late: Callable[[dict[str, object]], bool],
    rows: list[dict[str, object]],
    cuts: list[int],
) -> None:
    session = _kernel.Session()
    session.execute(f"CREATE STREAM t {DECLARATION}")
    for statement in DIMENSION:
        session.execute(statement)
    query = session.start_stream(sql.format("WINDOW BY ts EVERY 1000 AS w"), name="counts")
    fill(session, "t", make_batches(rows, cuts))
    session.end_input("t")
    assert query.await_termination(EVENT_WAIT_MS)
    query.failure()
    progress = query.progress()
    late = session.execute('SELECT _seq, k, n FROM "counts$late"').read_all()
    expected = [(i, row["k"], row["n"]) for i, row in enumerate(rows) if is_late(row)]
    assert rows_of(late) == expected
    assert progress["rows_late"] == len(expected)
    assert progress["rows_in"] == len(rows)
    session.close()


@pytest.mark.parametrize(("sql", "key_width"), KEYED_QUERIES)
def test_many_rows_in_uneven_batches_give_the_batch_answer(sql: str, key_width: int) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    rows = [
        {
            "ts": EPOCH + datetime.timedelta(milliseconds=rng.randrange(-5_000, 50_000)),
            "k": rng.choice((None, "", *(f"key-{n}" for n in range(200)))),
            "n": rng.choice((None, rng.randrange(-1_000, 1_000))),
            "m": rng.randrange(-(2**60), 2**60),
            "x": rng.choice((None, rng.uniform(-1, 1) * 10.0 ** rng.randrange(-12, 12))),
            "b": rng.choice((None, True, False)),
        }
        for _ in range(10_000)
    ]
    batches = make_batches(rows, [rng.randrange(len(rows)) for _ in range(60)])
    latest = {row[:key_width]: row for row in emitted(sql, batches)}
    assert sorted_rows(list(latest.values())) == answer(sql, make_batches(rows, []), 0)
