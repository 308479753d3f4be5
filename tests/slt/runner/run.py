"""Runs the records of a file on one engine and judges each: passed, wrong, or unsupported.

A refusal by one of UNSUPPORTED_CODES is *unsupported*; any other difference is *wrong*. A query
that reads a table which an unsupported statement should have changed is unsupported, too: its rows
cannot be right.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import pyarrow as pa

from .compare import explain_difference, query_difference, rows_difference
from .parse import EqualRecord, ExplainRecord, QueryRecord, Record, SltFile, StatementRecord
from .values import Style, format_table, sort_rows

UNSUPPORTED_CODES = frozenset({"VEL2002", "VEL2014", "VEL2017", "VEL1008"})

_CHANGED_NAME = re.compile(
    r"\b(?:INTO|FROM|UPDATE|TABLE|VIEW)\s+(?:IF\s+(?:NOT\s+)?EXISTS\s+)?(\w+)", re.IGNORECASE
)


class SqlFailure(Exception):
    """An engine refused or failed a statement. `code` is "VELnnnn", or "" when the engine gave
    none.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Engine(Protocol):
    """What the runner needs of an engine: one database, statements in order."""

    labels: frozenset[str]

    def run(self, sql: str) -> pa.Table | None:
        """Run one statement; rows, or None when it returns none. Raises SqlFailure."""

    def explain(self, sql: str) -> dict[str, str]:
        """Sections of the plan, in order. Raises SqlFailure."""

    def close(self) -> None:
        """Leave nothing of this database behind."""


@dataclass(frozen=True)
class Failure:
    """A wrong record: where it stands and what differs."""

    path: Path
    line: int
    sql: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.reason}\n  SQL: {self.sql}"


@dataclass
class Report:
    """Counts of one file, or of several added up. `statements` and `queries` both count passed
    records.
    """

    statements: int = 0
    queries: int = 0
    wrong: list[Failure] = field(default_factory=list)
    unsupported: Counter[str] = field(default_factory=Counter)
    unsupported_queries: int = 0

    @property
    def passed(self) -> int:
        return self.statements + self.queries

    def add(self, other: Report) -> None:
        """Take another report's counts in."""
        self.statements += other.statements
        self.queries += other.queries
        self.wrong.extend(other.wrong)
        self.unsupported.update(other.unsupported)
        self.unsupported_queries += other.unsupported_queries

    def unsupported_text(self) -> str:
        """`12 unsupported (VEL2002: 10, VEL2014: 2)`"""
        total = sum(self.unsupported.values())
        codes = ", ".join(f"{code}: {count}" for code, count in sorted(self.unsupported.items()))
        return f"{total} unsupported ({codes})" if codes else "0 unsupported"


def run_file(slt: SltFile, engine: Engine, style: Style, variables: dict[str, str]) -> Report:
    """Run every record that applies to the engine. `variables` fill `${name}` in SQL."""
    report = Report()
    tainted: dict[str, str] = {}
    for record in slt.records:
        if not record.applies_to(engine.labels):
            continue
        try:
            reason = _judge(record, engine, style, variables)
        except SqlFailure as failure:
            unsupported = failure.code in UNSUPPORTED_CODES
            taint = _taint(record, tainted)
            if unsupported or taint:
                code = failure.code if unsupported else taint
                report.unsupported[code] += 1
                report.unsupported_queries += isinstance(record, QueryRecord)
                if isinstance(record, StatementRecord):
                    tainted.update(dict.fromkeys(_changed_names(record.sql), code))
                continue
            reason = f"failed: {failure.code or '(no code)'} {failure}"
        if not reason:
            report.queries += not isinstance(record, StatementRecord)
            report.statements += isinstance(record, StatementRecord)
        elif code := _taint(record, tainted):
            report.unsupported[code] += 1
            report.unsupported_queries += 1
        else:
            report.wrong.append(Failure(slt.path, record.line, record.sql, reason))
    return report


def _judge(record: Record, engine: Engine, style: Style, variables: dict[str, str]) -> str:
    """What is wrong with the engine's answer, or "". Failures of `statement ok` and queries are
    raised.
    """
    sql = _filled(record.sql, variables)
    match record:
        case StatementRecord(expects_error=True):
            return _judge_error(record, engine, sql)
        case StatementRecord():
            engine.run(sql)
            return ""
        case QueryRecord():
            table = engine.run(sql)
            return "no rows returned" if table is None else query_difference(record, table, style)
        case EqualRecord():
            first = engine.run(sql)
            second = engine.run(_filled(record.other_sql, variables))
            return _equal_difference(record, first, second)
        case ExplainRecord():
            return explain_difference(record, _plan_lines(engine.explain(sql), record.section))
    raise AssertionError(f"unknown record: {record!r}")


def _judge_error(record: StatementRecord, engine: Engine, sql: str) -> str:
    try:
        engine.run(sql)
    except SqlFailure as failure:
        if record.error_code and failure.code != record.error_code:
            got = failure.code or "(no code)"
            return f"code differs: expected={record.error_code}, actual={got} {failure}"
        return ""
    return f"no error, expected {record.error_code or 'one'}"


def _equal_difference(record: EqualRecord, first: pa.Table | None, second: pa.Table | None) -> str:
    if first is None or second is None:
        return "no rows returned"
    if first.num_columns != second.num_columns:
        return f"column count differs: {first.num_columns} and {second.num_columns}"
    letters = "T" * first.num_columns
    left, right = (
        sort_rows(format_table(table, letters, "exact"), record.sort) for table in (first, second)
    )
    return rows_difference(right, left)


def _plan_lines(plan: dict[str, str], section: str) -> list[str]:
    if section:
        return [line for line in plan[section].split("\n") if line.strip()]
    lines = []
    for name, text in plan.items():
        lines.append(name)
        lines.extend("  " + line for line in text.split("\n") if line.strip())
    return lines


def _filled(sql: str, variables: dict[str, str]) -> str:
    for name, value in variables.items():
        sql = sql.replace("${" + name + "}", value)
    return sql


def _changed_names(sql: str) -> list[str]:
    return [name.lower() for name in _CHANGED_NAME.findall(sql)]


def _taint(record: Record, tainted: dict[str, str]) -> str:
    """The code of the unsupported statement that spoilt a table this record names, or ""."""
    words = {word.lower() for word in re.findall(r"\w+", record.sql)}
    return next((code for name, code in tainted.items() if name in words), "")
