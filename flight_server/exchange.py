"""DoExchange: a SELECT over the batches that the client sends, its rows sent back meanwhile.

The query runs in a kernel session of its own, whose one relation is `input`: it sees nothing of the
server's tables and files, and nobody sees its input. What the plan can stream is streamed: a filter
hands rows on as they come, a grouping keeps its groups, a sort keeps all. Between client and query
stand a few batches at most, so a client has to read while it writes.

The call's own thread reads and another one writes, and both have ended before the call does: gRPC's
stream must not be touched afterwards. So when the query ends first, the client is told by metadata,
and what it still sends is thrown away until it ends its side or goes.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria import _kernel
from velaria.flight_server.calls import Call
from velaria.flight_server.errors import as_velaria_error, scrubbed
from velaria.flight_server.forms import parse_descriptor
from velaria.flight_server.ingest import next_schema
from velaria.flight_server.limits.watched import WatchedPut, WatchedStatement
from velaria.flight_server.pulling import pulled
from velaria.flight_server.queries import TrackedQuery
from velaria.flight_server.result_batches import asked_schema, cut, write_options
from velaria.flight_server.service import Service
from velaria.flight_server.wire_ends import BatchWriter, ChunkReader
from velaria.schemas import errors as codes
from velaria.schemas.batch_metadata import ExchangeMetadata
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import TransformCommand

BATCHES_AHEAD_MAX = 4
TRANSFORM_MEMORY_BYTES = 1 << 30
"""Most that one transform's query may keep."""

_INPUT_VIEW = "CREATE VIEW input AS SELECT * FROM system.input"


