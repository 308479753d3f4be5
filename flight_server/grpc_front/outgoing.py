"""Messages on their way out: batches as FlightData, and what DoPut and DoExchange answer."""

import struct
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pyarrow as pa

from velaria.flight_server.grpc_front.wire import body_bytes_of, field, flight_data

Send = Callable[[bytes], None]
"""Gives gRPC one message and returns when it has been taken. VEL3010 when the client went away."""

_PREFIX_BYTES = 8


class BatchSender:
    """What a DoExchange answers, and the end of every DoGet.

    pyarrow's IPC stream writer does the writing, dictionaries included; what it writes is cut into
    messages here. A body is copied once, into the message that gRPC takes.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._file = _WrittenFile()
        self._writer: Any = None

    def begin(self, schema: pa.Schema, options: pa.ipc.IpcWriteOptions | None = None) -> None:
        """Sends the schema at once: a client waits for it before it asks for batches."""
        self._writer = pa.ipc.new_stream(
            pa.PythonFile(self._file, mode="w"), schema, options=options
        )
        self._file.skips_schema = True
        header = schema.serialize().to_pybytes()[_PREFIX_BYTES:]
        self._send(flight_data(header, (), 0))

    def write_batch(self, batch: pa.RecordBatch) -> None:
        self.write_with_metadata(batch, None)

    def write_with_metadata(self, batch: pa.RecordBatch, metadata: Any) -> None:
        """The metadata goes with the batch, not with the dictionaries before it."""
        self._writer.write_batch(batch)
        messages = list(self._file.messages())
        for index, (header, body, body_bytes) in enumerate(messages):
            is_last = index == len(messages) - 1
            self._send(flight_data(header, body, body_bytes, _bytes(metadata) if is_last else None))

    def write_metadata(self, metadata: Any) -> None:
        self._send(flight_data(b"", (), 0, _bytes(metadata)))


class ResultSender:
    """The PutResults of a DoPut."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def write(self, metadata: Any) -> None:
        self._send(field(1, _bytes(metadata)))


class _WrittenFile:
    """What pyarrow has written since it was last asked for."""

    closed = False

    def __init__(self) -> None:
        self._chunks: list[Any] = []
        self.skips_schema = False

    def write(self, chunk: Any) -> int:
        self._chunks.append(chunk)
        return len(chunk)

    def flush(self) -> None:
        """Nothing waits here."""

    def close(self) -> None:
        """The end is the call's."""

    def writable(self) -> bool:
        return True

    def messages(self) -> Iterator[tuple[bytes, list[Any], int]]:
        """Header, body and the body's size of each; a header ends where one of the writes does."""
        chunks, self._chunks = iter(self._chunks), []
        while prefix := _joined(chunks, _PREFIX_BYTES):
            (header_bytes,) = struct.unpack_from("<I", prefix, 4)
            header = prefix[_PREFIX_BYTES:]
            header += _joined(chunks, header_bytes - len(header))
            body_bytes = body_bytes_of(header)
            body = list(_until(chunks, body_bytes))
            if self.skips_schema:
                self.skips_schema = False
            else:
                yield header, body, body_bytes


def _joined(chunks: Iterable[Any], size: int) -> bytes:
    return b"".join(_until(chunks, size))


def _until(chunks: Iterable[Any], size: int) -> Iterator[Any]:
    """Whole chunks until they hold that many bytes."""
    got = 0
    while got < size:
        chunk = next(iter(chunks), None)
        if chunk is None:
            return
        got += len(chunk)
        yield chunk


def _bytes(metadata: Any) -> bytes:
    return metadata.to_pybytes() if isinstance(metadata, pa.Buffer) else bytes(metadata or b"")
