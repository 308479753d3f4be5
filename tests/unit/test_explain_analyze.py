"""EXPLAIN ANALYZE: the figures of each operator, that they add up, and the forms they come in."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from velaria import _kernel

Node = dict[str, Any]
ROWS = 100_000


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=2)
    numbers = pa.table({"a": pa.array(range(ROWS), pa.int64())})
    kernel_session.register_arrow("t", numbers.append_column("g", _groups()))
    kernel_session.register_arrow("u", pa.table({"a": pa.array(range(0, ROWS, 10), pa.int64())}))
    yield kernel_session
    kernel_session.close()


def _groups() -> pa.Array:
    return pa.array([row % 7 for row in range(ROWS)], pa.int32())


def analyzed(session: _kernel.Session, sql: str) -> dict[str, Any]:
    table = session.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}").read_all()
    assert table["section"].to_pylist() == ["json"]
    document: dict[str, Any] = json.loads(table["text"][0].as_py())
    assert document["analyzed"] is True
    return document


def nodes(document: dict[str, Any]) -> list[Node]:
    def walk(node: Node) -> Iterator[Node]:
        yield node
        for child in node["children"]:
            yield from walk(child)

    return list(walk(document["plan"]))


def find(document: dict[str, Any], start: str) -> Node:
    (found,) = [node for node in nodes(document) if node["operator"].startswith(start)]
    return found


def test_rows_of_a_filter_and_what_reads_it_add_up(session: _kernel.Session) -> None:
    told = analyzed(session, "SELECT a + 1 FROM t WHERE a % 10 = 3")
    scan, filtered = find(told, "scan t"), find(told, "filter")
    project, result = find(told, "project"), find(told, "result")
    assert scan["rows_in"] is None
    assert scan["rows_out"] == filtered["rows_in"] == ROWS
    assert filtered["rows_out"] == project["rows_in"] == project["rows_out"] == ROWS // 10
    assert result["rows_in"] == result["rows_out"] == told["rows"] == ROWS // 10


def test_a_join_tells_its_probe_and_its_build(session: _kernel.Session) -> None:
    told = analyzed(session, "SELECT count(*) FROM t JOIN u ON t.a = u.a WHERE t.g = 3")
    probe, build = find(told, "inner join"), find(told, "join build")
    below = probe["children"]
    assert [child["operator"] for child in below if child is build] == [build["operator"]]
    assert probe["rows_in"] == below[0]["rows_out"]
    assert build["rows_in"] == build["children"][0]["rows_out"]
    assert build["rows_out"] is None
    assert build["facts"]["distinct_keys"] > 0
    matches = len([row for row in range(0, ROWS, 10) if row % 7 == 3])
    assert probe["rows_out"] == matches
    assert find(told, "hash aggregate")["rows_in"] == matches
    assert find(told, "hash aggregate")["rows_out"] == 1


def test_the_unmatched_rows_of_a_right_join_come_from_its_build(session: _kernel.Session) -> None:
    told = analyzed(session, "SELECT t.a, u.a FROM u RIGHT JOIN t ON t.a = u.a AND t.a < 50")
    assert told["rows"] == ROWS
    repeated = [node for node in nodes(told) if node.get("repeated")]
    assert all(node["operator"].startswith("join build") for node in repeated)
    assert find(told, "result")["rows_in"] == ROWS


def test_groups_sort_and_limit(session: _kernel.Session) -> None:
    told = analyzed(session, "SELECT g, count(*) AS n FROM t GROUP BY g ORDER BY n DESC, g LIMIT 3")
    aggregate, top = find(told, "hash aggregate"), find(told, "top 3")
    assert (aggregate["rows_in"], aggregate["rows_out"]) == (ROWS, 7)
    assert (top["rows_in"], top["rows_out"]) == (7, 3)
    told = analyzed(session, "SELECT a FROM t ORDER BY g, a")
    sort = find(told, "sort by")
    assert (sort["rows_in"], sort["rows_out"]) == (ROWS, ROWS)
    told = analyzed(session, "SELECT a FROM t LIMIT 10 OFFSET 5")
    assert find(told, "result")["rows_out"] == told["rows"] == 10
    assert find(told, "scan t")["rows_out"] <= ROWS
    told = analyzed(session, "SELECT sum(a) FROM (SELECT a FROM t LIMIT 10) AS q")
    assert find(told, "limit 10")["rows_out"] == find(told, "hash aggregate")["rows_in"] == 10


def test_window_unnest_series_values_and_set_operations(session: _kernel.Session) -> None:
    told = analyzed(session, "SELECT row_number() OVER (PARTITION BY g ORDER BY a) FROM t")
    window = find(told, "window")
    assert (window["rows_in"], window["rows_out"]) == (ROWS, ROWS)
    assert window["wall_ms"] > 0
    told = analyzed(session, "SELECT e FROM u, unnest([a, a, a]) AS x(e)")
    unnest = find(told, "unnest")
    assert (unnest["rows_in"], unnest["rows_out"]) == (ROWS // 10, 3 * ROWS // 10)
    assert (
        find(analyzed(session, "SELECT * FROM generate_series(1, 50)"), "series")["rows_out"] == 50
    )
    assert find(analyzed(session, "VALUES (1), (2)"), "values")["rows_out"] == 2
    told = analyzed(session, "SELECT a FROM t UNION ALL SELECT a FROM u")
    result = find(told, "result")
    assert sum(child["rows_out"] for child in result["children"]) == result["rows_in"]
    told = analyzed(session, "SELECT a FROM t INTERSECT SELECT a FROM u")
    assert find(told, "semi join")["rows_out"] == ROWS // 10


def test_grouping_sets_read_their_input_once(session: _kernel.Session) -> None:
    told = analyzed(session, "SELECT g, count(*) FROM t GROUP BY ROLLUP (g)")
    aggregates = [node for node in nodes(told) if node["operator"].startswith("hash aggregate")]
    assert sorted(node["rows_out"] for node in aggregates) == [1, 7]
    assert [node["rows_in"] for node in aggregates] == [ROWS, ROWS]
    scans = [node for node in nodes(told) if node["operator"].startswith("scan t")]
    assert [bool(node.get("repeated")) for node in scans] == [False, True]


def test_a_recursion_tells_its_rounds(session: _kernel.Session) -> None:
    told = analyzed(
        session,
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 20) "
        "SELECT n FROM r",
    )
    recursion, step = find(told, "recursion"), find(told, "step")
    assert recursion["rows_out"] == 20
    assert find(told, "first rows")["rows_in"] == 1
    assert step["rows_in"] == 19
    assert step["facts"]["rounds"] == 20  # the last one brings nothing
    assert find(told, "newest rows")["rows_out"] == 20


def test_a_plan_that_is_read_twice_is_told_once(session: _kernel.Session) -> None:
    told = analyzed(
        session,
        "WITH c AS MATERIALIZED (SELECT g, sum(a) AS s FROM t GROUP BY g) "
        "SELECT x.s FROM c AS x JOIN c AS y ON x.g = y.g",
    )
    shared = [node for node in nodes(told) if node["operator"].startswith("shared rows")]
    assert [bool(node.get("repeated")) for node in shared] == [False, True]
    assert shared[0]["rows_in"] == shared[0]["rows_out"] == 7
    assert find(told, "scan t")["rows_out"] == ROWS


def test_segments_and_parts_that_are_skipped_are_counted(
    session: _kernel.Session, tmp_path: Path
) -> None:
    size = 50_000  # of a segment: short ones are joined when they are appended
    batches = [
        pa.record_batch({"a": pa.array(range(first, first + size), pa.int64())})
        for first in (0, size, 2 * size)
    ]
    session.register_arrow("parts", pa.Table.from_batches(batches))
    told = analyzed(session, f"SELECT a FROM parts WHERE a >= {2 * size + 5}")
    scan = find(told, "scan parts")
    assert scan["facts"] == {"segments": 3, "segments_skipped": 2}
    # Of the segment that is left, whose values rise, the rows are found.
    assert (scan["rows_out"], told["rows"]) == (size - 5, size - 5)
    path = tmp_path / "parts.parquet"
    pq.write_table(pa.table({"a": pa.array(range(3000), pa.int64())}), path, row_group_size=1000)
    told = analyzed(session, f"SELECT a FROM '{path}' WHERE a >= 2500")
    scan = find(told, "scan parquet")
    assert scan["facts"]["parts_skipped"] == 2
    assert scan["facts"]["file_bytes_read"] > 0
    assert (scan["rows_out"], told["rows"]) == (1000, 500)


def test_time_is_measured_where_it_is_spent(session: _kernel.Session) -> None:
    told = analyzed(session, "SELECT md5(sha256(a::VARCHAR)) FROM t ORDER BY 1")
    project, scan = find(told, "project"), find(told, "scan t")
    assert project["wall_ms"] > scan["wall_ms"]
    assert project["cpu_ms"] > scan["cpu_ms"]
    # Threads may wait, but not work longer than they are there.
    assert all(node["cpu_ms"] <= node["wall_ms"] + 1 for node in nodes(told))
    assert told["execution_ms"] * 2 + 1 >= sum(node["cpu_ms"] for node in nodes(told))
    assert told["planning_ms"] > 0


def test_memory_is_charged_to_the_step_that_asks_for_it(session: _kernel.Session) -> None:
    told = analyzed(session, "SELECT a, a + 1, a + 2 FROM t ORDER BY g DESC, a")
    sort, scan = find(told, "sort by"), find(told, "scan t")
    assert scan["peak_memory_bytes"] == 0  # the table's own arrays
    assert sort["peak_memory_bytes"] >= ROWS * 8
    assert told["peak_memory_bytes"] >= sort["peak_memory_bytes"]
    few = analyzed(session, "SELECT g, count(*) FROM t GROUP BY g")
    many = analyzed(session, "SELECT a, count(*) FROM t GROUP BY a")
    memory = [find(one, "hash aggregate")["peak_memory_bytes"] for one in (few, many)]
    assert memory[1] > 10 * memory[0]
    build = find(analyzed(session, "SELECT 1 FROM u JOIN t ON u.a = t.a"), "join build")
    assert build["peak_memory_bytes"] > 0


def test_statements_that_change_rows_have_their_effect(session: _kernel.Session) -> None:
    told = analyzed(session, "INSERT INTO u SELECT a FROM t WHERE a < 5")
    assert (told["statement"], told["rows"]) == ("insert", 5)
    assert find(told, "filter")["rows_out"] == 5
    told = analyzed(session, "UPDATE u SET a = -1 WHERE a < 5 RETURNING a")
    assert (told["statement"], told["rows"]) == ("update", 6)
    told = analyzed(session, "DELETE FROM u WHERE a = -1")
    assert (told["statement"], told["rows"]) == ("delete", 6)
    told = analyzed(session, "CREATE TABLE made AS SELECT a FROM u")
    assert told["rows"] == session.execute("SELECT count(*) FROM made").read_all()[0][0].as_py()
    told = analyzed(session, "CREATE TABLE IF NOT EXISTS made AS SELECT a FROM u")
    assert (told["plan"], told["rows"]) == (None, 0)


def test_parameters_reach_the_statement(session: _kernel.Session) -> None:
    sql = "EXPLAIN (ANALYZE, FORMAT JSON) SELECT a FROM t WHERE a < ?"
    told = json.loads(session.execute(sql, [7]).read_all()["text"][0].as_py())
    assert told["rows"] == 7


def test_a_failing_or_cancelled_statement_fails_as_it_does_alone(session: _kernel.Session) -> None:
    with pytest.raises(_kernel.ExecutionError) as caught:
        session.execute("EXPLAIN ANALYZE SELECT 1 / (a - 5) FROM t")
    assert caught.value.code == "VEL3001"
    with pytest.raises(_kernel.SqlError) as refused:
        session.execute("EXPLAIN ANALYZE SELECT nope FROM t")
    assert refused.value.code == "VEL2012"
    assert not [query for query in session.queries() if query["state"] == "running"]


def test_streams_cut_into_triggers_count_all_their_rows(session: _kernel.Session) -> None:
    session.execute("SET debug_trigger_rows = 30000")
    told = analyzed(session, "SELECT g, count(*) FROM t WHERE a % 2 = 0 GROUP BY g")
    assert find(told, "scan t")["rows_out"] == ROWS
    assert find(told, "hash aggregate")["rows_in"] == ROWS // 2


HEADER = ("operator", "rows", "in", "rows", "out", "wall", "ms", "cpu", "ms", "peak", "KiB")

FIGURE = re.compile(r'("(?:wall_ms|cpu_ms|peak_memory_bytes|planning_ms|execution_ms)": )[0-9.]+')

GOLDEN = """\
{"version": 1, "statement": "query", "analyzed": true, "plan": \
{"operator": "result", "rows_in": 1, "rows_out": 1, "wall_ms": #, "cpu_ms": #, \
"peak_memory_bytes": #, "facts": {}, "children": [\
{"operator": "project count(*)", "rows_in": 1, "rows_out": 1, "wall_ms": #, "cpu_ms": #, \
"peak_memory_bytes": #, "facts": {}, "children": [\
{"operator": "hash aggregate: count(*)", "rows_in": 10, "rows_out": 1, "wall_ms": #, \
"cpu_ms": #, "peak_memory_bytes": #, "facts": {}, "children": [\
{"operator": "filter (a < 10)", "rows_in": 10, "rows_out": 10, "wall_ms": #, "cpu_ms": #, \
"peak_memory_bytes": #, "facts": {}, "children": [\
{"operator": "scan t: columns=1, zone map filters=1", "rows_in": null, "rows_out": 10, \
"wall_ms": #, "cpu_ms": #, "peak_memory_bytes": #, \
"facts": {"segments": 1, "segments_skipped": 0}, "children": []}]}]}]}]}, \
"notes": [], "rows": 1, "planning_ms": #, "execution_ms": #, "peak_memory_bytes": #}"""


