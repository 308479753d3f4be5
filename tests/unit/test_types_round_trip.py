"""Arrow in is Arrow out: every type comes back as it went in, through each operator that keeps
values.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pyarrow as pa
import pytest

from velaria import _kernel

_MONTH = pa.MonthDayNano([1, 0, 0])
_DAYS = pa.MonthDayNano([0, 2, 5])
_NOON = dt.time(12, 30, 15)
_MIDNIGHT = dt.time(0)
_MOMENT = dt.datetime(2020, 1, 2, 3, 4, 5)
_LATER = dt.datetime(2021, 1, 1)
_VALUES: list[tuple[pa.DataType, list[object]]] = [
    (pa.time32("s"), [_NOON, _MIDNIGHT]),
    (pa.time32("ms"), [_NOON, _MIDNIGHT]),
    (pa.time64("us"), [_NOON, _MIDNIGHT]),
    (pa.time64("ns"), [_NOON, _MIDNIGHT]),
    (pa.date32(), [_LATER.date(), _MOMENT.date()]),
    *((pa.timestamp(unit), [_MOMENT, _LATER]) for unit in ("s", "ms", "us", "ns")),
    (pa.timestamp("us", "Europe/Berlin"), [_MOMENT, _LATER]),
    (pa.binary(), [b"\x00\xff", b""]),
    (pa.large_binary(), [b"\x00\xff", b"a long run of bytes, past any inline form"]),
    (pa.binary(2), [b"ab", b"aa"]),
    (pa.month_day_nano_interval(), [_MONTH, _DAYS]),
    *((kind(), [3, 200]) for kind in (pa.uint8, pa.uint16, pa.uint32, pa.uint64)),
    (pa.float32(), [1.5, -0.25]),
    (pa.decimal128(20, 3), [Decimal("1.500"), Decimal("-2.250")]),
    (pa.bool_(), [True, False]),
    (pa.list_(pa.int32()), [[1, None], []]),
    (pa.list_(pa.field("item", pa.string(), nullable=True)), [["a", None, "b"], ["a"]]),
    (pa.large_list(pa.int64()), [[1, 2], [1]]),
    (pa.list_(pa.float32(), 2), [[1.0, 2.0], [0.5, 0.25]]),
    (pa.list_(pa.list_(pa.time64("us"))), [[[_NOON], []], [[_MIDNIGHT, None]]]),
    (
        pa.struct([("a", pa.int32()), ("b", pa.month_day_nano_interval())]),
        [{"a": 1, "b": _DAYS}, {"a": None, "b": None}],
    ),
    (pa.map_(pa.string(), pa.int32()), [[("k", 1), ("l", None)], []]),
    (pa.dictionary(pa.int8(), pa.string()), ["x", "y"]),
]
_QUERIES = {
    "scan": "SELECT x FROM t",
    "filter": "SELECT x FROM t WHERE x IS NOT NULL",
    "sort": "SELECT x FROM t ORDER BY id DESC",
    "sort by itself": "SELECT x FROM t ORDER BY x",
    "top": "SELECT x FROM t ORDER BY x LIMIT 2",
    "group": "SELECT x FROM t GROUP BY x",
    "distinct": "SELECT DISTINCT x FROM t",
    "join": "SELECT r.x FROM t l JOIN t r ON l.x = r.x",
    "outer join": "SELECT r.x FROM t l LEFT JOIN t r ON l.id = r.id + 100",
    "asof join": "SELECT r.x FROM t l ASOF LEFT JOIN t r ON l.id >= r.id",
    "union": "SELECT x FROM t UNION ALL SELECT x FROM t",
    "except": "SELECT x FROM t EXCEPT SELECT x FROM t WHERE id = 0",
    "window": "SELECT x FROM (SELECT x, row_number() OVER (PARTITION BY x ORDER BY id) FROM t)",
    "shared": "WITH s AS MATERIALIZED (SELECT x FROM t) SELECT a.x FROM s a, s b",
}


def session_with(kind: pa.DataType, values: list[object]) -> _kernel.Session:
    """Table t of the values, one of them twice, and a NULL, over several batches."""
    rows = [*values, None, values[0]]
    table = pa.table({"id": pa.array(range(len(rows)), pa.int32()), "x": pa.array(rows, kind)})
    session = _kernel.Session(threads=2)
    ingest = session.ingest("t", table.schema)
    for batch in table.to_batches(max_chunksize=2):
        ingest.write(batch)
    ingest.commit()
    return session


@pytest.mark.parametrize(("kind", "values"), _VALUES, ids=[str(kind) for kind, _ in _VALUES])
def test_a_type_comes_back_as_it_went_in(kind: pa.DataType, values: list[object]) -> None:
    session = session_with(kind, values)
    for name, sql in _QUERIES.items():
        got = session.execute(sql).read_all()
        assert got.column(0).type == kind, f"{name}: {sql}"
    kept = session.execute("SELECT x FROM t ORDER BY id").read_all().column(0).to_pylist()
    assert kept == pa.array([*values, None, values[0]], kind).to_pylist()
    groups = session.execute("SELECT count(*) AS n FROM t GROUP BY x ORDER BY n").read_all()
    assert groups.column(0).to_pylist() == [1, 1, 2]
    pairs = session.execute("SELECT l.id FROM t l JOIN t r ON l.x = r.x").read_all()
    assert pairs.num_rows == 5  # two by two, and one by itself
