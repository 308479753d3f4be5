"""The wire with nothing behind it: a pyarrow Flight server over one table, and a raw socket.

    python -m bench.bare_server BYTES [BATCH_BYTES]

DoGet gives `bench.data.numbers(BYTES, BATCH_BYTES)`. DoPut reads batches and drops them, or, by the
path `keep`, keeps them until the action `drop`. Over the raw socket the client says G to be sent as
many bytes, or P and then sends them; either way the end is closing.
"""

import json
import socket
import sys
import threading

import pyarrow as pa
import pyarrow.flight as flight

from bench.data import numbers

CHUNK_BYTES = 2 << 20
KEEP = b"keep"
ECHO = "echo"


class BareFlightServer(flight.FlightServerBase):
    def __init__(self, table: pa.Table) -> None:
        super().__init__("grpc://127.0.0.1:0")
        self._table = table
        self._kept: list[pa.RecordBatch] = []

    def do_get(
        self, context: flight.ServerCallContext, ticket: flight.Ticket
    ) -> flight.RecordBatchStream:
        return flight.RecordBatchStream(self._table)

    def do_put(
        self,
        context: flight.ServerCallContext,
        descriptor: flight.FlightDescriptor,
        reader: flight.MetadataRecordBatchReader,
        writer: flight.FlightMetadataWriter,
    ) -> None:
        keeps = descriptor.path == [KEEP]
        for chunk in reader:
            if keeps:
                self._kept.append(chunk.data)

    def do_action(
        self, context: flight.ServerCallContext, action: flight.Action
    ) -> list[flight.Result]:
        """`echo` answers with its body; any other gives up what was kept, and answers nothing."""
        if action.type == ECHO:
            return [flight.Result(action.body)]
        self._kept.clear()
        return []


def serve_raw(listener: socket.socket, byte_count: int) -> None:
    """One connection after the other, for ever; the thread ends with the process."""
    while True:
        connection, _ = listener.accept()
        with connection:
            if connection.recv(1) == b"G":
                send_bytes(connection, byte_count)
            else:
                receive_all(connection)
                connection.sendall(b".")


def send_bytes(connection: socket.socket, byte_count: int) -> None:
    chunk = memoryview(bytes(CHUNK_BYTES))
    for start in range(0, byte_count, CHUNK_BYTES):
        connection.sendall(chunk[: min(CHUNK_BYTES, byte_count - start)])


def receive_all(connection: socket.socket) -> int:
    """Read to the end; the number of bytes."""
    buffer = bytearray(CHUNK_BYTES)
    total = 0
    while received := connection.recv_into(buffer):
        total += received
    return total


def main(arguments: list[str]) -> None:
    byte_count, *batch_bytes = map(int, arguments)
    server = BareFlightServer(numbers(byte_count, *batch_bytes))
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve_raw, args=(listener, byte_count), daemon=True).start()
    ready = {"flight": [f"grpc://127.0.0.1:{server.port}"], "raw": listener.getsockname()[1]}
    print(json.dumps(ready), flush=True)
    server.serve()


if __name__ == "__main__":
    main(sys.argv[1:])
