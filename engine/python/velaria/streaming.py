"""Streams in process: a StreamingDataFrame is an unbounded SELECT, a StreamingQuery runs one."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import pyarrow as pa

from velaria import _kernel
from velaria.frame import Frame
from velaria.sql_text import quoted_name

_POLL_MS = 500


class StreamingQuery:
    """A streaming query of the kernel. It goes on when the handle is dropped; stop() ends it."""

    def __init__(
        self,
        kernel: _kernel.Connection,
        sql: str,
        name: str | None = None,
        options: Mapping[str, Any] | None = None,
        params: Sequence[Any] | None = None,
    ) -> None:
        not_yet = {**(options or {}), "start": False}
        self._query = kernel.start_stream(sql, name, not_yet, parameters=params)
        self.sql = sql

    @property
    def status(self) -> str:
        return self._query.status

    @property
    def query_id(self) -> str:
        return self._query.query_id

    @property
    def name(self) -> str:
        return self._query.name

    def start(self) -> Self:
        """Start the query; one that was started stays as it is."""
        self._query.start()
        return self

    def await_termination(self, timeout_ms: int | None = None) -> bool:
        """Wait for the end of the query; False when the time was over first."""
        return self._query.await_termination(timeout_ms)

    def stop(self, mode: str = "drain") -> dict[str, Any]:
        """End the query, by default after what has come in; its last progress."""
        return self._query.stop(mode)

    def progress(self) -> dict[str, Any]:
        return self._query.progress()

    def snapshot_json(self) -> str:
        """The progress as JSON text."""
        return self._query.snapshot_json()

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The batches emitted from now on, until the query ends; starts it when it is new."""
        subscription = self._query.subscribe()
        self._query.start()
        try:
            while True:
                try:
                    batch = subscription.next(_POLL_MS)
                except StopIteration:
                    return
                if batch is not None:
                    yield batch
        finally:
            subscription.close()


class StreamingDataFrame(Frame):
    """An unbounded SELECT that has not been started."""

    def window(
        self, time: str, every_ms: int, name: str, slide_ms: int | None = None
    ) -> "StreamingDataFrame":
        """Adds the start of the window each row falls into; with `slide_ms` a row per window."""
        slide = "" if slide_ms is None else f" SLIDE {int(slide_ms)}"
        by = f"WINDOW BY {quoted_name(time)} EVERY {int(every_ms)}{slide} AS {quoted_name(name)}"
        return self._wrapped("SELECT *", by)

    def group_count(self, keys: Sequence[str], name: str = "count") -> "StreamingDataFrame":
        """Rows per group, emitted anew for the groups each batch touched."""
        return self._grouped(keys, f"count(*) AS {quoted_name(name)}")

    def group_sum(
        self, keys: Sequence[str], column: str, name: str = "sum"
    ) -> "StreamingDataFrame":
        """A column's sum per group, emitted anew for the groups each batch touched."""
        return self._grouped(keys, f"sum({quoted_name(column)}) AS {quoted_name(name)}")

    def explain(self) -> dict[str, str]:
        """The sections logical, physical and strategy; nothing is started."""
        return self._kernel.explain_stream(self.sql)

    def query(
        self, name: str | None = None, options: Mapping[str, Any] | None = None
    ) -> StreamingQuery:
        """A query over this stream, not started yet."""
        return StreamingQuery(self._kernel, self.sql, name, options, self._params or None)

    def _grouped(self, keys: Sequence[str], aggregate: str) -> "StreamingDataFrame":
        return self.aggregate([quoted_name(key) for key in keys], aggregate)
