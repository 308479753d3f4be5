"""Generated statements against DuckDB and SQLite, and against themselves said in another way.

The seed is printed and read back: VELARIA_SEED=7 repeats a run, VELARIA_ROUNDS=400 makes it ten
times as long.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence

import pytest

from velaria import _kernel

from .engines import DuckdbJudge, Judge, JudgeRefusal, Row, SqliteJudge, difference, plain_row
from .sql_changes import ChangeGenerator
from .sql_generator import Generator
from .sql_tables import RICH_TABLES, TABLES, Tables, create_statements, insert_statements

SEED = int(os.environ.get("VELARIA_SEED", random.SystemRandom().randrange(2**32)))
ROUNDS = int(os.environ.get("VELARIA_ROUNDS", "40"))
QUERIES_PER_ROUND = 25
CHANGES_PER_ROUND = 15
# Each query runs as it is, cut into micro-batches, and without the plan's rewrites.
SETTINGS = ("", "debug_trigger_rows = 1", "debug_trigger_rows = 7", "debug_no_rewrite = 1")


class Subject:
    """One Session under one setting; "" leaves all of them as they are."""

    def __init__(self, setup: Sequence[str], setting: str = "") -> None:
        self._session = _kernel.Session()
        self.setting = setting
        for statement in setup:
            self._session.execute(statement)
        if setting:
            self._session.execute(f"SET {setting}")

    def rows(self, sql: str) -> list[Row]:
        """Rows of a statement; none when it gives none."""
        result = self._session.execute(sql)
        if result.schema is None:
            return []
        columns = [column.to_pylist() for column in result.read_all().columns]
        return [plain_row(row) for row in zip(*columns, strict=True)]

    def close(self) -> None:
        self._session.close()


def announce(round_index: int) -> random.Random:
    """The random source of a round; the line says how to repeat the round alone."""
    seed = SEED + round_index
    print(f"VELARIA_SEED={seed} VELARIA_ROUNDS=1")
    return random.Random(seed)


def is_misread(judge: str, sql: str) -> bool:
    """SQLite 3 forgets the WHERE of a UNION ALL's first part when another part has a FULL JOIN and
    the whole stands in FROM: the part alone gives fewer rows than inside."""
    return judge == SqliteJudge.name and "UNION ALL" in sql and "FULL JOIN" in sql


def check_queries(rng: random.Random, tables: Tables, judges: Sequence[Judge]) -> None:
    """Fill the tables, draw queries, compare every subject with every judge that speaks them."""
    setup = [*create_statements(tables), *insert_statements(rng, tables)]
    for judge in judges:
        for statement in setup:
            judge.execute(statement)
    subjects = [Subject(setup, setting) for setting in SETTINGS]
    generator = Generator(rng, tables)
    for _ in range(QUERIES_PER_ROUND):
        query = generator.query()
        expected = {
            judge.name: judge.rows(query.sql)
            for judge in judges
            if judge.name in query.judges and not is_misread(judge.name, query.sql)
        }
        for subject in subjects:
            actual = answer(subject, query.sql)
            for name, rows in expected.items():
                found = difference(rows, actual, ordered=query.ordered)
                assert not found, f"{name}, {subject.setting}: {found}\n{query.sql}"
    for engine in (*judges, *subjects):
        engine.close()


def answer(subject: Subject, sql: str) -> list[Row]:
    """The rows of a query; that it is refused is a find, and told with the whole text."""
    try:
        return subject.rows(sql)
    except _kernel.KernelError as error:
        raise AssertionError(f"{subject.setting}: {error}\n{sql}") from error


@pytest.mark.parametrize("round_index", range(ROUNDS))
def test_generated_queries_answer_as_duckdb_and_sqlite_do(round_index: int) -> None:
    check_queries(announce(round_index), TABLES, (DuckdbJudge(), SqliteJudge()))


@pytest.mark.parametrize("round_index", range(ROUNDS))
def test_generated_queries_over_dates_and_decimals_answer_as_duckdb_does(round_index: int) -> None:
    check_queries(announce(round_index), RICH_TABLES, (DuckdbJudge(),))


@pytest.mark.parametrize("round_index", range(ROUNDS))
def test_generated_changes_leave_what_they_leave_in_duckdb_and_sqlite(round_index: int) -> None:
    rng = announce(round_index)
    reads_itself = rng.random() < 0.5
    judges = (DuckdbJudge(),) if reads_itself else (DuckdbJudge(), SqliteJudge())
    setup = [*create_statements(TABLES, key="PRIMARY KEY"), *insert_statements(rng, TABLES)]
    for judge in judges:
        for statement in setup:
            judge.execute(statement)
    subjects = [Subject(setup), Subject(setup, "debug_no_rewrite = 1")]
    generator = ChangeGenerator(rng, reads_itself=reads_itself)
    done: list[str] = setup
    for _ in range(CHANGES_PER_ROUND):
        change = generator.change()
        done = [*done, change.sql]
        outcomes = {judge.name: outcome(judge.rows, change.sql) for judge in judges}
        outcomes |= {f"velaria {one.setting}": outcome(one.rows, change.sql) for one in subjects}
        left = {judge.name: judge.rows(f"SELECT * FROM {change.table}") for judge in judges}
        left |= {
            f"velaria {one.setting}": one.rows(f"SELECT * FROM {change.table}") for one in subjects
        }
        for name, rows in outcomes.items():
            # DuckDB gives the number of rows where nothing is to be returned.
            refused = outcomes["duckdb"] is None
            assert (rows is None) == refused, f"{name} and duckdb disagree: {change.sql}"
            if change.returns_rows and rows is not None:
                found = difference(outcomes["duckdb"] or [], rows, ordered=False)
                assert not found, f"{name} returns: {found}\n" + ";\n".join(done)
            found = difference(left["duckdb"], left[name], ordered=False)
            assert not found, f"{name} leaves: {found}\n" + ";\n".join(done)
    for engine in (*judges, *subjects):
        engine.close()


def outcome(run: Callable[[str], list[Row]], sql: str) -> list[Row] | None:
    """The rows of a change; None when the key, or the judge, refuses it."""
    try:
        return run(sql)
    except JudgeRefusal:
        return None
    except _kernel.ExecutionError as error:
        assert error.code == "VEL3005", f"{error}\n{sql}"
        return None


@pytest.mark.parametrize("round_index", range(ROUNDS))
def test_a_predicate_its_negation_and_its_unknown_cut_every_source_in_three(
    round_index: int,
) -> None:
    rng = announce(round_index)
    subject = Subject([*create_statements(TABLES), *insert_statements(rng, TABLES)])
    generator = Generator(rng)
    for _ in range(QUERIES_PER_ROUND):
        source, predicate, numbers = generator.aggregate_query()
        number = rng.choice(numbers)
        items = f"COUNT(*), SUM({number}), MIN({number}), MAX({number})"
        whole = f"SELECT {items} FROM {source}"
        parts = [
            f"{whole} WHERE {predicate}",
            f"{whole} WHERE NOT ({predicate})",
            f"{whole} WHERE ({predicate}) IS NULL",
        ]
        counts, sums, least, most = zip(*(answer(subject, part)[0] for part in parts), strict=True)
        united = (sum(counts), total(sums), extreme(min, least), extreme(max, most))
        assert not difference(answer(subject, whole), [united], ordered=True), "\n".join(parts)
    subject.close()


@pytest.mark.parametrize("round_index", range(ROUNDS))
def test_a_filter_keeps_as_many_rows_as_its_predicate_is_true_for(round_index: int) -> None:
    """NoREC: what the optimizer uses as a filter, it must take as a value in the second query."""
    rng = announce(round_index)
    subject = Subject([*create_statements(TABLES), *insert_statements(rng, TABLES)])
    generator = Generator(rng)
    for _ in range(QUERIES_PER_ROUND):
        source, predicate = generator.predicate_query()
        filtered = f"SELECT COUNT(*) FROM {source} WHERE {predicate}"
        counted = f"SELECT SUM(CASE WHEN {predicate} THEN 1 ELSE 0 END) FROM {source}"
        ((kept,),), ((true,),) = answer(subject, filtered), answer(subject, counted)
        assert kept == (true or 0), f"{filtered}\n{counted}"
    subject.close()


def total(parts: Sequence[object]) -> float | None:
    known = [float(str(part)) for part in parts if part is not None]
    return sum(known) if known else None


def extreme(choose: Callable[..., float], parts: Sequence[object]) -> float | None:
    known = [float(str(part)) for part in parts if part is not None]
    return choose(known) if known else None
