"""The client's side of a transform: batches out on a thread of their own, rows in meanwhile."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.client_errors import typed_errors
from velaria.flight_server.errors import caret_of, error_text, from_reply
from velaria.schemas.batch_metadata import ExchangeMetadata
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import TransformCommand


def exchanged(
    client: flight.FlightClient,
    command: TransformCommand,
    data: pa.RecordBatchReader,
    options: flight.FlightCallOptions,
) -> pa.RecordBatchReader:
    """The transformed rows. A fault of the data itself ends the call and passes as it is; leaving
    the reader before its end cancels the query.

    Arrow's client ends its writing side when its reading side has met the end, and a gRPC stream
    takes no two writes at once: the process would abort. So nothing is written before the server
    has taken the call, which its schema says, and when it tells the outcome the writing is over
    before the end is read.
    """
    descriptor = flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command))
    sql = command.sql
    with typed_errors(sql):
        writer, answers = client.do_exchange(descriptor, options)
        writer.begin(data.schema)
        schema = answers.schema
    sending = _Sending(data, writer, answers.cancel)

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

    def rows() -> Iterator[pa.RecordBatch]:
        try:
            with reading():
                for chunk in answers:
                    if chunk.data is not None:
                        yield chunk.data
                    elif chunk.app_metadata is not None:
                        sending.stop()
                        _raise_told(chunk.app_metadata.to_pybytes(), sql)
        finally:
            answers.cancel()
            sending.stop()
            # Not before: a writer that is closed or dropped throws away what was not read yet.
            with suppress(flight.FlightError, pa.ArrowException):
                writer.close()

    return pa.RecordBatchReader.from_batches(schema, rows())


class _Sending:
    """The data on its way out, by a thread that began with it."""

    def __init__(
        self,
        data: pa.RecordBatchReader,
        writer: flight.MetadataRecordBatchWriter,
        cancel: Callable[[], None],
    ) -> None:
        self.fault: Exception | None = None
        """What the data itself failed with; the call was cancelled for it."""
        self._data = data
        self._writer = writer
        self._cancel = cancel
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="transform-input", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Writes no further batch; returns when nothing is being written any more."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for batch in self._data:
                if self._is_over.is_set():
                    break
                self._writer.write_batch(batch)
            self._writer.done_writing()
        except (flight.FlightError, pa.ArrowException):
            pass  # why the call ended is told to who reads
        except Exception as fault:  # noqa: BLE001 (raised by who reads the rows)
            self.fault = fault
            self._cancel()


def _raise_told(metadata: bytes, sql: str) -> None:
    told = msgspec.msgpack.decode(metadata, type=ExchangeMetadata)
    if told.error is None:
        return
    error = from_reply(told.error)
    error.caret = caret_of(sql, error.line, error.column)
    error.args = (error_text(error),)
    raise error
