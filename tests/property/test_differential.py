"""Generated queries against DuckDB and SQLite, and against themselves cut by ternary logic.

The seed is printed and read back: VELARIA_SEED=7 repeats a run, VELARIA_ROUNDS=1000 makes it
longer.
"""

from __future__ import annotations

import os
import random
from collections.abc import Sequence

import pytest

from velaria import _kernel

from .engines import DuckdbJudge, Row, SqliteJudge, difference, plain_row
from .sql_generator import (
    COLUMNS,
    RICH_COLUMNS,
    RICH_SETUP,
    SETUP,
    Columns,
    Generator,
    insert_statements,
)

SEED = int(os.environ.get("VELARIA_SEED", random.SystemRandom().randrange(2**32)))
ROUNDS = int(os.environ.get("VELARIA_ROUNDS", "20"))
QUERIES_PER_ROUND = 15
# Each query runs as it is, cut into micro-batches, and without the plan's rewrites.
SETTINGS = ("", "debug_trigger_rows = 1", "debug_trigger_rows = 7", "debug_no_rewrite = 1")


class Subject:
    """One Session under one setting; "" leaves all of them as they are."""

    def __init__(self, setup: Sequence[str], setting: str = "") -> None:
        self._session = _kernel.Session()
        for statement in setup:
            self._session.execute(statement)
        if setting:
            self._session.execute(f"SET {setting}")

    def rows(self, sql: str) -> list[Row]:
        table = self._session.execute(sql).read_all()
        columns = [column.to_pylist() for column in table.columns]
        return [plain_row(row) for row in zip(*columns, strict=True)]

    def close(self) -> None:
        self._session.close()


def check_round(
    seed: int, setup: Sequence[str], tables: Columns, judges: Sequence[DuckdbJudge | SqliteJudge]
) -> None:
    """Fill the tables, draw queries, compare every subject with every judge."""
    print(f"VELARIA_SEED={seed} VELARIA_ROUNDS=1")
    rng = random.Random(seed)
    statements = [*setup, *insert_statements(rng, tables)]
    for judge in judges:
        for statement in statements:
            judge.execute(statement)
    subjects = [Subject(statements, setting) for setting in SETTINGS]
    generator = Generator(rng, tables)
    for _ in range(QUERIES_PER_ROUND):
        query = generator.query()
        expected = [judge.rows(query.sql) for judge in judges]
        for subject, setting in zip(subjects, SETTINGS, strict=True):
            actual = subject.rows(query.sql)
            for judge, rows in zip(judges, expected, strict=True):
                found = difference(rows, actual, ordered=query.ordered)
                assert not found, f"{judge.name}, {setting}: {found}\n{query.sql}"
    for engine in (*judges, *subjects):
        engine.close()


@pytest.mark.parametrize("round_index", range(ROUNDS))
def test_generated_queries_answer_as_duckdb_and_sqlite_do(round_index: int) -> None:
    check_round(SEED + round_index, SETUP, COLUMNS, (DuckdbJudge(), SqliteJudge()))


@pytest.mark.parametrize("round_index", range(ROUNDS))
def test_generated_queries_over_dates_and_decimals_answer_as_duckdb_does(round_index: int) -> None:
    check_round(SEED + round_index, RICH_SETUP, RICH_COLUMNS, (DuckdbJudge(),))


@pytest.mark.parametrize("round_index", range(ROUNDS))
def test_a_predicate_its_negation_and_its_unknown_cut_every_source_in_three(
    round_index: int,
) -> None:
    seed = SEED + round_index
    print(f"VELARIA_SEED={seed} VELARIA_ROUNDS=1")
    rng = random.Random(seed)
    subject = Subject([*SETUP, *insert_statements(rng)])
    generator = Generator(rng)
    for _ in range(QUERIES_PER_ROUND):
        source, predicate = generator.predicate_query()
        count = f"SELECT COUNT(*) FROM {source}"
        parts = [
            f"{count} WHERE {predicate}",
            f"{count} WHERE NOT ({predicate})",
            f"{count} WHERE ({predicate}) IS NULL",
        ]
        total = sum(int(str(subject.rows(part)[0][0])) for part in parts)
        assert [(total,)] == subject.rows(count), "\n".join(parts)
    subject.close()
