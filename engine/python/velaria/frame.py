"""What frames over tables and over streams share: a SELECT that has not run, and builders round
it.

All meaning is the kernel's: a builder only writes text, and a mistake in an expression comes back
as the kernel's error when the frame is described or run.
"""

from collections.abc import Sequence
from typing import Any, Self

import pyarrow as pa

from velaria import _kernel
from velaria.sql_text import quoted_name, subquery


class Frame:
    """Immutable: each builder returns a new frame."""

    def __init__(
        self, kernel: _kernel.Connection, sql: str, params: Sequence[Any] | None = None
    ) -> None:
        self._kernel = kernel
        self._params = list(params or ())
        self.sql = sql

    @property
    def schema(self) -> pa.Schema:
        """The result's schema, known without running the statement."""
        schema = self._kernel.describe(self.sql, self._params or None).schema
        return pa.schema([]) if schema is None else schema

    @property
    def columns(self) -> list[str]:
        return list(self.schema.names)

    def select(self, *expressions: str) -> Self:
        return self._wrapped(f"SELECT {', '.join(expressions)}")

    def filter(self, condition: str) -> Self:
        return self._wrapped("SELECT *", f"WHERE {condition}")

    def with_column(self, name: str, expression: str) -> Self:
        """Adds a column, or replaces the one of that name in its place."""
        new = f"{expression} AS {quoted_name(name)}"
        names = self.columns
        if name not in names:
            return self.select("*", new)
        return self.select(*(new if old == name else quoted_name(old) for old in names))

    def drop(self, *names: str) -> Self:
        return self.select(*(quoted_name(name) for name in self.columns if name not in names))

    def limit(self, row_count: int, offset: int = 0) -> Self:
        return self._wrapped("SELECT *", f"LIMIT {int(row_count)} OFFSET {int(offset)}")

    def aggregate(self, group_by: Sequence[str], *aggregates: str) -> Self:
        """`aggregate(["carrier"], "count(*) AS n")`; without keys one row over all."""
        keys = ", ".join(group_by)
        grouping = f"GROUP BY {keys}" if keys else ""
        return self._wrapped(f"SELECT {', '.join([*group_by, *aggregates])}", grouping)

    def _wrapped(self, select: str, clauses: str = "") -> Self:
        """A SELECT from this frame, the only place where its parameters go."""
        sql = f"{select} FROM {subquery(self.sql)} AS t {clauses}".rstrip()
        return type(self)(self._kernel, sql, self._params)
