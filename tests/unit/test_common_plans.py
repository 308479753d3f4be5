"""An aggregation that a statement writes twice is computed once."""

from collections.abc import Iterator

import pyarrow as pa
import pytest

from velaria import _kernel


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    kernel_session = _kernel.Session(threads=2)
    numbers = pa.array(range(1000), pa.int64())
    kernel_session.register_arrow("t", pa.table({"a": numbers, "b": numbers}))
    kernel_session.execute(
        "CREATE VIEW by_ten AS SELECT a / 10 AS g, sum(b) AS s FROM t GROUP BY 1"
    )
    yield kernel_session
    kernel_session.close()


def scan_count(session: _kernel.Session, sql: str) -> int:
    table = session.execute(f"EXPLAIN {sql}").read_all()
    (physical,) = [row["text"] for row in table.to_pylist() if row["section"] == "physical"]
    return str(physical).count("source scan t")


@pytest.mark.parametrize(
    ("sql", "scans", "rows"),
    [
        ("SELECT (SELECT sum(a) FROM t) + (SELECT sum(a) FROM t)", 1, [(999_000,)]),
        ("SELECT (SELECT sum(a) FROM t), (SELECT sum(b) FROM t)", 2, [(499_500, 499_500)]),
        (
            "SELECT (SELECT sum(a) FROM t WHERE b > 5) - (SELECT sum(a) FROM t WHERE b > 6)",
            2,
            [(6,)],
        ),
        (
            "SELECT x.g, x.s FROM by_ten x JOIN by_ten y ON x.s = y.s - 100"
            " WHERE x.g < 2 AND y.g < 3",
            2,  # what each reads of the view is filtered in its own way
            [(0, 45), (1, 145)],
        ),
        (
            "SELECT g FROM by_ten WHERE s = (SELECT max(s) FROM by_ten)",
            1,
            [(99,)],
        ),
        (
            "SELECT count(*) FROM (SELECT DISTINCT a / 2 AS h FROM t) x"
            " JOIN (SELECT DISTINCT a / 2 AS h FROM t) y USING (h)",
            1,
            [(500,)],
        ),
        ("SELECT a FROM t WHERE a = 1 UNION ALL SELECT a FROM t WHERE a = 1", 2, [(1,), (1,)]),
        (
            "SELECT (SELECT count(*) FROM t WHERE random() < 2)"
            " + (SELECT count(*) FROM t WHERE random() < 2)",
            2,
            [(2000,)],
        ),
    ],
)
def test_equal_aggregations_read_their_rows_once(
    session: _kernel.Session, sql: str, scans: int, rows: list[tuple[int, ...]]
) -> None:
    table = session.execute(sql).read_all()
    columns = [column.to_pylist() for column in table.columns]
    assert sorted(zip(*columns, strict=True)) == rows
    assert scan_count(session, sql) == scans


def test_a_plan_shared_inside_a_recursion_stays_apart(session: _kernel.Session) -> None:
    sql = (
        "WITH RECURSIVE c AS (SELECT a % 5 AS g, count(*) AS n FROM t GROUP BY 1), r(x) AS"
        " (SELECT max(p.n) + max(q.n) FROM c p JOIN c q ON p.g = q.g"
        " UNION ALL SELECT x + 1 FROM r WHERE x < 402)"
        " SELECT x, (SELECT sum(b) FROM t), (SELECT sum(b) FROM t) FROM r"
    )
    table = session.execute(sql).read_all()
    columns = [column.to_pylist() for column in table.columns]
    assert columns == [[400, 401, 402], [499_500] * 3, [499_500] * 3]


def test_without_rewrites_each_is_computed_where_it_stands(session: _kernel.Session) -> None:
    sql = "SELECT (SELECT sum(a) FROM t) + (SELECT sum(a) FROM t)"
    session.execute("SET debug_no_rewrite = 1")
    assert scan_count(session, sql) == 2
    assert session.execute(sql).read_all().column(0).to_pylist() == [999_000]
