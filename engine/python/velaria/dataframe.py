"""A DataFrame: a SELECT over tables and files, run when it is read."""

from collections.abc import Sequence
from typing import Any, Literal

import pyarrow as pa

from velaria import _kernel
from velaria.frame import Frame
from velaria.sql_text import subquery
from velaria.text_cells import text_columns

JoinKind = Literal["inner", "left", "right", "full", "cross"]


class DataFrame(Frame):
    """Made by Session.sql and by the builders. Each reading runs the statement anew."""

    def __init__(
        self,
        kernel: _kernel.Connection,
        sql: str,
        params: Sequence[Any] | None = None,
        query_id: str | None = None,
    ) -> None:
        super().__init__(kernel, sql, params)
        self._query_id = query_id  # of its own readings, not of frames built from it

    def to_arrow(self) -> pa.Table:
        return self._execute().read_all()

    def to_reader(self) -> pa.RecordBatchReader:
        """Batches while they are computed; dropping the reader cancels the rest."""
        return self._execute().reader()

    def to_rows(self) -> list[tuple[Any, ...]]:
        columns = [column.to_pylist() for column in self.to_arrow().columns]
        return list(zip(*columns, strict=True))

    def count(self) -> int:
        rows = self._wrapped("SELECT count(*)").to_rows()
        return int(rows[0][0])

    def show(self, row_count: int = 20) -> None:
        """Print the first rows."""
        # What is no query, like SHOW TABLES, stands in no FROM.
        is_query = self._kernel.describe(self.sql, self._params or None).kind == "query"
        table = (self.limit(row_count) if is_query else self).to_arrow().slice(0, row_count)
        columns = [["NULL" if t is None else t for t in texts] for texts in text_columns(table)]
        names = table.column_names
        widths = [max(map(len, [name, *cells])) for name, cells in zip(names, columns, strict=True)]
        for line in [names, ["-" * width for width in widths], *zip(*columns, strict=True)]:
            cells = [cell.ljust(width) for cell, width in zip(line, widths, strict=True)]
            print(" | ".join(cells).rstrip())

    def explain(self) -> dict[str, str]:
        """The sections logical, physical and strategy; nothing is run."""
        return self._kernel.explain(self.sql)

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        return self.to_reader().__arrow_c_stream__(requested_schema)

    def order_by(self, *expressions: str) -> "DataFrame":
        return self._wrapped("SELECT *", f"ORDER BY {', '.join(expressions)}")

    def distinct(self) -> "DataFrame":
        return self._wrapped("SELECT DISTINCT *")

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

    def _execute(self) -> _kernel.QueryResult:
        return self._kernel.execute(self.sql, self._params or None, self._query_id)
