"""A statement's rows on the client's side."""

import importlib
import importlib.util
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.client_errors import typed_errors
from velaria.flight_server.client_shared import MappedRows
from velaria.flight_server.client_waiting import waited
from velaria.flight_server.progress_line import ProgressLine
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.sql import SqlExecuteReply

SHOWN_ROWS = 20


class Result:
    """A statement's rows, read once: as a whole by to_arrow and its kin, or batch by batch by
    iteration. Reading the whole shows its progress in a terminal or notebook when it takes long.
    """

    def __init__(
        self,
        reply: SqlExecuteReply,
        reader: flight.FlightStreamReader | MappedRows | None,
        sql: str = "",
        progress: ProgressLine | None = None,
    ) -> None:
        self.query_id = reply.query_id
        self.name = reply.name
        self.rows_affected = reply.rows_affected
        self.tag = reply.tag  # what was done, as psql says it: "CREATE TABLE", "INSERT 0 3"
        self.kind = reply.kind
        self.is_continuous = reply.kind == "stream"
        self._reader = reader
        self._is_read = False
        self._sql = sql
        self._progress = progress

    @property
    def has_rows(self) -> bool:
        return self._reader is not None

    @property
    def schema(self) -> pa.Schema:
        with typed_errors(self._sql):
            rows = self._rows()
            return waited(lambda: rows.schema, rows.cancel)

    def to_arrow(self) -> pa.Table:
        with typed_errors(self._sql), self._shown():
            rows = self._unread_rows()
            return waited(rows.read_all, rows.cancel)

    def to_rows(self) -> list[tuple[Any, ...]]:
        columns = [column.to_pylist() for column in self.to_arrow().columns]
        return list(zip(*columns, strict=True))

    def to_pandas(self) -> Any:
        """A pandas DataFrame. VEL1008 without pandas; the rows are then still to be read."""
        _need("pandas", "to_pandas")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> Any:
        """A Polars DataFrame. VEL1008 without Polars; the rows are then still to be read."""
        _need("polars", "to_polars")
        return importlib.import_module("polars").from_arrow(self.to_arrow())

    def show(self, row_count: int = SHOWN_ROWS) -> None:
        """Print the first rows as a table; the others are not read, and their query ends."""
        from velaria.flight_server.commands.output import print_table

        schema, parts, left = self.schema, [], row_count + 1
        for batch in self:
            parts.append(batch.slice(0, left))
            left -= parts[-1].num_rows
            if left == 0:
                self.cancel()
                break
        table = pa.Table.from_batches(parts, schema)
        print_table(table.slice(0, row_count))
        if table.num_rows > row_count:
            print("There are more; to_arrow() reads all.")

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with typed_errors(self._sql):
            rows = self._unread_rows()
            chunks = iter(rows)
            while (chunk := waited(lambda: next(chunks, None), rows.cancel)) is not None:
                if chunk.data is not None:
                    yield chunk.data

    def cancel(self) -> None:
        self._rows().cancel()

    def _shown(self) -> AbstractContextManager[Any]:
        return self._progress or nullcontext()

    def _unread_rows(self) -> flight.FlightStreamReader | MappedRows:
        reader = self._rows()
        if self._is_read:
            raise VelariaError(
                codes.QUERY_STATE,
                f"the rows of the result have been read; query: {self.query_id}",
                hint="Keep what to_arrow gave, or run the statement again.",
            )
        self._is_read = True
        return reader

    def _rows(self) -> flight.FlightStreamReader | MappedRows:
        if self._reader is None:
            raise VelariaError(
                codes.QUERY_STATE,
                f"the statement returned no rows; rows affected: {self.rows_affected}",
                hint="The result's rows_affected tells what it did; rows come of a SELECT.",
            )
        return self._reader


def _need(package: str, method: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            f"{method} needs a package that is not installed: {package}",
            hint=f"Install it by `pip install {package}`, or use to_arrow.",
        )
