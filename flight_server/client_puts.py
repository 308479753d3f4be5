"""Rows on their way to a server: what may be put, and how a put that broke off goes on.

Each try has an id, by which the server tells afterwards how many of its rows are in the table: so
the next try sends the rest, and no row comes twice. That holds while one server lives. When another
has taken its place nothing is known, and an append is given up.
"""

import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import pyarrow as pa

from velaria import _kernel
from velaria.flight_server.local_files import open_file
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.session import ArrowData, as_reader

PutData: TypeAlias = "ArrowData | str | os.PathLike[str]"

_STREAM = "__arrow_c_stream__"
_ARROW_HINT = (
    "Give a table, batches, a reader, or anything else with an Arrow stream (pandas, Polars), each"
    " of whose columns has values of one type."
)

PUT_TRIES = 4
FIRST_PAUSE_S = 0.1
ENDED_WAIT_S = 10.0


class PutSource:
    """What is put, as a reader for each try. `is_lasting`: there can be a second one; `row_count`
    when that is known before."""

    def __init__(self, data: PutData, target: Callable[[], pa.Schema | None]) -> None:
        self._open, self.is_lasting = _opener(data, target)
        self.row_count = data.num_rows if isinstance(data, pa.Table | pa.RecordBatch) else None

    def reader(self, skipped: int = 0) -> pa.RecordBatchReader:
        """All rows but the first `skipped`."""
        reader = self._open()
        if skipped == 0:
            return reader
        return pa.RecordBatchReader.from_batches(reader.schema, _rest(reader, skipped))


def _opener(
    data: PutData, target: Callable[[], pa.Schema | None]
) -> tuple[Callable[[], pa.RecordBatchReader], bool]:
    if isinstance(data, str | os.PathLike):
        session, path = _kernel.Session(), Path(data)
        return lambda: open_file(session, path, target()), True
    if isinstance(data, pa.RecordBatchReader) or not (
        hasattr(data, _STREAM) or isinstance(data, list | tuple | pa.RecordBatch)
    ):
        reader = as_arrow(data)
        return lambda: reader, False
    return lambda: as_arrow(data), True


def as_arrow(data: ArrowData) -> pa.RecordBatchReader:
    """Any Arrow data as one reader. VEL1001 for what is none; what a generator fails with passes
    as it is."""
    kept = list(data) if isinstance(data, Iterator) and not hasattr(data, _STREAM) else data
    try:
        return as_reader(kept)
    except (TypeError, ValueError, pa.ArrowException) as fault:
        is_lazy = callable(getattr(data, "collect", None))
        raise VelariaError(
            codes.BAD_REQUEST,
            f"not Arrow data: {type(data).__name__}",
            detail="; ".join(str(part) for part in fault.args),
            hint="Call its collect() first." if is_lazy else _ARROW_HINT,
        ) from fault


def _rest(batches: Iterable[pa.RecordBatch], skipped: int) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        if skipped < batch.num_rows:
            yield batch.slice(skipped)
        skipped = max(0, skipped - batch.num_rows)


class PutBook(Protocol):
    """What a put needs of its client."""

    def action(self, name: str, /, **fields: Any) -> dict[str, Any]: ...
    def send(
        self,
        reader: pa.RecordBatchReader,
        table: str,
        mode: str,
        query_id: str,
        row_count: int | None = None,
    ) -> int: ...
    def table_schema(self, table: str) -> pa.Schema | None: ...
    def server_pid(self, *, ask_again: bool = False) -> int: ...


def put_all(client: PutBook, source: PutSource, table: str, mode: str) -> int:
    """The rows that the put brought in, over all its tries.

    A try is repeated when its error says that a later one may do, the data can be read again, and
    it is known what the try left: a replaced table is whole or the old one, whatever happened.
    """
    server = client.server_pid()
    landed = 0
    for pause_s in [*(FIRST_PAUSE_S * 4**n for n in range(PUT_TRIES - 1)), None]:
        query_id = f"put-{secrets.token_hex(8)}"
        try:
            left_rows = None if source.row_count is None else source.row_count - landed
            reader = source.reader(landed)
            return landed + client.send(reader, table, mode, query_id, left_rows)
        except VelariaError as error:
            if error.retry != "later" or pause_s is None or not source.is_lasting:
                raise
            time.sleep(pause_s)
            left = _left_by(client, query_id, server, is_replaced=mode == "replace")
            if left is None:
                raise
        if left.is_whole:
            return landed + left.row_count
        landed += left.row_count
        if mode == "create" and client.table_schema(table) is not None:
            mode = "append"  # the try got as far as making it
    raise AssertionError("the last try returns or raises")


@dataclass(frozen=True)
class _Left:
    """What a try that failed left in the table."""

    row_count: int
    is_whole: bool = False


def _left_by(client: PutBook, query_id: str, server: int, *, is_replaced: bool) -> _Left | None:
    """None when that cannot be known: nobody answers, or another server does."""
    with suppress(VelariaError):
        if client.server_pid(ask_again=True) != server:
            return _Left(0) if is_replaced else None
        deadline_s = time.monotonic() + ENDED_WAIT_S
        while time.monotonic() < deadline_s:
            told = _told(client, query_id)
            if told is None:
                return _Left(0)
            if told["state"] in ("finished", "succeeded"):
                return _Left(told.get("row_count", 0), is_whole=True)
            if told["state"] != "running":
                return _Left(0 if is_replaced else told.get("row_count", 0))
            time.sleep(FIRST_PAUSE_S)
    return None


def _told(client: PutBook, query_id: str) -> dict[str, Any] | None:
    """State and rows of a try: from the queries that the server keeps, or from its run history,
    which remembers longer. None: it has not come to the server."""
    try:
        return client.action("query.progress", query_id=query_id)
    except VelariaError as error:
        if error.code != codes.UNKNOWN_QUERY:
            raise
    try:
        run = client.action("run.get", run_id=query_id)["run"]
    except VelariaError as error:
        if error.code != codes.UNKNOWN_QUERY:
            raise
        return None
    return {"state": run["state"], "row_count": run["rows"] or 0}
