"""Short statements whose plans would grow with each link of a chain, twofold and more: the time to
plan them must not.
"""

import time
from collections.abc import Iterator

import pytest

import velaria
from velaria import _kernel

# Each of these took from eight seconds to hours; on a busy machine they take tenths of a second.
DEADLINE_S = 10


@pytest.fixture
def session() -> Iterator[_kernel.Session]:
    session = _kernel.Session(threads=1)
    session.execute("CREATE TABLE t(k INT, x INT)")
    session.execute("INSERT INTO t SELECT g % 10, g FROM generate_series(1, 100) s(g)")
    yield session
    session.close()


def chain_of_joins(links: int) -> str:
    tables = ["c0 AS (SELECT 1 AS x)"]
    tables += [
        f"c{i} AS (SELECT a.x FROM c{i - 1} a JOIN c{i - 1} b ON a.x = b.x)"
        for i in range(1, links + 1)
    ]
    return f"WITH {', '.join(tables)} SELECT count(*) FROM c{links}"


def chain_of_unions(links: int) -> str:
    tables = ["c0 AS (SELECT 1 AS x)"]
    tables += [
        f"c{i} AS (SELECT x FROM c{i - 1} WHERE x > 0 UNION ALL SELECT x FROM c{i - 1} WHERE x < 0)"
        for i in range(1, links + 1)
    ]
    return f"WITH {', '.join(tables)} SELECT count(*) FROM c{links}"


def chain_of_subqueries(links: int) -> str:
    tables = ["c0 AS (SELECT 1 AS x)"]
    tables += [
        f"c{i} AS (SELECT x + 1 AS x FROM c{i - 1} WHERE x < (SELECT count(*) + 100 FROM c{i - 1}))"
        for i in range(1, links + 1)
    ]
    return f"WITH {', '.join(tables)} SELECT count(*) FROM c{links}"


def correlated(count: int) -> str:
    items = (f"(SELECT max(x) FROM t WHERE x <= t0.x + {i})" for i in range(count))
    return f"SELECT count(*) FROM (SELECT {', '.join(items)} FROM t t0) s"


def laterals(count: int) -> str:
    joins = (
        f", LATERAL (SELECT max(x) AS m FROM t WHERE x <= t0.x + {i}) l{i}" for i in range(count)
    )
    return f"SELECT count(*) FROM t t0{''.join(joins)}"


def filtered_cases(levels: int) -> str:
    step = "(SELECT CASE WHEN x > 0 THEN x - x ELSE x + x END AS x FROM "
    return f"SELECT count(*) FROM {step * levels}t{') s' * levels} WHERE x > 0"


def nested_in(levels: int) -> str:
    step = "SELECT x FROM t WHERE x IN ("
    return f"SELECT count(*) FROM ({step * levels}SELECT x FROM t{')' * levels}) s"


CASES = {
    "a common table joined to itself, 24 times over": (chain_of_joins(24), 1),
    "a common table twice in a union, 16 times over": (chain_of_unions(16), 1),
    "a common table and a subquery over it, 20 times over": (chain_of_subqueries(20), 1),
    "12 correlated subqueries": (correlated(12), 100),
    "12 LATERAL subqueries": (laterals(12), 100),
    "IN 40 deep": (nested_in(40), 100),
    "a filter over 30 levels of CASE": (filtered_cases(30), 0),
}


@pytest.mark.parametrize("name", CASES)
def test_planning_does_not_grow_twofold_with_each_link(session: _kernel.Session, name: str) -> None:
    sql, rows = CASES[name]
    began = time.monotonic()
    table = session.execute(sql).read_all()
    assert time.monotonic() - began < DEADLINE_S
    assert table.column(0).to_pylist() == [rows]
    began = time.monotonic()
    session.explain(sql)
    assert time.monotonic() - began < DEADLINE_S


def test_views_that_read_each_other_twice_are_refused_past_a_limit(
    session: _kernel.Session,
) -> None:
    session.execute("CREATE VIEW v0 AS SELECT 1 AS x")
    began = time.monotonic()
    with pytest.raises(velaria.SqlError, match="VEL2004"):
        for i in range(1, 31):
            session.execute(
                f"CREATE VIEW v{i} AS SELECT a.x FROM v{i - 1} a JOIN v{i - 1} b ON a.x = b.x"
            )
    assert time.monotonic() - began < DEADLINE_S
    assert session.execute("SELECT count(*) FROM v5").read_all().column(0).to_pylist() == [1]
