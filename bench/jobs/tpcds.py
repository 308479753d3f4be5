"""The 99 queries of TPC-DS over tables in memory: how many run, how many are right, how fast.

Unlike the other jobs this one goes on after a refusal or a wrong answer: the counts are what it is
for.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from bench.answers import find_difference
from bench.case import Case, Finding, peer_ratios
from bench.engines import open_engines
from bench.engines.interface import Engine
from bench.measure import VELARIA, Contender, measure, named
from bench.setting import Setting
from bench.sql_case import query_of
from bench.tpcds import QUERY_COUNT, make, queries, tables
from velaria import _kernel

PEER = "duckdb own table"
LIMIT_OF_ALL = 4.0
LIMIT_OF_EACH = 15.0
TOLERANCE = 1e-6
ROUNDS_MAX = 3


def run(setting: Setting) -> Iterator[Case]:
    made = make(setting.data, setting.scale)
    with open_engines(setting.threads, (VELARIA, PEER)) as engines:
        for name, path in tables(made).items():
            for engine in engines:
                engine.load_parquet(path, name)
        size = f"SF {setting.scale:g}, memory"
        shorter = replace(setting, rounds=min(setting.rounds, ROUNDS_MAX))
        cases = []
        for query in queries(made).items():
            cases.append(query_case(shorter, engines, *query, size))
            yield cases[-1]
    yield summary(cases, size)


def query_case(setting: Setting, engines: Sequence[Engine], name: str, sql: str, size: str) -> Case:
    """A right answer is measured; a refusal or a wrong answer is named instead."""
    velaria, peer = engines
    expected = peer.query(sql)
    try:
        rows = velaria.query(sql)
    except _kernel.KernelError as refusal:
        return told(name, size, f"refused: {refusal.code}")
    # Columns without an alias have names of each engine's own.
    difference = find_difference(rows.rename_columns(expected.column_names), expected, TOLERANCE)
    if difference is not None:
        return told(name, size, f"wrong: {difference}")
    contenders = [Contender(one.name, query_of(one, sql), one.role) for one in engines]
    timings = measure(contenders, setting.rounds)
    return Case(name, size, timings, peer_ratios(timings, LIMIT_OF_EACH, PEER), velaria.operators())


def told(name: str, size: str, what: str) -> Case:
    return Case(name, size, findings=[Finding(what, 1, "", 0)])


def summary(cases: Sequence[Case], size: str) -> Case:
    right = [case for case in cases if case.timings]
    logarithms = [
        math.log(named(case.timings, VELARIA).median_wall_s)
        - math.log(named(case.timings, PEER).median_wall_s)
        for case in right
    ]
    findings = [Finding("right answers", len(right), "", QUERY_COUNT, True)]
    if right:
        mean = math.exp(sum(logarithms) / len(right))
        findings.append(Finding(f"geometric mean of wall / {PEER}", mean, "x", LIMIT_OF_ALL))
    return Case("all queries", size, findings=findings)
