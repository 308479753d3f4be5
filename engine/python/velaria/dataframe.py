"""A DataFrame is a SELECT that has not run yet; its builders wrap more SQL round it.

All meaning is the kernel's: a builder only writes text, and a mistake in an expression comes back
as the kernel's error when the frame is described or read.
"""

from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa

from velaria import _kernel
from velaria.sql_text import quoted_name, subquery

JoinKind = Literal["inner", "left", "right", "full", "cross"]


class DataFrame:
    """Made by Session.sql and by the builders. Each reading runs the statement anew."""

    def __init__(
        self, kernel: _kernel.Session, sql: str, params: Sequence[Any] | None = None
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

    def to_arrow(self) -> pa.Table:
        return self._execute().read_all()

    def to_reader(self) -> pa.RecordBatchReader:
        """Batches while they are computed; dropping the reader cancels the rest."""
        return self._execute().reader()

    def to_rows(self) -> list[tuple[Any, ...]]:
        columns = [column.to_pylist() for column in self.to_arrow().columns]
        return list(zip(*columns, strict=True))

    def count(self) -> int:
        rows = self._wrapped("SELECT count(*) FROM {}").to_rows()
        return int(rows[0][0])

    def show(self, row_count: int = 20) -> None:
        """Print the first rows."""
        table = self.limit(row_count).to_arrow()
        names = table.column_names
        rows = [[_cell(value) for value in row.values()] for row in table.to_pylist()]
        widths = [max(map(len, [name, *(row[i] for row in rows)])) for i, name in enumerate(names)]
        for line in [names, ["-" * width for width in widths], *rows]:
            cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
            print(" | ".join(cells).rstrip())

    def explain(self) -> dict[str, str]:
        """The sections logical, physical and strategy; nothing is run."""
        return self._kernel.explain(self.sql)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_reader().__arrow_c_stream__(requested_schema)

    def select(self, *expressions: str) -> "DataFrame":
        return self._wrapped(f"SELECT {', '.join(expressions)} FROM {{}}")

    def filter(self, condition: str) -> "DataFrame":
        return self._wrapped(f"SELECT * FROM {{}} WHERE {condition}")

    def with_column(self, name: str, expression: str) -> "DataFrame":
        """Adds a column, or replaces the one of that name in its place."""
        new = f"{expression} AS {quoted_name(name)}"
        names = self.columns
        if name not in names:
            return self.select("*", new)
        return self.select(*(new if old == name else quoted_name(old) for old in names))

    def drop(self, *names: str) -> "DataFrame":
        return self.select(*(quoted_name(name) for name in self.columns if name not in names))

    def order_by(self, *expressions: str) -> "DataFrame":
        return self._wrapped(f"SELECT * FROM {{}} ORDER BY {', '.join(expressions)}")

    def limit(self, row_count: int, offset: int = 0) -> "DataFrame":
        return self._wrapped(f"SELECT * FROM {{}} LIMIT {int(row_count)} OFFSET {int(offset)}")

    def distinct(self) -> "DataFrame":
        return self._wrapped("SELECT DISTINCT * FROM {}")

    def aggregate(self, group_by: Sequence[str], *aggregates: str) -> "DataFrame":
        """`aggregate(["carrier"], "count(*) AS n")`; without keys one row over all."""
        keys = ", ".join(group_by)
        tail = f" GROUP BY {keys}" if keys else ""
        return self._wrapped(f"SELECT {', '.join([*group_by, *aggregates])} FROM {{}}{tail}")

    def join(self, other: "DataFrame", on: str = "", how: JoinKind = "inner") -> "DataFrame":
        """Join with another frame; the condition names the two as l and r."""
        condition = f" ON {on}" if how != "cross" else ""
        sql = (
            f"SELECT * FROM {subquery(self.sql)} AS l "
            f"{how.upper()} JOIN {subquery(other.sql)} AS r{condition}"
        )
        return DataFrame(self._kernel, sql, self._params + other._params)

    def union(self, other: "DataFrame") -> "DataFrame":
        """All rows of both, duplicates kept."""
        sql = (
            f"SELECT * FROM {subquery(self.sql)} AS l "
            f"UNION ALL SELECT * FROM {subquery(other.sql)} AS r"
        )
        return DataFrame(self._kernel, sql, self._params + other._params)

    def _wrapped(self, template: str) -> "DataFrame":
        """`{}` stands for this frame; it is the only place where its parameters go."""
        head, tail = template.split("{}", 1)
        return DataFrame(self._kernel, f"{head}{subquery(self.sql)} AS t{tail}", self._params)

    def _execute(self) -> _kernel.QueryResult:
        return self._kernel.execute(self.sql, self._params or None)


def _cell(value: Any) -> str:
    return "NULL" if value is None else str(value)
