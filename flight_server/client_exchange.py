"""The client's side of a transform: gRPC takes batches as it can send them, rows come meanwhile."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.batch_cutting import message_pieces
from velaria.flight_server.client_channel import ExchangeChannel, received
from velaria.flight_server.client_errors import typed_errors
from velaria.flight_server.client_waiting import waited
from velaria.flight_server.errors import caret_of, error_text, from_reply
from velaria.flight_server.grpc_front.incoming import Incoming, WireReader
from velaria.flight_server.grpc_front.outgoing import BatchSender
from velaria.flight_server.grpc_front.wire import DESCRIPTOR, field
from velaria.schemas import errors as codes
from velaria.schemas.batch_metadata import ExchangeMetadata
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import TransformCommand

END_WAIT_S = 1.0


def exchanged(
    channel: ExchangeChannel,
    command: TransformCommand,
    data: pa.RecordBatchReader,
    headers: list[tuple[str, str]],
    timeout_s: float | None,
    message_bytes: int,
) -> pa.RecordBatchReader:
    """The transformed rows. A fault of the data itself ends the call and passes as it is; leaving
    the reader before its end cancels the query. Batches are sent in messages of `message_bytes` at
    most, but for one of a single row.
    """
    sql = command.sql
    sending = _Sending(data, command, message_bytes)
    call = channel.call(sending.messages(), headers, timeout_s)
    sending.is_part_of(call)

    @contextmanager
    def reading() -> Iterator[None]:
        """A fault of the data before the cancelling that followed it."""
        try:
            with typed_errors(sql):
                yield
        except VelariaError:
            if sending.fault is not None:
                raise sending.fault from None
            raise

    def begun() -> WireReader:
        incoming = Incoming(received(call))
        first = incoming.next()
        if first is None:
            raise VelariaError(codes.CONNECTION, "the server ended the call without an answer")
        reader = WireReader(incoming, first)
        _ = reader.schema  # waits for it
        return reader

    def rows() -> Iterator[pa.RecordBatch]:
        try:
            with reading():
                while (chunk := waited(lambda: next(answers, None), call.cancel)) is not None:
                    if chunk.data is not None:
                        yield chunk.data
                    elif chunk.app_metadata is not None:
                        is_ended = sending.end()
                        _raise_told(chunk.app_metadata.to_pybytes(), sql)
                        if not is_ended:
                            return
        finally:
            call.cancel()

    with reading():
        answers = waited(begun, call.cancel)
    return pa.RecordBatchReader.from_batches(answers.schema, rows())


class _Sending:
    """The data on its way out, by a thread of gRPC's."""

    def __init__(
        self, data: pa.RecordBatchReader, command: TransformCommand, message_bytes: int
    ) -> None:
        self.fault: Exception | None = None
        """What the data itself failed with; the call was cancelled for it."""
        self._data = data
        raw = flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command)).serialize()
        self._descriptor = field(DESCRIPTOR, raw)
        self._message_bytes = message_bytes
        self._has_call = threading.Event()
        self._call: Any = None
        self._is_over = threading.Event()
        self._is_done = threading.Event()

    def is_part_of(self, call: Any) -> None:
        self._call = call
        self._has_call.set()

    def end(self) -> bool:
        """Sends no further batch; whether that is so already: the data may be slow to tell."""
        self._is_over.set()
        return self._is_done.wait(END_WAIT_S)

    def messages(self) -> Iterator[bytes]:
        """Asked for by gRPC, which would log what is raised here."""
        try:
            yield from self._messages()
        except Exception as fault:  # noqa: BLE001 (raised by who reads the rows)
            self.fault = fault
            self._has_call.wait()
            self._call.cancel()
        finally:
            self._is_done.set()

    def _messages(self) -> Iterator[bytes]:
        made: deque[bytes] = deque()
        sender = BatchSender(made.append)
        sender.begin(self._data.schema)
        yield self._descriptor + made.popleft()
        for batch in self._data:
            for piece in message_pieces(batch, self._message_bytes):
                sender.write_batch(piece)
                while made:
                    if self._is_over.is_set():
                        return
                    yield made.popleft()


def _raise_told(metadata: bytes, sql: str) -> None:
    told = msgspec.msgpack.decode(metadata, type=ExchangeMetadata)
    if told.error is None:
        return
    error = from_reply(told.error)
    error.caret = caret_of(sql, error.line, error.column)
    error.args = (error_text(error),)
    raise error
