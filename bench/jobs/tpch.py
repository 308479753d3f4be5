"""The 22 queries of TPC-H at scale factor 1, over tables in memory and over Parquet files.

DataFusion takes part where it is installed; Polars' SQL has no correlated subqueries.
"""

import math
import time
from collections.abc import Iterator, Sequence
from statistics import median

from bench.answers import check_same
from bench.case import Case, Finding, peer_ratios
from bench.engines import open_engines
from bench.engines.interface import Engine
from bench.engines.velaria_engine import VelariaEngine
from bench.measure import VELARIA, Contender, measure, named
from bench.setting import Setting
from bench.sql_case import query_of
from bench.tpch import QUERIES, TABLES, parquet_files

LIMIT_OF_ALL = 4.0
LIMIT_OF_EACH = 15.0
PLAN_LIMIT_MS = 5.0
PLANNED = "q05"
PLAN_ROUNDS = 20
# DataFusion averages decimals to six digits behind the point: a discount of 0.05 to four digits.
DECIMAL_AVERAGE_TOLERANCE = 2e-5


def run(setting: Setting) -> Iterator[Case]:
    yield from run_memory(setting)
    yield from run_parquet(setting)


def run_memory(setting: Setting) -> Iterator[Case]:
    """Each engine's own tables, filled from the same files."""
    with open_engines(setting.threads, ("velaria", "duckdb own table", "datafusion")) as engines:
        for name, path in parquet_files(setting.data, setting.scale).items():
            for engine in engines:
                engine.load_parquet(path, name)
        yield from query_cases(setting, engines, "memory", "duckdb own table")
        yield plan_case(engines, setting)


def run_parquet(setting: Setting) -> Iterator[Case]:
    """The files, read anew by every query."""
    with open_engines(setting.threads, ("velaria", "duckdb", "datafusion")) as engines:
        for name, path in parquet_files(setting.data, setting.scale).items():
            for engine in engines:
                engine.view_parquet(path, name)
        yield from query_cases(setting, engines, "parquet", "duckdb")


def query_cases(
    setting: Setting, engines: Sequence[Engine], where: str, against: str
) -> Iterator[Case]:
    """A case for each query, and one for the geometric mean of the ratios to `against`."""
    size = f"SF {setting.scale:g}, {where}"
    ratios = []
    for name, sql in QUERIES.items():
        first, *others = engines
        expected = first.query(sql)
        for engine in others:
            tolerance = DECIMAL_AVERAGE_TOLERANCE if engine.name == "datafusion" else None
            check_same(engine.name, engine.query(sql), first.name, expected, tolerance)
        contenders = [Contender(one.name, query_of(one, sql), one.role) for one in engines]
        timings = measure(contenders, setting.rounds)
        findings = peer_ratios(timings, LIMIT_OF_EACH, against)
        theirs = named(timings, against).median_wall_s
        ratios.append(named(timings, VELARIA).median_wall_s / theirs)
        yield Case(name, size, timings, findings, first.operators())
    mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
    findings = [
        Finding(f"geometric mean of wall / {against}", mean, "x", LIMIT_OF_ALL),
        Finding("queries with the answers of all engines", len(ratios), "", len(QUERIES), True),
    ]
    yield Case("all queries", size, findings=findings)


def plan_case(engines: Sequence[Engine], setting: Setting) -> Case:
    """From text to the plan that EXPLAIN shows: six joined tables to put in order."""
    velaria = next(engine for engine in engines if isinstance(engine, VelariaEngine))
    times_ms = []
    for _ in range(PLAN_ROUNDS):
        began_s = time.perf_counter()
        velaria.session.explain(QUERIES[PLANNED])
        times_ms.append((time.perf_counter() - began_s) * 1e3)
    finding = Finding(f"time to plan {PLANNED}", median(times_ms), " ms", PLAN_LIMIT_MS)
    return Case("planning", f"{len(TABLES)} tables", findings=[finding])
