"""Values as text, as CAST AS VARCHAR writes them: the kernel's rule, in the form of PostgreSQL."""

from types import TracebackType
from typing import Self

import pyarrow as pa

from velaria import _kernel


class TextCells:
    """Writes the values of any number of tables; made once for an output, and closed after it."""

    def __init__(self) -> None:
        self._session: _kernel.Session | None = None  # started by the first table

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        if self._session is not None:
            self._session.close()
            self._session = None

    def of(self, table: pa.Table) -> pa.Table:
        """The same columns, each value as its text."""
        if table.num_columns == 0:
            return table
        if self._session is None:
            self._session = _kernel.Session(threads=1)
        # By position: two columns may have one name.
        names = [f"c{index}" for index in range(table.num_columns)]
        self._session.register_arrow("shown", table.rename_columns(names), replace=True)
        texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in names)
        written = self._session.execute(f"SELECT {texts} FROM shown").read_all()
        return written.rename_columns(table.column_names)


def text_columns(table: pa.Table) -> list[list[str | None]]:
    """The texts of each column in turn; None for NULL."""
    with TextCells() as cells:
        return [column.to_pylist() for column in cells.of(table).columns]
