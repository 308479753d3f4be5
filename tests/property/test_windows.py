"""Random window queries against DuckDB: every function over every kind of frame.

VELARIA_SEED=7 repeats a run, VELARIA_ROUNDS=1000 makes it longer. What depends on the order of
equal rows is asked for in a total order only, so each query has one right answer.
"""

from __future__ import annotations

import os
import random

import duckdb
import pytest

from velaria import _kernel

from .engines import Row, difference, plain_row

SEED = int(os.environ.get("VELARIA_SEED", random.SystemRandom().randrange(2**32)))
ROUNDS = int(os.environ.get("VELARIA_ROUNDS", "20"))
QUERIES_PER_ROUND = 25
SETTINGS = ("", "debug_trigger_rows = 7", "debug_no_rewrite = 1")
SETUP = (
    "CREATE TABLE w(id INTEGER, g INTEGER, s VARCHAR, k INTEGER, b BIGINT, x DOUBLE, "
    "m DECIMAL(8, 2), d DATE)"
)
_COLUMNS = ("g", "s", "k", "b", "x", "m", "d")
_NUMBERS = ("k", "b", "x", "m")
_AGGREGATES = (
    *(f"{name}({column})" for name in ("sum", "avg") for column in _NUMBERS),
    *(f"{name}({column})" for name in ("min", "max", "count") for column in _COLUMNS),
    "count(*)",
    "bool_or(k > 2)",
    "bool_and(x > 0)",
)
_PEER_FUNCTIONS = ("rank()", "dense_rank()", "percent_rank()", "cume_dist()")
_STARTS = ("UNBOUNDED PRECEDING", "n PRECEDING", "CURRENT ROW", "n FOLLOWING")
_ENDS = ("n PRECEDING", "CURRENT ROW", "n FOLLOWING", "UNBOUNDED FOLLOWING")
_EXCLUSIONS = ("", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES")


def insert_statement(rng: random.Random) -> str:
    """Few distinct values, so that ties, empty partitions and nulls are common."""
    count = rng.choice((1, 2, 9, 40, 700, 1300))

    def value(text: str) -> str:
        return "NULL" if rng.random() < 0.15 else text

    rows = [
        ", ".join(
            (
                str(number),
                value(str(rng.randrange(4))),
                value(f"'{rng.choice(('', 'a', 'b', 'ab', 'a long text that has no end'))}'"),
                value(str(rng.randrange(-5, 9))),
                value(str(rng.choice((0, 1, -7, 2**40, 2**62)))),
                value(str(rng.randrange(-40, 40) / 8)),
                value(str(rng.randrange(-500, 500) / 100)),
                value(f"DATE '2024-0{rng.randrange(1, 4)}-{rng.randrange(10, 29)}'"),
            )
        )
        for number in range(count)
    ]
    return f"INSERT INTO w VALUES {', '.join(f'({row})' for row in rows)}"


def direction(rng: random.Random) -> str:
    return rng.choice(("", " DESC")) + rng.choice((" NULLS FIRST", " NULLS LAST"))


def frame(rng: random.Random, unit: str, offset: str) -> str:
    while True:
        start, end = rng.choice(_STARTS), rng.choice(_ENDS)
        late = start.endswith("n FOLLOWING") and end in ("n PRECEDING", "CURRENT ROW")
        if not late and not (start == "CURRENT ROW" and end == "n PRECEDING"):
            break
    edges = [
        edge.replace("n ", f"{offset.replace('n', str(rng.choice((0, 1, 2, 3, 50, 600))))} ", 1)
        if edge.startswith("n ")
        else edge
        for edge in (start, end)
    ]
    return f" {unit} BETWEEN {edges[0]} AND {edges[1]}{rng.choice(_EXCLUSIONS)}"


def partition(rng: random.Random) -> str:
    keys = rng.sample(("g", "s", "k % 2", "d"), rng.choice((0, 0, 1, 1, 2)))
    return f"PARTITION BY {', '.join(keys)} " if keys else ""


def row_call(rng: random.Random) -> str:
    """A call that depends on the order of rows."""
    column = rng.choice(_COLUMNS)
    nulls = rng.choice(("", "", " IGNORE NULLS"))
    return rng.choice(
        (
            "row_number()",
            f"ntile({rng.choice((1, 2, 5, 100))})",
            f"lag({column}, {rng.choice((0, 1, 2, 30))}{nulls})",
            f"lead({column}, {rng.choice((0, 1, 2, 30))}{nulls})",
            "lag(k, 1, id)",
            f"first_value({column}{nulls})",
            f"last_value({column}{nulls})",
            f"nth_value({column}, {rng.choice((1, 2, 7))}{nulls})",
        )
    )


def call(rng: random.Random) -> str:
    kind = rng.choice(("row", "rows", "rows", "range", "groups", "peers", "plain"))
    part = partition(rng)
    keys = [f"{c}{direction(rng)}" for c in rng.sample(_COLUMNS, rng.choice((0, 1, 2)))]
    total = ", ".join([*keys, f"id{rng.choice(('', ' DESC'))}"])
    some = ", ".join(keys or [f"k{direction(rng)}"])
    aggregate = rng.choice(_AGGREGATES)
    if rng.random() < 0.2:
        aggregate += " FILTER (WHERE k > 0)"
    if kind == "row":
        function = row_call(rng)
        framed = frame(rng, "ROWS", "n") if "_value" in function else ""
        return f"{function} OVER ({part}ORDER BY {total}{framed})"
    if kind == "rows":
        return f"{aggregate} OVER ({part}ORDER BY {total}{frame(rng, 'ROWS', 'n')})"
    if kind == "groups":
        return f"{aggregate} OVER ({part}ORDER BY {some}{frame(rng, 'GROUPS', 'n')})"
    if kind == "peers":
        return f"{rng.choice(_PEER_FUNCTIONS)} OVER ({part}ORDER BY {some})"
    if kind == "plain":
        return f"{aggregate} OVER ({part}{rng.choice(('', f'ORDER BY {some}'))})"
    key = rng.choice(("k", "x", "m", "d"))
    offset = "INTERVAL 'n days'" if key == "d" else "n"
    return f"{aggregate} OVER ({part}ORDER BY {key}{direction(rng)}{frame(rng, 'RANGE', offset)})"


def query(rng: random.Random) -> str:
    calls = ", ".join(call(rng) for _ in range(rng.choice((1, 1, 2, 3))))
    if rng.random() < 0.1:
        return f"SELECT id, {calls} FROM w QUALIFY {call(rng)} IS NOT NULL"
    return f"SELECT id, {calls} FROM w"


def ours(session: _kernel.Session, sql: str) -> list[Row]:
    columns = [column.to_pylist() for column in session.execute(sql).read_all().columns]
    return [plain_row(row) for row in zip(*columns, strict=True)]


@pytest.mark.parametrize("round_index", range(ROUNDS))
def test_generated_window_queries_answer_as_duckdb_does(round_index: int) -> None:
    print(f"VELARIA_SEED={SEED + round_index} VELARIA_ROUNDS=1")
    rng = random.Random(SEED + round_index)
    judge = duckdb.connect(config={"integer_division": True, "default_null_order": "nulls_last"})
    statements = (SETUP, insert_statement(rng))
    for statement in statements:
        judge.execute(statement)
    subjects = []
    for setting in SETTINGS:
        session = _kernel.Session()
        for statement in statements:
            session.execute(statement)
        if setting:
            session.execute(f"SET {setting}")
        subjects.append(session)
    for _ in range(QUERIES_PER_ROUND):
        sql = query(rng)
        expected = [plain_row(row) for row in judge.execute(sql).fetchall()]
        for session, setting in zip(subjects, SETTINGS, strict=True):
            found = difference(expected, ours(session, sql), ordered=False)
            assert not found, f"{setting}: {found}\n{sql}"
    for session in subjects:
        session.close()
    judge.close()
