"""Rows on their way out: the kernel's reader as it is, or emissions of a continuous query."""

import threading
import time
from collections.abc import Callable, Iterator

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria._kernel import Subscription
from velaria.flight_server.errors import boundary
from velaria.schemas.batch_metadata import EmissionMetadata

HEARTBEAT_INTERVAL_S = 5.0
_NEXT_TIMEOUT_MS = 500

ROWS_AFFECTED = pa.schema([pa.field("rows_affected", pa.int64())])


def rows_affected_table(rows_affected: int | None) -> pa.Table:
    """The small reply of a statement that returns no rows."""
    return pa.table([pa.array([rows_affected], pa.int64())], schema=ROWS_AFFECTED)


class Emissions:
    """The batches of one subscriber, each with its EmissionMetadata, then one empty batch of kind
    end.

    Heartbeats keep an idle call alive for proxies and show the client that the query still runs.
    `close` may come from the watcher, from the end of the call and from the generator: it runs
    once.
    """

    def __init__(
        self, subscription: Subscription, query_id: str, on_close: Callable[[], None] | None = None
    ) -> None:
        self.subscription = subscription
        self.schema = subscription.schema
        self._query_id = query_id
        self._on_close = on_close
        self._lock = threading.Lock()
        self._is_closed = False

    def stream(self) -> flight.GeneratorStream:
        return flight.GeneratorStream(self.schema, self._batches())

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
            with boundary():
                for batch in self._arrivals():
                    if batch is not None:
                        yield batch, self._metadata("data", index)
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
            try:
                batch = self.subscription.next(_NEXT_TIMEOUT_MS)
            except StopIteration:
                return
            yield batch

    def _metadata(self, kind: str, index: int) -> bytes:
        return msgspec.msgpack.encode(
            EmissionMetadata(query_id=self._query_id, kind=kind, emission_index=index)
        )
