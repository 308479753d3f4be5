"""One DoPut of the client, without a second try."""

import functools
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.batch_cutting import message_pieces
from velaria.flight_server.client_errors import Reached, typed_errors
from velaria.flight_server.client_waiting import Stop, waited
from velaria.schemas import errors as codes
from velaria.schemas.batch_metadata import PutAbort, PutResultMetadata
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import IngestCommand

_T = TypeVar("_T")


class Sending:
    """A DoPut under way. `stop` ends it on the server; `row_count` are the rows sent so far."""

    def __init__(self, stop: Stop, message_bytes: int, reached: Reached) -> None:
        self.row_count = 0
        self._stop = stop
        self._message_bytes = message_bytes
        self._reached = reached
        self._is_free = True  # nothing is written now: gRPC takes no two writes at once

    def run(
        self,
        client: flight.FlightClient,
        command: IngestCommand,
        reader: pa.RecordBatchReader,
        options: flight.FlightCallOptions,
    ) -> int:
        """The rows that the server has taken in."""
        descriptor = flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command))
        with typed_errors(reached=self._reached):
            writer, replies = self._waited(
                lambda: client.do_put(descriptor, reader.schema, options)
            )
        try:
            for batch in reader:
                for piece in message_pieces(batch, self._message_bytes):
                    with typed_errors(reached=self._reached):
                        self._waited(functools.partial(_write, writer, piece))
                    self.row_count += piece.num_rows
        except BaseException:
            self._give_up(writer)
            raise

        def ended() -> pa.Buffer | None:
            with writer:
                writer.done_writing()
                return replies.read()

        with typed_errors(reached=self._reached):
            reply = self._waited(ended)
        if reply is None:
            return 0
        return msgspec.msgpack.decode(reply.to_pybytes(), type=PutResultMetadata).row_count

    def _waited(self, call: Callable[[], _T]) -> _T:
        def alone() -> _T:
            try:
                return call()
            finally:
                self._is_free = True

        self._is_free = False
        try:
            return waited(alone, self._stop)
        except VelariaError:
            self._is_free = True  # given up before it began
            raise

    def _give_up(self, writer: flight.FlightStreamWriter) -> None:
        """Tells the server that there are rows which did not come: a writer that is closed or
        dropped looks to it like one that has sent everything."""

        def tell() -> None:
            try:
                writer.write_metadata(msgspec.msgpack.encode(PutAbort()))
            finally:
                writer.close()

        if self._is_free:
            with suppress(flight.FlightError, pa.ArrowException):
                waited(tell)


def ingest_command(table: str, mode: str, query_id: str) -> IngestCommand:
    """VEL1001 for what is no table's name or no mode."""
    told = {"table": table, "mode": mode, "query_id": query_id, "type": "ingest"}
    try:
        return msgspec.convert(told, IngestCommand)
    except msgspec.ValidationError as fault:
        raise VelariaError(codes.BAD_REQUEST, f"the put is not valid: {fault}") from None


def _write(writer: flight.FlightStreamWriter, batch: pa.RecordBatch) -> None:
    try:
        writer.write_batch(batch)
    except (flight.FlightError, pa.ArrowException):
        # The reason for which the server ended the call comes with its end.
        writer.close()
        raise
