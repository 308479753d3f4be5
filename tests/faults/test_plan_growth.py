"""Short statements whose plans would grow with each link of a chain, twofold and more: the time to
plan them must not. Long lists in one statement: the time grows as they do, not with their square.
"""

import time
from collections.abc import Callable, Iterator

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


def aliases_of_aliases(count: int, item: str) -> str:
    items = [item.replace("#", str(i)) + f" AS n{i + 1}" for i in range(count)]
    return f"SELECT k + 1 AS n0, {', '.join(items)} FROM t WHERE k = 0"


@pytest.mark.parametrize(
    ("item", "fits", "refused"),
    [("n# + 1", 150, 600), ("n# + n#", 8, 40)],
    ids=["each longer by one", "each twice as long"],
)
def test_aliases_that_name_each_other_are_refused_past_a_limit(
    session: _kernel.Session, item: str, fits: int, refused: int
) -> None:
    table = session.execute(aliases_of_aliases(fits, item)).read_all()
    last = 1 + fits if item.endswith("1") else 2**fits
    assert table.column(fits).to_pylist() == [last] * table.num_rows
    assert table.num_rows == 10
    began = time.monotonic()
    with pytest.raises(velaria.SqlError, match="VEL2004"):
        session.explain(aliases_of_aliases(refused, item))
    assert time.monotonic() - began < DEADLINE_S


# A list four times as long takes four times as long where all is linear, and sixteen times where
# each entry meets all the others.
TIMES_LONGER = 4
LINEAR_GROWTH_MAX = 10
# Each join of a chain is as wide as all before it: a square, with the fourth power at 256.
JOIN_GROWTH_MAX = 40


def entries(count: int, entry: str, between: str = ", ") -> str:
    return between.join(entry.replace("#", str(i)) for i in range(count))


def chained_joins(count: int) -> str:
    joins = " ".join(f"JOIN t t{i} ON t{i - 1}.k = t{i}.k" for i in range(1, count))
    return f"SELECT 1 FROM t t0 {joins}"


def comma_joins(count: int) -> str:
    conditions = " AND ".join(f"t{i - 1}.k = t{i}.k" for i in range(1, count))
    return f"SELECT 1 FROM {entries(count, 't t#')} WHERE {conditions}"


def named_order(count: int) -> str:
    return f"SELECT {entries(count, 'k + # AS n#')} FROM t ORDER BY {entries(count, 'n#')}"


# Name -> the statement with so many entries, how many at first, and the growth that is allowed.
LISTS: dict[str, tuple[Callable[[int], str], int, int]] = {
    "common tables": (
        lambda n: f"WITH {entries(n, 'c# AS (SELECT 1)')} SELECT 1",
        8000,
        LINEAR_GROWTH_MAX,
    ),
    "common tables that read another": (
        lambda n: f"WITH c AS (SELECT 1 AS x), {entries(n, 'c# AS (SELECT x FROM c)')} SELECT 1",
        4000,
        LINEAR_GROWTH_MAX,
    ),
    "aggregates": (
        lambda n: f"SELECT {entries(n, 'sum(k + #)')} FROM t",
        2000,
        LINEAR_GROWTH_MAX,
    ),
    "calls over one window": (
        lambda n: f"SELECT {entries(n, 'sum(k + #) OVER (ORDER BY x)')} FROM t",
        2000,
        LINEAR_GROWTH_MAX,
    ),
    "groups": (
        lambda n: f"SELECT 1 FROM t GROUP BY {entries(n, 'k + #')}",
        2000,
        LINEAR_GROWTH_MAX,
    ),
    "groups in the select list": (
        lambda n: f"SELECT {entries(n, 'k + # + 1')} FROM t GROUP BY {entries(n, 'k + #')}",
        1000,
        LINEAR_GROWTH_MAX,
    ),
    "sort keys": (
        lambda n: f"SELECT k FROM t ORDER BY {entries(n, 'k + #')}",
        2000,
        LINEAR_GROWTH_MAX,
    ),
    "sort keys by name": (named_order, 2000, LINEAR_GROWTH_MAX),
    "conditions joined by AND": (
        lambda n: f"SELECT k FROM t WHERE {entries(n, 'k <> #', ' AND ')}",
        5000,
        LINEAR_GROWTH_MAX,
    ),
    "conditions joined by OR": (
        lambda n: f"SELECT k FROM t WHERE {entries(n, 'k + 1 = #', ' OR ')}",
        5000,
        LINEAR_GROWTH_MAX,
    ),
    "groups named by their aliases": (
        lambda n: f"SELECT {entries(n, 'k + # AS n#')} FROM t GROUP BY {entries(n, 'n#')}",
        1000,
        LINEAR_GROWTH_MAX,
    ),
    "lists unnested side by side": (
        lambda n: f"SELECT {entries(n, 'unnest([#])')}",
        1000,
        LINEAR_GROWTH_MAX,
    ),
    "joins in a chain": (chained_joins, 80, JOIN_GROWTH_MAX),
    "tables joined by WHERE": (comma_joins, 80, JOIN_GROWTH_MAX),
}


