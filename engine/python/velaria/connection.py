"""A connection: what one client has of its own over a database in this process."""

from collections.abc import Sequence
from typing import Any, Self

from velaria import _kernel
from velaria.dataframe import DataFrame


class Connection:
    """Made by Session.connect. Sees the session's tables, and beside them its own temporary ones.

    BEGIN, COMMIT, ROLLBACK and SAVEPOINT are statements like others. As a context manager it is
    closed at the end, which rolls an open transaction back.
    """

    def __init__(self, kernel: _kernel.Connection) -> None:
        self._kernel = kernel

    def sql(
        self, text: str, params: Sequence[Any] | None = None, query_id: str | None = None
    ) -> DataFrame:
        """One statement. A SELECT runs when its frame is read; anything else runs now.

        The frame of a statement without rows has one column, rows_affected. `query_id` is what
        Session.cancel knows the statement by, from another thread.
        """
        if self._kernel.describe(text, params).returns_rows:
            return DataFrame(self._kernel, text, params, query_id)
        result = self._kernel.execute(text, params, query_id)
        count = "NULL" if result.rows_affected is None else str(result.rows_affected)
        return DataFrame(self._kernel, f"SELECT CAST({count} AS BIGINT) AS rows_affected")

    def explain(self, text: str) -> dict[str, str]:
        """The sections logical, physical and strategy; nothing is run."""
        return self._kernel.explain(text)

    @property
    def in_transaction(self) -> bool:
        return self._kernel.in_transaction

    @property
    def schema(self) -> str:
        """Where names without a schema are looked up."""
        return self._kernel.schema

    def close(self) -> None:
        self._kernel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()
