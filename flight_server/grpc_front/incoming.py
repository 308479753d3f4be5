"""Batches on their way in: FlightData as the reader that DoPut and DoExchange are
handed.

The IPC stream reader of pyarrow does the reading. It is given a file whose bytes are the messages
as they come: header and body are handed over as views, and nothing is asked of gRPC before it is
needed, so that a handler that does not read holds the client back.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import grpc
import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.errors import scrubbed, to_flight_error
from velaria.flight_server.grpc_front.wire import FlightData, parse_flight_data
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

_CONTINUATION = 0xFFFFFFFF


def next_message(requests: Iterator[bytes]) -> bytes | None:
    """None at the end. VEL3010 when the client went away, as a Flight error, like pyarrow's reader.

    grpcio says first that no more messages come and then, of a client that was killed, that it has
    cancelled. Who asks a second time is answered after both.
    """
    try:
        message = next(requests, None)
        return next(requests, None) if message is None else message
    except grpc.RpcError:
        gone = VelariaError(codes.CANCELLED, "the client went away in the middle")
        raise to_flight_error(gone) from None


@dataclass(frozen=True)
class Chunk:
    """What read_chunk gives: a batch, metadata, or both."""

    data: pa.RecordBatch | None
    app_metadata: pa.Buffer | None


class Incoming:
    """The messages of one call, in their order."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests
        self._descriptor: memoryview | None = None

    def first_descriptor(self) -> tuple[flight.FlightDescriptor, FlightData]:
        """The first message and what it says the call is about. VEL1001 without one."""
        data = self.next()
        if data is None or data.descriptor is None:
            raise VelariaError(
                codes.BAD_REQUEST,
                "the first message has no descriptor",
                hint="Send the descriptor with the schema, in the first FlightData.",
            )
        self._descriptor = data.descriptor
        try:
            return flight.FlightDescriptor.deserialize(bytes(data.descriptor)), data
        except (pa.ArrowException, ValueError) as fault:
            raise VelariaError(
                codes.BAD_REQUEST, f"the descriptor cannot be read: {scrubbed(str(fault))}"
            ) from None

    def next(self) -> FlightData | None:
        """The next message; None at the end. VEL3010 when the client went away."""
        raw = next_message(self._requests)
        if raw is None:
            return None
        data = parse_flight_data(raw)
        if None not in (data.descriptor, self._descriptor) and data.descriptor != self._descriptor:
            raise VelariaError(codes.BAD_REQUEST, "a later message has another descriptor")
        return data


class WireReader:
    """Twin of the native front's. Used by one thread at a time."""

    def __init__(self, incoming: Incoming, first: FlightData) -> None:
        self._file = _MessageFile(incoming)
        self._file.put_back(first)
        self._reader: pa.RecordBatchReader | None = None

    @property
    def schema(self) -> pa.Schema:
        """Waits for the schema. VEL4006 when something else comes, or nothing."""
        return self._started().schema

    def read_chunk(self) -> Chunk:
        """StopIteration at the end; pyarrow's errors for what cannot be decoded."""
        data = self._file.take()
        if data is None:
            raise StopIteration
        if not data.header:
            return Chunk(None, pa.py_buffer(bytes(data.metadata)) if data.metadata else None)
        self._file.put_back(data)
        if self._reader is None:
            self._started()
            return self.read_chunk()
        batch = self._reader.read_next_batch()
        metadata = self._file.last_metadata
        return Chunk(batch, pa.py_buffer(bytes(metadata)) if metadata else None)

    def __iter__(self) -> Iterator[Chunk]:
        return self

    def __next__(self) -> Chunk:
        return self.read_chunk()

    def _started(self) -> pa.RecordBatchReader:
        if self._reader is None:
            while (data := self._file.take()) is not None and not data.header:
                continue  # metadata before the schema belongs to no batch
            if data is None:
                raise VelariaError(codes.MALFORMED_BATCH, "the stream ended before its schema")
            self._file.put_back(data)
            try:
                self._reader = pa.ipc.open_stream(pa.PythonFile(self._file, mode="r"))
            except (pa.ArrowException, OSError, ValueError) as fault:
                raise VelariaError(
                    codes.MALFORMED_BATCH,
                    f"the first message with data is not a schema: {scrubbed(str(fault))}",
                ) from None
        return self._reader


class _MessageFile:
    """The messages as the bytes of an IPC stream, for pyarrow alone to read."""

    closed = False

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming
        self._held: FlightData | None = None
        self._parts: list[memoryview] = []  # of the message being read, the next one last
        self.last_metadata = memoryview(b"")

    def take(self) -> FlightData | None:
        held, self._held = self._held, None
        return held if held is not None else self._incoming.next()

    def put_back(self, data: FlightData) -> None:
        self._held = data
        self._parts = []  # a body longer than its header says is read no further

    def read(self, size: int) -> memoryview:
        """At most `size` bytes, never of two parts: pyarrow asks for each part by its length. Fewer
        are the end for pyarrow, which then says what is missing."""
        if not self._parts:
            self._parts = self._next_parts()
            if not self._parts:
                return memoryview(b"")
        part = self._parts.pop()
        if size < len(part):
            self._parts.append(part[size:])
        return part[:size]

    def close(self) -> None:
        """The messages belong to the call."""

    def readable(self) -> bool:
        return True

    def _next_parts(self) -> list[memoryview]:
        data = self.take()
        while data is not None and not data.header:
            data = self.take()
        if data is None:
            return []
        self.last_metadata = data.metadata
        # A copy, since what is read from a flatbuffer must lie at an even address.
        header = memoryview(bytes(data.header))
        start = memoryview(struct.pack("<II", _CONTINUATION, len(header)))
        return [data.body, header, start] if data.body else [header, start]
