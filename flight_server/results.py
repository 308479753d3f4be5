"""Rows on their way out: the kernel's reader as it is, or emissions of a continuous query."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import msgspec
import pyarrow as pa

from velaria._kernel import QueryResult, Subscription
from velaria.flight_server import call_context
from velaria.flight_server.errors import boundary
from velaria.flight_server.plain_types import plain_schema
from velaria.flight_server.pulling import pulled
from velaria.schemas.batch_metadata import EmissionMetadata
from velaria.schemas.errors import VelariaError

HEARTBEAT_INTERVAL_S = 5.0
_NEXT_TIMEOUT_MS = 500

ROWS_AFFECTED = pa.schema([pa.field("rows_affected", pa.int64())])


def rows_affected_table(rows_affected: int | None) -> pa.Table:
    """The small reply of a statement that returns no rows."""
    return pa.table([pa.array([rows_affected], pa.int64())], schema=ROWS_AFFECTED)


Part = tuple[pa.RecordBatch, bytes | None]
"""A batch on its way out and its app_metadata."""


class RowStream:
    """What DoGet sends of rows at hand: the native front reads `source` without Python."""

    def __init__(
        self, source: pa.RecordBatchReader | pa.Table, options: pa.ipc.IpcWriteOptions | None = None
    ) -> None:
        self.source = source
        self.options = options

    def parts(self) -> Iterator[Part]:
        """Each batch, with no metadata."""
        source = self.source
        batches = source.to_batches() if isinstance(source, pa.Table) else source
        return ((batch, None) for batch in batches)

    @property
    def schema(self) -> pa.Schema:
        return self.source.schema


Crossing = Callable[[], AbstractContextManager[None]]
"""A boundary by which failures leave."""


class ResultStream(RowStream):
    """The kernel's reader of a result as it is, whose failure leaves by `crossing`; `told` is what
    is told of it."""

    def __init__(
        self,
        result: QueryResult,
        told: Callable[[BaseException], VelariaError],
        crossing: Crossing,
        options: pa.ipc.IpcWriteOptions | None = None,
    ) -> None:
        super().__init__(result.reader(), options)
        self._result = result
        self._told = told
        self._crossing = crossing

    def parts(self) -> Iterator[Part]:
        """A failure leaves as `failure` says it."""
        with self._crossing():
            try:
                for batch in pulled(self._result, self.source):
                    yield batch, None
            except Exception as fault:
                raise self._told(fault) from fault

    def failure(self) -> Exception:
        """What the failure of the reader, which the native front has met, ends the call with."""
        try:
            with self._crossing():
                raise self._told(self._result.failure() or RuntimeError(self._result.state))
        except Exception as leaving:  # noqa: BLE001 (the crossing's, which is handed on)
            return leaving


class BatchStream:
    """What DoGet sends of an iterator, which raises Flight errors."""

    def __init__(
        self,
        schema: pa.Schema,
        parts: Iterator[Part],
        options: pa.ipc.IpcWriteOptions | None = None,
    ) -> None:
        self.schema = schema
        self.options = options
        self._parts = parts

    def parts(self) -> Iterator[Part]:
        """The iterator: once."""
        return self._parts


DataStream = RowStream | BatchStream
"""What a DoGet of any front sends."""


class Emissions:
    """The batches of one subscriber, each with its EmissionMetadata, then one empty batch of kind
    end. They have no dictionaries: what a stream emits has new ones again and again.

    Heartbeats keep an idle call alive for proxies and show the client that the query still runs.
    `refuse` is called before each emission and raises when the subscriber may have no more.
    `close` may come from the watcher, from the end of the call and from the generator: it runs
    once.
    """

    def __init__(
        self,
        subscription: Subscription,
        query_id: str,
        refuse: Callable[[], None],
        on_close: Callable[[], None] | None = None,
    ) -> None:
        self.subscription = subscription
        self.schema = plain_schema(subscription.schema)
        self._query_id = query_id
        self._refuse = refuse
        self._on_close = on_close
        self._facts = call_context.current()
        self._lock = threading.Lock()
        self._is_closed = False

    def stream(self) -> BatchStream:
        return BatchStream(self.schema, self._batches())

    def close(self) -> None:
        with self._lock:
            if self._is_closed:
                return
            self._is_closed = True
        self.subscription.close()
        if self._on_close is not None:
            self._on_close()

    def _batches(self) -> Iterator[tuple[pa.RecordBatch, bytes]]:
        empty = pa.RecordBatch.from_pylist([], schema=self.schema)
        index = 0
        sent_s = time.monotonic()
        try:
            with boundary(self._facts):
                for batch in self._arrivals():
                    if batch is not None:
                        yield self._plain(batch), self._metadata("data", index)
                        index += 1
                        sent_s = time.monotonic()
                    elif time.monotonic() - sent_s >= HEARTBEAT_INTERVAL_S:
                        yield empty, self._metadata("heartbeat", index)
                        sent_s = time.monotonic()
                yield empty, self._metadata("end", index)
        finally:
            self.close()

    def _arrivals(self) -> Iterator[pa.RecordBatch | None]:
        while not self._is_closed:
            self._refuse()
            try:
                batch = self.subscription.next(_NEXT_TIMEOUT_MS)
            except StopIteration:
                return
            yield batch

    def _plain(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        return batch if batch.schema.equals(self.schema) else batch.cast(self.schema)

    def _metadata(self, kind: str, index: int) -> bytes:
        return msgspec.msgpack.encode(
            EmissionMetadata(query_id=self._query_id, kind=kind, emission_index=index)
        )
