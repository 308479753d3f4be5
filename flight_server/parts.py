"""One result read by several readers at once: the endpoints of a FlightInfo that was asked for with
`parallel`.

The query runs once. Each reader takes the next batch when it wants one, so nothing is kept between
them: a slow reader takes fewer, one that never comes takes none and holds nobody up, and one that
comes when all is handed out finds no rows. Each endpoint is read once. What a reader that breaks
off had taken is lost to its client, which asks anew; when it was the only one left the query ends,
and the other endpoints say so.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pyarrow as pa

from velaria._kernel import QueryResult
from velaria.flight_server.limits.watched import WatchedClient
from velaria.flight_server.queries import TrackedQuery
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

READINGS_KEPT_MAX = 10_000


@dataclass(frozen=True)
class Started:
    """A query at work. `batches` raises coded errors only; `close` is called once it is over."""

    tracked: TrackedQuery
    result: QueryResult
    batches: Iterator[pa.RecordBatch]
    close: Callable[[], object]


class PartedReading:
    """The readers' shared side of one query. Started by the first of them; once the query is over,
    only how it ended is kept."""

    def __init__(self) -> None:
        self.schema: pa.Schema | None = None
        self._lock = threading.Lock()  # over the state
        self._starting = threading.Lock()  # held while one reader starts the query
        self._turn = threading.Lock()  # held while one reader waits for the next batch
        self._taken: set[int] = set()
        self._reading: set[int] = set()
        self._gone: set[int] = set()  # of them, those whose call has not noticed yet
        self._started: Started | None = None
        self._fault: VelariaError | None = None  # made anew
        self._is_over = False

    def enter(self, part: int, start: Callable[[], Started]) -> None:
        """VEL1005 when the part was read before; the query's own fault when it cannot start, which
        the next reader then tries. `start` may wait long, so only those that read wait for it, and
        nobody here for the next batch, which may be long in coming."""
        with self._starting:
            self._refuse(part)
            with self._lock:
                is_first = self._started is None and not self._is_over
            if is_first:
                started = start()
                with self._lock:
                    self._started, self.schema = started, started.result.schema
            with self._lock:
                self._taken.add(part)
                self._reading.add(part)

    def batches(self, reader: WatchedClient) -> Iterator[pa.RecordBatch]:
        """This reader's share. All readers get the query's failure."""
        while (batch := self._next()) is not None:
            reader.waits()
            yield batch
            reader.moved()
            reader.refuse_when_given_up()

    def _next(self) -> pa.RecordBatch | None:
        with self._turn:
            if self._fault is not None:
                raise self._fault.anew()
            started = self._started
            if started is None:
                return None
            try:
                batch = next(started.batches, None)
            except Exception as fault:
                self._fault = started.tracked.fail(fault, started.result.row_count)
                self._end(started)
                raise self._fault.anew() from fault
            if batch is None:
                self._end(started, started.tracked.finish)
            return batch

    def break_off(self, part: int, reason: VelariaError | None = None) -> None:
        """A reader's client has gone, while its call may still wait for a batch; or it does not
        read, for that reason. When it was the last that reads the query ends now."""
        with self._lock:
            self._gone.add(part)
            started = self._started
            if started is None or not self._is_read_by_none():
                return
        if reason is None:
            started.tracked.ask_cancel()
        else:
            started.tracked.give_up(reason)

    def leave(self, part: int) -> None:
        """A reader's call has ended; the query ends with the last that reads, if there are rows
        left."""
        with self._lock:
            self._reading.discard(part)
            self._gone.discard(part)
            started = self._started
            if started is None:
                return
            is_last = not self._reading
            if is_last:
                self._fault = VelariaError(
                    codes.CANCELLED, "the query was cancelled: its reader broke off"
                )
            is_unread = is_last or self._is_read_by_none()
        if is_unread:
            started.tracked.ask_cancel()
        if is_last:
            self._end(started, started.tracked.cancel)

    def _is_read_by_none(self) -> bool:
        """Under the lock: whether those whose calls have not ended have all gone."""
        return bool(self._reading) and self._reading <= self._gone

    def _refuse(self, part: int) -> None:
        with self._lock:
            if part in self._taken:
                raise VelariaError(
                    codes.BAD_TICKET,
                    f"the endpoint was read before: {part}",
                    hint="Ask GetFlightInfo for new endpoints to run the statement again.",
                )
            if self._fault is not None:
                raise self._fault.anew()

    def _end(self, started: Started, tell: Callable[[int], object] = lambda rows: None) -> None:
        """`tell` records how the query has ended, of which the first to come has the say."""
        with self._lock:
            if self._is_over:
                return
            self._is_over, self._started = True, None
        tell(started.result.row_count)
        started.close()


class PartBook:
    """Readings by the query id of their tickets; past a bound the oldest are forgotten, and their
    tickets refused."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._readings: OrderedDict[str, PartedReading] = OrderedDict()

    def promise(self, query_id: str) -> None:
        with self._lock:
            self._readings[query_id] = PartedReading()
            while len(self._readings) > READINGS_KEPT_MAX:
                self._readings.popitem(last=False)

    def find(self, query_id: str) -> PartedReading:
        with self._lock:
            reading = self._readings.get(query_id)
        if reading is None:
            raise VelariaError(
                codes.BAD_TICKET, f"the endpoints' result is no longer known: {query_id}"
            )
        return reading