def least_cpu_s(run: Callable[[], object]) -> float:
    """The least of three runs, by the CPU time of the process: other work does not count."""
    times = []
    for _ in range(3):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return min(times)


@pytest.mark.parametrize("name", LISTS)
def test_planning_grows_as_the_list_does(session: _kernel.Session, name: str) -> None:
    statement, count, growth_max = LISTS[name]
    short, long = statement(count), statement(count * TIMES_LONGER)
    short_s = least_cpu_s(lambda: session.explain(short))
    assert least_cpu_s(lambda: session.explain(long)) < growth_max * short_s


def test_a_table_of_many_unnamed_checks_is_made_in_linear_time(session: _kernel.Session) -> None:
    def make(count: int) -> None:
        session.execute(f"CREATE OR REPLACE TABLE c(a INT, {entries(count, 'CHECK (a > #)')})")

    short_s = least_cpu_s(lambda: make(1000))
    assert least_cpu_s(lambda: make(1000 * TIMES_LONGER)) < LINEAR_GROWTH_MAX * short_s


def test_unnamed_checks_have_the_first_free_number(session: _kernel.Session) -> None:
    session.execute("CREATE TABLE c(a INT, CONSTRAINT C_CHECK1 CHECK (a > 1), CHECK (a > 2))")
    session.execute("ALTER TABLE c ADD CHECK (a > 3)")
    for value, name in [(1, "c_check1"), (2, "c_check"), (3, "c_check2")]:
        with pytest.raises(velaria.ExecutionError, match=rf"{name}\b"):
            session.execute(f"INSERT INTO c VALUES ({value})")


@pytest.mark.parametrize(
    ("statement", "limit"),
    [
        (lambda n: f"SELECT {entries(n, '(SELECT #)')}", 500),
        (lambda n: f"SELECT k FROM t WHERE {entries(n, 'k IN (SELECT #)', ' OR ')}", 500),
        (lambda n: f"SELECT {entries(n, 'sum(k) OVER (ORDER BY x + #)')} FROM t", 500),
        (lambda n: f"SELECT 1 FROM t WINDOW {entries(n, 'w# AS (ORDER BY x + #)')}", 500),
    ],
    ids=["scalar subqueries", "IN", "windows", "named windows"],
)
def test_what_makes_the_plan_deeper_has_a_limit(
    session: _kernel.Session, statement: Callable[[int], str], limit: int
) -> None:
    session.explain(statement(limit))
    with pytest.raises(velaria.SqlError, match=f"VEL2004.*limit: {limit}"):
        session.explain(statement(limit + 1))


def test_equal_entries_of_a_list_are_one(session: _kernel.Session) -> None:
    plan = session.explain(
        "SELECT sum(x + 0.0), sum(x + 0.0), sum(x) FILTER (WHERE k = 1), sum(x), "
        "sum(x) FILTER (WHERE k = 1), count(DISTINCT k), count(k), k + 1, k + 1 + 1 "
        "FROM t GROUP BY k + 1, k + 1 ORDER BY k + 1, sum(x)"
    )["logical"]
    line = next(line for line in plan.splitlines() if "Aggregate" in line)
    assert line.count("sum(") == 3
    assert line.count("count(") == 2
    rows = session.execute(
        "SELECT k + 1 AS a, sum(x) AS s, k + 1 + 1 AS b FROM t WHERE k < 2 "
        "GROUP BY k + 1 ORDER BY k + 1 DESC, sum(x)"
    ).read_all()
    assert rows.to_pylist() == [{"a": 2, "s": 460, "b": 3}, {"a": 1, "s": 550, "b": 2}]
