"""Fills the expectations of `.slt` skeletons from DuckDB and PostgreSQL, never from Velaria.

    python -m tests.slt.tools.expect_from [--write] [--dsn DSN] tests/slt/union.slt ...

A query without `----` is filled only where both engines give the same rows. Where they differ, or
only one runs it, the tool refuses until a comment above the record says who is right:

    # oracle: duckdb        or  # oracle: postgresql     the design follows that engine here
    # by hand: <reason>                                  rows by hand, left alone

Rows that are there already are checked against both engines. Without --dsn a throw-away PostgreSQL
cluster is started.
"""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from pathlib import Path

import pyarrow as pa

from ..runner.compare import expected_rows, rows_difference
from ..runner.files import write_files
from ..runner.parse import HashedRows, QueryRecord, Record, SltFile, StatementRecord, parse_file
from ..runner.run import Engine, SqlFailure
from ..runner.values import format_table, sort_rows
from .oracles import DuckdbOracle, PostgresCluster, PostgresOracle

Rows = list[list[str]]


class Answer:
    """What one engine said to one record: rows, or the text of its refusal."""

    def __init__(self, rows: Rows | None, error: str) -> None:
        self.rows = rows
        self.error = error

    def __str__(self) -> str:
        if self.rows is None:
            return self.error.strip().split("\n")[0]
        return "\n      ".join("\t".join(row) for row in self.rows[:8]) or "(no rows)"


def ask(engine: Engine, record: Record, folder: Path) -> Answer:
    """Run one record on an engine and put its rows in the record's form."""
    try:
        table = engine.run(record.sql.replace("${tmp}", str(folder)))
    except SqlFailure as failure:
        return Answer(None, f"error: {failure}")
    if not isinstance(record, QueryRecord):
        return Answer([], "")
    if table is None or table.num_columns != len(record.types):
        return Answer(None, f"error: columns do not fit {record.types}")
    return Answer(sort_rows(_format(table, record.types), record.sort), "")


def _format(table: pa.Table, types: str) -> Rows:
    return format_table(table, types, "exact")


def same_rows(left: Rows | None, right: Rows | None, types: str, *, by_value: bool) -> bool:
    """Equality of rows; numbers under R and I are compared as numbers, since engines print them
    differently.
    """
    if left is None or right is None or len(left) != len(right):
        return False
    letters = "R" if by_value else types
    return all(
        _same_value(a, b, letters[index])
        for row_left, row_right in zip(left, right, strict=True)
        for index, (a, b) in enumerate(zip(row_left, row_right, strict=True))
    )


def _same_value(left: str, right: str, letter: str) -> bool:
    if left == right:
        return True
    if letter not in "RI":
        return False
    try:
        return math.isclose(float(left), float(right), rel_tol=1e-12)
    except ValueError:
        return False


class Filler:
    """One file on both engines, in lockstep. `problems` are what a person must decide; `filled`
    maps lines to rows.
    """

    def __init__(self, slt: SltFile, duckdb: Engine, postgres: Engine, folder: Path) -> None:
        self._slt = slt
        self._duckdb = duckdb
        self._postgres = postgres
        self._folder = folder
        self.problems: list[str] = []
        self.filled: dict[int, Rows] = {}

    def run(self) -> None:
        for record in self._slt.records:
            duckdb = ask(self._duckdb, record, self._folder)
            postgres = ask(self._postgres, record, self._folder)
            if isinstance(record, StatementRecord):
                self._check_statement(record, duckdb, postgres)
            elif isinstance(record, QueryRecord):
                self._decide(record, duckdb, postgres)

    def _check_statement(self, record: StatementRecord, duckdb: Answer, postgres: Answer) -> None:
        failed = [answer.rows is None for answer in (duckdb, postgres)]
        decided = any(comment.startswith("by hand:") for comment in record.comments)
        if not decided and all(one != record.expects_error for one in failed):
            self._problem(record, duckdb, postgres, "both engines contradict the statement")

    def _decide(self, record: QueryRecord, duckdb: Answer, postgres: Answer) -> None:
        if any(comment.startswith("by hand:") for comment in record.comments):
            if record.expected is None:
                self._problem(record, duckdb, postgres, "rows by hand are missing")
            return
        by_value = record.sort == "valuesort"
        oracle = next((c[7:].strip() for c in record.comments if c.startswith("oracle:")), "")
        if oracle:
            chosen = {"duckdb": duckdb, "postgresql": postgres}[oracle]
        elif same_rows(duckdb.rows, postgres.rows, record.types, by_value=by_value):
            chosen = duckdb
        else:
            self._problem(record, duckdb, postgres, "the engines disagree")
            return
        if chosen.rows is None:
            self._problem(record, duckdb, postgres, "the oracle refuses")
        elif record.expected is None:
            self.filled[record.line] = chosen.rows
        elif not isinstance(record.expected, HashedRows):
            expected = expected_rows(record, record.expected)
            if not same_rows(expected, chosen.rows, record.types, by_value=by_value):
                difference = rows_difference(expected, chosen.rows)
                self._problem(record, duckdb, postgres, f"the record differs: {difference}")

    def _problem(self, record: Record, duckdb: Answer, postgres: Answer, what: str) -> None:
        self.problems.append(
            f"{self._slt.path}:{record.line}: {what}\n    {record.sql}\n"
            f"    duckdb: {duckdb}\n    postgresql: {postgres}"
        )


def fill_text(text: str, filled: dict[int, Rows]) -> str:
    """The file's text with `----` and rows put below each filled record."""
    lines = text.split("\n")
    for start in sorted(filled, reverse=True):
        end = start
        while end < len(lines) and lines[end].strip():
            end += 1
        lines[end:end] = ["----", *("\t".join(row) for row in filled[start])]
    return "\n".join(lines)


def fill_file(path: Path, dsn: str, *, write: bool) -> int:
    """Treat one file; answers with the number of open problems."""
    duckdb, postgres = DuckdbOracle(), PostgresOracle(dsn)
    with tempfile.TemporaryDirectory() as folder:
        write_files(Path(folder))
        filler = Filler(parse_file(path), duckdb, postgres, Path(folder))
        filler.run()
    duckdb.close()
    postgres.close()
    if write and filler.filled:
        path.write_text(fill_text(path.read_text("utf-8"), filler.filled), "utf-8")
    for problem in filler.problems:
        print(problem)
    print(f"{path}: {len(filler.filled)} to fill, {len(filler.problems)} problems")
    return len(filler.problems)


def main(arguments: list[str] | None = None) -> int:
    """Treat every file named; exit 1 while problems are open."""
    parser = argparse.ArgumentParser(prog="python -m tests.slt.tools.expect_from")
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--write", action="store_true", help="write what both engines agree on")
    parser.add_argument("--dsn", help="a running PostgreSQL; its schema 'oracle' is replaced")
    options = parser.parse_args(arguments)
    if options.dsn:
        problems = sum(fill_file(p, options.dsn, write=options.write) for p in options.paths)
    else:
        with tempfile.TemporaryDirectory(prefix="velaria-pg-") as folder:
            cluster = PostgresCluster(Path(folder))
            try:
                problems = sum(
                    fill_file(p, cluster.dsn, write=options.write) for p in options.paths
                )
            finally:
                cluster.close()
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