def test_the_json_document_keeps_its_keys(session: _kernel.Session) -> None:
    sql = "EXPLAIN (ANALYZE, FORMAT JSON) SELECT count(*) FROM t WHERE a < 10"
    text = session.execute(sql).read_all()["text"][0].as_py()
    assert FIGURE.sub(r"\1#", text) == GOLDEN


def test_explain_in_json_has_the_plan_and_no_figures(session: _kernel.Session) -> None:
    sql = "EXPLAIN (FORMAT JSON) SELECT a FROM t WHERE a < 10"
    told = json.loads(session.execute(sql).read_all()["text"][0].as_py())
    assert (told["version"], told["statement"], told["analyzed"]) == (1, "query", False)
    assert [sorted(node) for node in nodes(told)] == [["children", "operator"]] * len(nodes(told))
    assert told["logical"][-1].strip().startswith("Scan t")
    assert "execution_mode=single-process" in told["strategy"]


def test_the_text_is_one_aligned_line_for_each_operator(session: _kernel.Session) -> None:
    sql = "SELECT g, count(*) FROM t WHERE a < 10 GROUP BY g"
    table = session.execute(f"EXPLAIN ANALYZE {sql}").read_all()
    assert table["section"].to_pylist() == ["analyze"]
    lines = table["text"][0].as_py().splitlines()
    tree, totals = lines[:-4], lines[-4:]
    assert len(tree) == 1 + len(nodes(analyzed(session, sql)))
    assert tree[0].split() == list(HEADER)
    # Right-aligned: the rows in of all operators end in one column.
    ends = {re.match(r" *\S.*?  +(\d+|-)(?=  )", line).end(1) for line in tree[1:]}  # type: ignore[union-attr]
    assert len(ends) == 1
    assert [line.split(":")[0] for line in totals] == [
        "rows",
        "planning",
        "execution",
        "peak memory",
    ]
