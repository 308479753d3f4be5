"""A filter and a sum over 1e7 rows, and what one row costs."""

import numpy as np
import pyarrow as pa

from bench.case import Case, Finding, peer_ratios
from bench.data import h2o_groups
from bench.engines import open_engines
from bench.measure import VELARIA, Contender, named
from bench.setting import Setting
from bench.sql_case import sql_case

ROWS = 10_000_000
LIMIT = 2.0

# How much the predicate lets through decides what an engine does well, so there are three.
STATEMENTS = {
    "1 in 5 rows": "SELECT SUM(v3) AS s, COUNT(*) AS n FROM x WHERE v1 = 3",
    "half the rows": "SELECT SUM(v1) AS s, COUNT(*) AS n FROM x WHERE v3 > 50",
    "1 in 500 rows": "SELECT SUM(v3) AS s, COUNT(*) AS n FROM x WHERE id5 = 7 AND v1 = 3",
}


def run(setting: Setting) -> list[Case]:
    table = h2o_groups(setting.rows(ROWS)).select(["id5", "v1", "v3"])
    size = f"{table.num_rows:,} rows"
    with open_engines(setting.threads) as engines:
        for engine in engines:
            engine.register("x", table)
        floor = one_read(table)
        cases = [
            sql_case(setting, engines, name, size, sql, LIMIT, [floor], against="duckdb")
            for name, sql in STATEMENTS.items()
        ]
    for case in cases:
        told = {finding.label for finding in case.findings}
        case.findings.extend(
            finding
            for finding in peer_ratios(case.timings, limit=None)
            if finding.label not in told
        )
        row_ns = named(case.timings, VELARIA).median_wall_s / table.num_rows * 1e9
        case.findings.append(Finding("per row", row_ns, " ns"))
    return cases


def one_read(table: pa.Table) -> Contender:
    """Every byte of two of the columns read once, by one thread."""
    chunks = [chunk.to_numpy() for name in ("v1", "v3") for chunk in table[name].chunks]

    def read() -> None:
        for chunk in chunks:
            np.add.reduce(chunk)

    return Contender("one read, 1 thread", read, "floor")
