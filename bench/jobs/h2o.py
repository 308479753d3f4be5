"""Group-by questions 1 to 5 of the H2O.ai database benchmark at 1e7 rows."""

from bench.case import Case
from bench.data import h2o_groups
from bench.engines import open_engines
from bench.setting import Setting
from bench.sql_case import sql_case

ROWS = 10_000_000
LIMIT = 3.0

QUESTIONS = {
    "q1": "SELECT id1, SUM(v1) AS v1 FROM x GROUP BY id1",
    "q2": "SELECT id1, id2, SUM(v1) AS v1 FROM x GROUP BY id1, id2",
    "q3": "SELECT id3, SUM(v1) AS v1, AVG(v3) AS v3 FROM x GROUP BY id3",
    "q4": "SELECT id4, AVG(v1) AS v1, AVG(v2) AS v2, AVG(v3) AS v3 FROM x GROUP BY id4",
    "q5": "SELECT id6, SUM(v1) AS v1, SUM(v2) AS v2, SUM(v3) AS v3 FROM x GROUP BY id6",
}


def run(setting: Setting) -> list[Case]:
    table = h2o_groups(setting.rows(ROWS))
    size = f"{table.num_rows:,} rows"
    with open_engines(setting.threads) as engines:
        for engine in engines:
            engine.register("x", table)
        return [
            sql_case(setting, engines, name, size, sql, LIMIT) for name, sql in QUESTIONS.items()
        ]
