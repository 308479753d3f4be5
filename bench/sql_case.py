"""One SQL statement, run by every engine over the same Arrow tables."""

from collections.abc import Callable, Sequence
from functools import partial

from bench.answers import check_same
from bench.case import Case, peer_ratios
from bench.engines.interface import Engine
from bench.measure import Contender, measure
from bench.setting import Setting


def sql_case(
    setting: Setting,
    engines: Sequence[Engine],
    name: str,
    size: str,
    sql: str,
    limit: float | None,
    floors: Sequence[Contender] = (),
    against: str | None = None,
) -> Case:
    """Warm up, compare all answers with each other, then measure. WrongAnswer when they differ.

    `limit` is on the ratio to the peer `against`, else to the fastest one.
    """
    first, *others = engines
    expected = first.query(sql)
    for engine in others:
        check_same(engine.name, engine.query(sql), first.name, expected)
    contenders = [Contender(engine.name, query_of(engine, sql), engine.role) for engine in engines]
    timings = measure([*contenders, *floors], setting.rounds)
    return Case(name, size, timings, peer_ratios(timings, limit, against), first.operators())


def query_of(engine: Engine, sql: str) -> Callable[[], object]:
    return partial(engine.query, sql)
