"""The H2O.ai database benchmark: ten questions of grouping and five of joining, at 1e7 rows."""

from collections.abc import Iterator, Sequence

from bench.answers import check_same
from bench.case import Case, peer_ratios
from bench.data import h2o_groups, h2o_joins
from bench.engines import open_engines
from bench.engines.interface import Engine
from bench.h2o import GROUP_BY, JOIN, checked
from bench.measure import Contender, measure
from bench.setting import Setting
from bench.sql_case import query_of, sql_case

ROWS = 10_000_000
LIMIT = 2.0


def run(setting: Setting) -> Iterator[Case]:
    yield from run_groups(setting)
    yield from run_joins(setting)


def run_groups(setting: Setting) -> Iterator[Case]:
    table = h2o_groups(setting.rows(ROWS))
    size = f"{table.num_rows:,} rows"
    with open_engines(setting.threads) as engines:
        for engine in engines:
            engine.register("x", table)
        for name, sql in GROUP_BY.items():
            yield sql_case(setting, engines, name, size, sql, LIMIT)


def run_joins(setting: Setting) -> Iterator[Case]:
    """Every column of every row is handed over; the answers are compared by sums over them."""
    tables = h2o_joins(setting.rows(ROWS))
    size = f"{tables['x'].num_rows:,} rows"
    with open_engines(setting.threads) as engines:
        for engine in engines:
            for name, table in tables.items():
                engine.register(name, table)
        for name, sql in JOIN.items():
            yield join_case(setting, engines, name, size, sql)


def join_case(setting: Setting, engines: Sequence[Engine], name: str, size: str, sql: str) -> Case:
    first, *others = engines
    expected = first.query(checked(sql))
    for engine in others:
        check_same(engine.name, engine.query(checked(sql)), first.name, expected)
    contenders = [Contender(engine.name, query_of(engine, sql), engine.role) for engine in engines]
    timings = measure(contenders, setting.rounds)
    return Case(name, size, timings, peer_ratios(timings, LIMIT), first.operators())
