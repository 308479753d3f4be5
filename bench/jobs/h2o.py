"""The H2O.ai database benchmark: ten questions of grouping and five of joining, at 1e7 rows."""

from collections.abc import Sequence

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


def run(setting: Setting) -> list[Case]:
    return [*run_groups(setting), *run_joins(setting)]


def run_groups(setting: Setting) -> list[Case]:
    table = h2o_groups(setting.rows(ROWS))
    size = f"{table.num_rows:,} rows"
    with open_engines(setting.threads) as engines:
        for engine in engines:
            engine.register("x", table)
        return [
            sql_case(setting, engines, name, size, sql, LIMIT) for name, sql in GROUP_BY.items()
        ]


def run_joins(setting: Setting) -> list[Case]:
    """Every column of every row is handed over; the answers are compared by sums over them."""
    tables = h2o_joins(setting.rows(ROWS))
    size = f"{tables['x'].num_rows:,} rows"
    with open_engines(setting.threads) as engines:
        for engine in engines:
            for name, table in tables.items():
                engine.register(name, table)
        return [join_case(setting, engines, name, size, sql) for name, sql in JOIN.items()]


def join_case(setting: Setting, engines: Sequence[Engine], name: str, size: str, sql: str) -> Case:
    first, *others = engines
    expected = first.query(checked(sql))
    for engine in others:
        check_same(engine.name, engine.query(checked(sql)), first.name, expected)
    contenders = [Contender(engine.name, query_of(engine, sql), engine.role) for engine in engines]
    timings = measure(contenders, setting.rounds)
    return Case(name, size, timings, peer_ratios(timings, LIMIT), first.operators())