class InputFeed:
    """The client's batches on their way into the query. One side puts, the other takes; `close`
    from any thread ends both."""

    def __init__(self, schema: pa.Schema) -> None:
        self.schema = schema
        self.fault: VelariaError | None = None
        self._batches: deque[pa.RecordBatch] = deque()
        self._changed = threading.Condition()
        self._is_opened = False
        self._is_ended = False
        self._is_closed = False

    def open(self) -> pa.RecordBatchReader:
        """For the query's scan; VEL1001 at a second one, since nothing is kept."""
        if self._is_opened:
            raise VelariaError(
                codes.BAD_REQUEST,
                "a transform reads its input once",
                hint="Name input at one place of the statement, or put the rows to a table.",
            )
        self._is_opened = True
        return pa.RecordBatchReader.from_batches(self.schema, self._taken())

    def put(self, batch: pa.RecordBatch) -> None:
        """Waits while the query has enough; does nothing when it is over."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_closed or len(self._batches) < BATCHES_AHEAD_MAX
            )
            if not self._is_closed:
                self._batches.append(batch)
                self._changed.notify_all()

    def end(self, fault: VelariaError | None = None) -> None:
        """No more will come; with a fault the query must not take it for all."""
        with self._changed:
            self.fault = self.fault or (fault and fault.anew())
            self._is_ended = True
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            self._batches.clear()
            self._changed.notify_all()

    def is_wanted(self) -> bool:
        """Whether the query is still at work on it."""
        with self._changed:
            return not self._is_closed and self.fault is None

    def _taken(self) -> Iterator[pa.RecordBatch]:
        while True:
            with self._changed:
                self._changed.wait_for(
                    lambda: bool(self._batches) or self._is_ended or self._is_closed
                )
                if not self._batches:
                    if self.fault is not None or self._is_closed:
                        raise OSError("the input broke off")
                    return
                batch = self._batches.popleft()
                self._changed.notify_all()
            yield batch


def command_of(descriptor: flight.FlightDescriptor) -> TransformCommand:
    if descriptor.descriptor_type != flight.DescriptorType.PATH:
        command = parse_descriptor(descriptor.command or b"")
        if isinstance(command, TransformCommand):
            return command
    raise VelariaError(
        codes.BAD_REQUEST,
        "a DoExchange is started by a command of type transform",
        hint="Use DoPut to write and DoGet to read.",
    )


@dataclass(frozen=True)
class _Exchange:
    """One call with its two sides; `put` watches what the client sends."""

    service: Service
    call: Call
    command: TransformCommand
    reader: ChunkReader
    writer: BatchWriter
    tracked: TrackedQuery
    put: WatchedPut


def transform(
    service: Service,
    call: Call,
    descriptor: flight.FlightDescriptor,
    reader: ChunkReader,
    writer: BatchWriter,
) -> None:
    """VEL5002, VEL3011, VEL3015 and VEL5009 as for a DoPut and a SELECT."""
    command = command_of(descriptor)
    with service.promised(command.query_id) as query_id:
        tracked = service.queries.start(query_id, "query", command.sql)
    try:
        service.limits.check_statement(command.sql)
        with service.limits.put(call, tracked) as put, _own_session(service) as session:
            exchange = _Exchange(service, call, command, reader, writer, tracked, put)
            feed = InputFeed(_input_schema(exchange))
            with tracked.cancelled_with(feed.close):
                row_count = _run(exchange, session, feed)
    except Exception as fault:
        raise tracked.fail(fault, tracked.row_count) from fault
    tracked.finish(row_count)


def _input_schema(exchange: _Exchange) -> pa.Schema:
    """VEL4006 when the client sends none that can be read."""
    try:
        return next_schema(exchange.reader, exchange.call, exchange.put)
    except (pa.ArrowException, OSError) as fault:
        raise _broken(fault) from fault


@contextmanager
def _own_session(service: Service) -> Iterator[_kernel.Session]:
    asked: int = service.options.get("limits.query_memory_bytes")
    session = _kernel.Session(
        allowed_roots=[],
        memory_limit_bytes=min(asked or TRANSFORM_MEMORY_BYTES, TRANSFORM_MEMORY_BYTES),
    )
    try:
        yield session
    finally:
        session.close()


def _started(
    session: _kernel.Session, command: TransformCommand, query_id: str, feed: InputFeed
) -> _kernel.QueryResult:
    session.register_system_table("input", feed.schema, feed.open)
    session.execute(_INPUT_VIEW)
    info = session.describe(command.sql, command.params)
    if info.kind != "query" or info.writes:
        raise VelariaError(
            codes.BAD_REQUEST, f"a transform is a SELECT over input; the statement is: {info.kind}"
        )
    return session.execute(command.sql, command.params, query_id)


def _run(exchange: _Exchange, session: _kernel.Session, feed: InputFeed) -> int:
    """The rows sent, when both sides have ended well.

    The statement has a turn while it starts. Then the client's batches pace it, until it has all of
    them: for what it works out from there on until it has rows to send it has a turn again.
    """
    limits, call, tracked = exchange.service.limits, exchange.call, exchange.tracked
    watched = limits.statement(call, tracked)
    tracked.refuse_when_cancelled()
    result = _started(session, exchange.command, tracked.query_id, feed)
    tracked.follow(result)
    watched.leave_place()
    outcome: list[VelariaError | None] = []

    def write() -> None:
        error: VelariaError | None = None
        try:
            _write_rows(exchange, result, watched)
        except Exception as fault:  # noqa: BLE001 (raised by the call's thread)
            error = tracked.reason or feed.fault or as_velaria_error(fault)
        watched.leave_place()
        outcome.append(error)
        feed.close()
        told = ExchangeMetadata(
            query_id=tracked.query_id,
            kind="error" if error else "end",
            row_count=result.row_count,
            error=error.reply() if error else None,
        )
        with suppress(pa.ArrowException, OSError, VelariaError):  # the client has gone
            exchange.writer.write_metadata(msgspec.msgpack.encode(told))

    writing = threading.Thread(target=write, name=f"transform-{tracked.query_id}", daemon=True)
    writing.start()
    _read_input(exchange, feed, lambda: limits.again(call, tracked, watched))
    writing.join()
    # Anew: an error that was raised keeps this frame, which must not keep it in turn.
    if (error := outcome.pop()) is not None:
        raise error.anew()
    return result.row_count


def _write_rows(
    exchange: _Exchange, result: _kernel.QueryResult, watched: WatchedStatement
) -> None:
    assert result.schema is not None
    limits, command = exchange.service.limits, exchange.command
    client = limits.reader(exchange.call, exchange.tracked.give_up)
    meter = limits.meter(exchange.tracked, watched)
    schema = asked_schema(result.schema, command)
    with _sending():
        exchange.writer.begin(schema, write_options(command))
    for batch in pulled(result):
        meter.count(batch)
        for piece in cut(batch if schema is result.schema else batch.cast(schema), command):
            watched.leave_place()
            client.waits()
            with _sending():
                exchange.writer.write_batch(piece)
            client.moved()
            exchange.put.lives()


@contextmanager
def _sending() -> Iterator[None]:
    """VEL3010 when the client is not there any more."""
    try:
        yield
    except (OSError, pa.ArrowCancelled) as fault:
        raise VelariaError(codes.CANCELLED, "the client went away in the middle") from fault


def _read_input(exchange: _Exchange, feed: InputFeed, take_turn: Callable[[], object]) -> None:
    """To the client's end of its side, whatever becomes of the query meanwhile. `take_turn` comes
    before the query learns that it has all."""
    while True:
        try:
            exchange.put.waits()
            batch = exchange.reader.read_chunk().data
            exchange.put.moved()
            if batch is None:
                continue
            if feed.fault is None:
                exchange.tracked.refuse_when_cancelled()
                exchange.call.refuse_when_unknown()
                exchange.service.limits.memory.refuse_when_high("rows")
                _kernel.validate_batch(batch)
                feed.put(batch)
        except StopIteration:
            exchange.put.moved()
            _end_input(feed, take_turn)
            return
        except (pa.ArrowException, OSError) as fault:
            exchange.put.moved()
            feed.end(_broken(fault))
            return
        except Exception as fault:  # noqa: BLE001 (the query fails with it; what else comes is lost)
            feed.end(as_velaria_error(fault))


def _end_input(feed: InputFeed, take_turn: Callable[[], object]) -> None:
    try:
        if feed.is_wanted():
            take_turn()
    except VelariaError as fault:
        feed.end(fault)
    else:
        feed.end()


def _broken(fault: Exception) -> VelariaError:
    return VelariaError(
        codes.MALFORMED_BATCH, f"the batch cannot be decoded: {scrubbed(str(fault))}"
    )
