"""DuckDB and SQLite as judges: rows as plain Python values that can be compared across engines."""

from __future__ import annotations

import math
import sqlite3
from decimal import Decimal
from typing import Protocol

import duckdb

Row = tuple[object, ...]


class JudgeRefusal(Exception):
    """A judge could not, or would not, run a statement."""


class Judge(Protocol):
    """An engine whose answers are the expected ones."""

    name: str

    def execute(self, sql: str) -> None: ...

    def rows(self, sql: str) -> list[Row]: ...

    def close(self) -> None: ...


_REL_TOLERANCE = 1e-9


class DuckdbJudge:
    """An in-memory DuckDB with integer division."""

    name = "duckdb"

    def __init__(self) -> None:
        self._connection = duckdb.connect(config={"integer_division": True, "threads": 1})
        # It narrows what is sorted to bounds that an outer join or a sum exceeds, and then
        # fails: SUM(q1.y) "of type INT128 with value 157" in a column of one byte.
        self._connection.execute("SET disabled_optimizers = 'compressed_materialization'")

    def execute(self, sql: str) -> None:
        """Run a statement without rows."""
        self._connection.execute(sql)

    def rows(self, sql: str) -> list[Row]:
        """Rows of a query; JudgeRefusal when it fails."""
        try:
            return [plain_row(row) for row in self._connection.execute(sql).fetchall()]
        except duckdb.Error as error:
            raise JudgeRefusal(f"{error}\n{sql}") from error

    def close(self) -> None:
        """Free the database."""
        self._connection.close()


class SqliteJudge:
    """An in-memory SQLite with case-sensitive LIKE."""

    name = "sqlite"

    def __init__(self) -> None:
        self._connection = sqlite3.connect(":memory:")
        self._connection.execute("PRAGMA case_sensitive_like = ON")

    def execute(self, sql: str) -> None:
        """Run a statement without rows."""
        self._connection.execute(sql)

    def rows(self, sql: str) -> list[Row]:
        """Rows of a query; JudgeRefusal when it fails."""
        try:
            return [plain_row(row) for row in self._connection.execute(sql).fetchall()]
        except sqlite3.Error as error:
            raise JudgeRefusal(f"{error}\n{sql}") from error

    def close(self) -> None:
        """Free the database."""
        self._connection.close()


def plain_row(row: tuple[object, ...]) -> Row:
    """Booleans as 0 and 1, decimals as int or float, so that SQLite's rows can be compared."""
    return tuple(_plain(value) for value in row)


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


def difference(expected: list[Row], actual: list[Row], *, ordered: bool) -> str:
    """What differs, or ""; without an order both sides are sorted first."""
    if not ordered:
        expected, actual = sorted(expected, key=_sort_key), sorted(actual, key=_sort_key)
    if len(expected) != len(actual):
        return f"{len(expected)} rows expected, {len(actual)} given"
    for index, (left, right) in enumerate(zip(expected, actual, strict=True)):
        if len(left) != len(right) or not all(map(_same, left, right)):
            return f"row {index}: {left} expected, {right} given"
    return ""


def _same(left: object, right: object) -> bool:
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(left, right, rel_tol=_REL_TOLERANCE, abs_tol=1e-12)
    return left == right


def _sort_key(row: Row) -> list[tuple[int, object]]:
    return [(0, 0) if value is None else (1, value) for value in row]
