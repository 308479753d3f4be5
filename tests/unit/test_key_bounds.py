"""The keys of a join's build tell the scans of its other side which segments and row groups hold no
match. What they leave out never changes an answer.
"""

import datetime
import decimal
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from velaria import _kernel

PARTS = 5
PART_ROWS = 50_000  # of a segment: short ones are joined when they are appended
ROWS = PARTS * PART_ROWS


def in_parts(columns: dict[str, pa.Array]) -> pa.Table:
    table = pa.table(columns)
    starts = range(0, ROWS, PART_ROWS)
    return pa.concat_tables([table.slice(start, PART_ROWS) for start in starts])


@pytest.fixture(scope="module")
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=2)
    ids = pa.array([None if i == 7 else i for i in range(ROWS)], pa.int64())
    tens = pa.array([i // 10 for i in range(ROWS)], pa.int64())
    kernel_session.register_arrow("large", in_parts({"id": ids, "ten": tens}))
    kernel_session.register_arrow("other", in_parts({"id": ids, "ten": tens}))
    # All within the second segment.
    kernel_session.register_arrow("few", pa.table({"k": [PART_ROWS + 5, PART_ROWS + 95]}))
    kernel_session.register_arrow("none", pa.table({"k": pa.array([], pa.int64())}))
    kernel_session.register_arrow("unknown", pa.table({"k": pa.array([None], pa.int64())}))
    yield kernel_session
    kernel_session.close()


def scans(session: _kernel.Session, sql: str) -> dict[str, dict[str, int]]:
    """What is told of each scan of a query that has run, by the beginning of its name."""
    table = session.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}").read_all()
    found = {}

    def walk(node: dict[str, Any]) -> None:
        if node["operator"].startswith("scan "):
            found[node["operator"].split(":")[0].split("'")[0].strip()] = node["facts"]
        for child in node["children"]:
            walk(child)

    walk(json.loads(table["text"][0].as_py())["plan"])
    return found


def rows(session: _kernel.Session, sql: str) -> list[tuple[Any, ...]]:
    table = session.execute(sql).read_all()
    return sorted(zip(*(column.to_pylist() for column in table.columns), strict=True))


@pytest.mark.parametrize(
    ("sql", "skipped"),
    [
        ("SELECT id FROM large JOIN few ON id = k", 4),
        ("SELECT id FROM few JOIN large ON id = k", 4),
        ("SELECT id FROM large WHERE id IN (SELECT k FROM few)", 4),
        ("SELECT id FROM large WHERE EXISTS (SELECT 1 FROM few WHERE k = id AND k > 0)", 4),
        ("SELECT k, id FROM large RIGHT JOIN few ON id = k", 4),
        (
            "SELECT id + 1 FROM (SELECT ten AS x, id FROM large WHERE ten > 3) s, few WHERE id = k",
            4,
        ),
        # Below an aggregation that groups by the key.
        (
            "SELECT id, c FROM (SELECT id, count(*) c FROM large GROUP BY id) s JOIN few ON id = k",
            4,
        ),
        # No key, or none that is known: of the one segment that has a NULL this is not told.
        ("SELECT id FROM large JOIN none ON id = k", 4),
        ("SELECT id FROM large JOIN unknown ON id = k", 4),
        # Rows without a match belong to the result.
        ("SELECT id, k FROM large LEFT JOIN few ON id = k WHERE id % 60000 = 5", 0),
        ("SELECT id FROM large WHERE id NOT IN (SELECT k FROM few) AND id % 60000 = 5", 0),
        ("SELECT id FROM large l FULL JOIN few ON id = k WHERE id % 60000 = 5", 0),
        # NULL has a match.
        ("SELECT ten FROM large JOIN unknown ON id IS NOT DISTINCT FROM k", 0),
        # What is counted off, or sorted into a window, must see all rows.
        ("SELECT id FROM (SELECT id FROM large LIMIT 60000) s JOIN few ON id = k", 0),
        ("SELECT id, n FROM (SELECT id, count(*) OVER () AS n FROM large) s JOIN few ON id = k", 0),
    ],
)
def test_segments_without_a_match_are_not_read(
    session: _kernel.Session, sql: str, skipped: int
) -> None:
    assert scans(session, sql)["scan large"].get("segments_skipped", 0) == skipped
    plain = sql.replace("= k", "= k + 0").replace("k = id", "k + 0 = id")
    plain = plain.replace("SELECT k FROM few)", "SELECT k + 0 FROM few)")
    assert plain != sql or "IS NOT DISTINCT" in sql
    assert rows(session, sql) == rows(session, plain)


def test_a_list_of_constants_has_bounds_too(session: _kernel.Session) -> None:
    sql = f"SELECT id FROM large WHERE id IN ({PART_ROWS + 95}, {PART_ROWS + 5})"
    assert scans(session, sql)["scan large"]["segments_skipped"] == PARTS - 1
    assert rows(session, sql) == [(PART_ROWS + 5,), (PART_ROWS + 95,)]
    others = f"SELECT count(*) FROM large WHERE id NOT IN ({PART_ROWS + 95}, {PART_ROWS + 5})"
    assert rows(session, others) == [(ROWS - 3,)]  # one id is NULL


def test_bounds_go_through_the_joins_between(session: _kernel.Session) -> None:
    sql = "SELECT l.id, o.ten FROM large l JOIN other o ON l.id = o.id JOIN few ON o.id = k"
    told = scans(session, sql)
    assert {name: facts.get("segments_skipped") for name, facts in told.items()} == {
        "scan large": 4,
        "scan other": 4,
        "scan few": None,
    }
    assert rows(session, sql) == [(PART_ROWS + 5, 5000), (PART_ROWS + 95, 5009)]


def test_two_builds_bound_one_scan(session: _kernel.Session) -> None:
    sql = (
        "SELECT id FROM large JOIN few ON id = k"
        " JOIN (SELECT k / 10 AS t FROM few) s ON ten = t WHERE id > 0"
    )
    (explained,) = [
        line
        for line in "\n".join(
            session.execute(f"EXPLAIN {sql}").read_all()["text"].to_pylist()
        ).split("\n")
        if "scan large" in line
    ]
    assert "key bounds=" in explained
    assert rows(session, sql) == rows(session, sql.replace("= k", "= k + 0"))


def test_a_shared_subplan_is_whole_for_its_other_reader(session: _kernel.Session) -> None:
    sql = (
        "WITH all_rows AS MATERIALIZED (SELECT id FROM large)"
        " SELECT (SELECT count(*) FROM all_rows), id FROM all_rows JOIN few ON id = k"
    )
    assert rows(session, sql) == [(ROWS, PART_ROWS + 5), (ROWS, PART_ROWS + 95)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.int32(), lambda i: i),
        (pa.uint64(), lambda i: i),
        (pa.date32(), lambda i: datetime.date(1900, 1, 1) + datetime.timedelta(days=i // 10)),
        (pa.timestamp("us"), lambda i: datetime.datetime(2000, 1, 1) + datetime.timedelta(0, i)),
        (pa.timestamp("ms", "UTC"), lambda i: i * 1000),
        (pa.time64("us"), lambda i: i * 1000),
        (pa.decimal128(12, 2), lambda i: decimal.Decimal(i) / 4),
        (pa.float64(), lambda i: float(i)),
        (pa.utf8(), lambda i: f"{i:09}"),
        (pa.bool_(), lambda i: i >= PART_ROWS),
    ],
    ids=lambda given: str(given) if isinstance(given, pa.DataType) else "",
)
def test_every_type_of_key_gives_the_same_answer(kind: pa.DataType, value: Any) -> None:
    session = _kernel.Session(threads=2)
    keys = pa.array([value(i) for i in range(ROWS)], kind)
    session.register_arrow("large", in_parts({"x": keys, "i": pa.array(range(ROWS))}))
    session.register_arrow("few", pa.table({"k": keys.take(pa.array([PART_ROWS, ROWS - 1]))}))
    sql = "SELECT i FROM large WHERE x IN (SELECT k FROM few)"
    expected = [(i,) for i in range(ROWS) if value(i) in (value(PART_ROWS), value(ROWS - 1))]
    assert rows(session, sql) == expected
    session.close()


def test_row_groups_without_a_match_are_not_read(session: _kernel.Session, tmp_path: Path) -> None:
    path = tmp_path / "large.parquet"
    pq.write_table(pa.table({"a": pa.array(range(3000), pa.int64())}), path, row_group_size=1000)
    session.register_arrow("three", pa.table({"k": [1500, 1600, 9000]}))
    sql = f"SELECT a FROM '{path}' WHERE a IN (SELECT k FROM three)"
    assert scans(session, sql)["scan parquet file"]["parts_skipped"] == 1
    assert rows(session, sql) == [(1500,), (1600,)]
