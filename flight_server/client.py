"""The client: what `velaria.connect` returns. Its failures are VelariaErrors with a code."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Self

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.errors import caret_of, error_reply_of, from_reply, scrubbed
from velaria.flight_server.sessions import SESSION_HEADER
from velaria.schemas import errors as codes
from velaria.schemas.batch_metadata import EmissionMetadata, PutAbort, PutResultMetadata
from velaria.schemas.errors import VelariaError
from velaria.schemas.file import FileProbeReply
from velaria.schemas.query import QueryCancelReply
from velaria.schemas.sql import ExplainReply, SqlExecuteReply
from velaria.schemas.stream import StreamStarted
from velaria.schemas.table import TableEntry, TableListReply
from velaria.schemas.tickets import IngestCommand, SubscribeCommand
from velaria.session import ArrowData, as_reader

DEFAULT_URI = "grpc://127.0.0.1:31337"

_UNSENDABLE = (OverflowError, TypeError, ValueError, RecursionError)
"""What msgspec raises for a value that MessagePack has no form for."""


@contextmanager
def typed_errors(sql: str = "") -> Iterator[None]:
    """Flight errors as VelariaErrors; one without a code means that the server was not reached.

    With the statement at hand, the error's place becomes a caret under it.
    """
    try:
        yield
    except (flight.FlightError, pa.ArrowException) as fault:
        reply = error_reply_of(fault)
        if reply is None:
            raise _uncoded(fault) from None
        error = from_reply(reply)
        error.caret = caret_of(sql, error.line, error.column)
        raise error from None


def _uncoded(fault: Exception) -> VelariaError:
    """What gRPC itself has to say: the call was given up on this side, or never got through."""
    if isinstance(fault, flight.FlightTimedOutError):
        return VelariaError(codes.DEADLINE_EXCEEDED, "the call took longer than its timeout")
    if isinstance(fault, flight.FlightCancelledError):
        return VelariaError(codes.CANCELLED, "the call was cancelled")
    reason = str(fault).split("with message: ")[-1].split(". gRPC client")[0]
    return VelariaError(
        codes.CONNECTION,
        f"the server cannot be reached: {scrubbed(reason)}",
        hint="Is a server running at that address? `velaria serve` starts one.",
    )


class Result:
    """A statement's rows, read once: as a whole by to_arrow, or batch by batch by iteration."""

    def __init__(
        self, reply: SqlExecuteReply, reader: flight.FlightStreamReader | None, sql: str = ""
    ) -> None:
        self.query_id = reply.query_id
        self.name = reply.name
        self.rows_affected = reply.rows_affected
        self.tag = reply.tag  # what was done, as psql says it: "CREATE TABLE", "INSERT 0 3"
        self.kind = reply.kind
        self.is_continuous = reply.kind == "stream"
        self._reader = reader
        self._is_read = False
        self._sql = sql

    @property
    def has_rows(self) -> bool:
        return self._reader is not None

    @property
    def schema(self) -> pa.Schema:
        with typed_errors(self._sql):
            return self._rows().schema

    def to_arrow(self) -> pa.Table:
        with typed_errors(self._sql):
            return self._unread_rows().read_all()

    def to_rows(self) -> list[tuple[Any, ...]]:
        columns = [column.to_pylist() for column in self.to_arrow().columns]
        return list(zip(*columns, strict=True))

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with typed_errors(self._sql):
            for chunk in self._unread_rows():
                if chunk.data is not None:
                    yield chunk.data

    def cancel(self) -> None:
        self._rows().cancel()

    def _unread_rows(self) -> flight.FlightStreamReader:
        reader = self._rows()
        if self._is_read:
            raise VelariaError(
                codes.QUERY_STATE,
                f"the rows of the result have been read; query: {self.query_id}",
                hint="Keep what to_arrow gave, or run the statement again.",
            )
        self._is_read = True
        return reader

    def _rows(self) -> flight.FlightStreamReader:
        if self._reader is None:
            raise VelariaError(
                codes.QUERY_STATE,
                f"the statement returned no rows; rows affected: {self.rows_affected}",
            )
        return self._reader


class StreamHandle:
    """A streaming query on the server. It goes on when the handle is dropped; `stop` ends it."""

    def __init__(self, client: "Client", started: StreamStarted) -> None:
        self.query_id = started.query_id
        self.name = started.name
        self._client = client

    def progress(self) -> dict[str, Any]:
        return self._client.action("stream.progress", query_id=self.query_id)

    def stop(self, mode: str = "drain") -> dict[str, Any]:
        """The last progress."""
        return self._client.action("stream.stop", query_id=self.query_id, mode=mode)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The batches emitted from now on, until the query ends."""
        return self._client.subscribe(self.query_id)


class Client:
    """One connection to a server; safe to share among threads.

    BEGIN, temporary tables and SET schema need a session on the server. The first such statement
    opens one, which this client's later calls then belong to; `close` ends it.
    """

    def __init__(self, uri: str = DEFAULT_URI, timeout_s: float | None = None) -> None:
        self.uri = uri
        check_timeout(timeout_s)
        try:
            self.flight = flight.connect(uri)
        except pa.ArrowException as fault:
            # Nothing has been sent yet, so it is the address.
            raise VelariaError(
                codes.BAD_REQUEST,
                f"not the address of a server: {uri}",
                detail=scrubbed(str(fault)),
                hint="An address is written grpc://HOST:PORT or grpc+unix://PATH.",
            ) from None
        self.session: str | None = None
        self._timeout_s = timeout_s
        self._options = flight.FlightCallOptions(timeout=timeout_s)

    def sql(
        self, text: str, params: list[Any] | None = None, query_id: str | None = None
    ) -> Result:
        """Run one statement. A change is done on return; rows are read from the result.

        `query_id` is what `cancel` knows the statement by before this has returned.
        """
        body: dict[str, Any] = {"sql": text, "open_session": True}
        check_sendable(params)
        body |= _given({"params": params, "query_id": query_id})
        reply = msgspec.convert(self.action("sql.execute", **body), SqlExecuteReply)
        if reply.session is not None:
            self._join(reply.session)
        with typed_errors():
            reader = None
            if reply.ticket is not None:
                reader = self.flight.do_get(flight.Ticket(reply.ticket), self._options)
            return Result(reply, reader, text)

    def cancel(self, query_id: str) -> str:
        """End a query of any client; its state afterwards: running when its next step ends it."""
        reply = self.action("query.cancel", query_id=query_id)
        return msgspec.convert(reply, QueryCancelReply).state

    def put(self, data: ArrowData, table: str, mode: str = "append") -> int:
        """Send rows to a table, which is made when it is not there; the number of rows taken in.

        A fault of the data itself passes as it is. A put that replaces then leaves the old table.
        """
        reader = as_reader(data)
        told = {"table": table, "mode": mode, "type": "ingest"}
        try:
            command = msgspec.convert(told, IngestCommand)
        except msgspec.ValidationError as fault:
            raise VelariaError(codes.BAD_REQUEST, f"the put is not valid: {fault}") from None
        descriptor = flight.FlightDescriptor.for_command(msgspec.msgpack.encode(command))
        with typed_errors():
            writer, replies = self.flight.do_put(descriptor, reader.schema, self._options)
        for batch in _given_up_on_fault(reader, writer):
            with typed_errors():
                _write(writer, batch)
        with typed_errors(), writer:
            writer.done_writing()
            reply = replies.read()
        if reply is None:
            return 0
        return msgspec.msgpack.decode(reply.to_pybytes(), type=PutResultMetadata).row_count

    def start_stream(
        self,
        sql: str,
        name: str | None = None,
        delivery_mode: str | None = None,
        params: list[Any] | None = None,
    ) -> StreamHandle:
        """Start a streaming query that outlives this client."""
        check_sendable(params)
        told = {"sql": sql, "name": name, "delivery_mode": delivery_mode, "params": params}
        body = _given(told)
        return StreamHandle(
            self, msgspec.convert(self.action("stream.start", **body), StreamStarted)
        )

    def subscribe(self, query: str) -> Iterator[pa.RecordBatch]:
        """Batches of a running streaming query, by id or name, from now on until it ends."""
        ticket = msgspec.msgpack.encode(SubscribeCommand(query_id=query))
        with typed_errors():
            for chunk in self.flight.do_get(flight.Ticket(ticket), self._options):
                metadata = chunk.app_metadata
                if chunk.data is None or metadata is None:
                    continue
                told = msgspec.msgpack.decode(metadata.to_pybytes(), type=EmissionMetadata)
                if told.kind == "data":
                    yield chunk.data

    def explain(self, sql: str) -> ExplainReply:
        return msgspec.convert(self.action("sql.explain", sql=sql), ExplainReply)

    def schema(self, table: str) -> pa.Schema:
        """The columns of a table, view or stream."""
        with typed_errors():
            descriptor = flight.FlightDescriptor.for_path(table)
            # Not get_schema, whose failure pyarrow hands on without its extra_info.
            return self.flight.get_flight_info(descriptor, self._options).schema

    def probe(self, path: str) -> FileProbeReply:
        """What a file of the server seems to be."""
        return msgspec.convert(self.action("file.probe", path=path), FileProbeReply)

    def tables(self) -> list[TableEntry]:
        return msgspec.convert(self.action("table.list"), TableListReply).tables

    def health(self) -> dict[str, Any]:
        return self.action("server.health")

    def action(self, name: str, /, **fields: Any) -> dict[str, Any]:
        """Any action by its name; the reply as a map."""
        try:
            body = msgspec.msgpack.encode(fields)
        except _UNSENDABLE as fault:
            raise VelariaError(
                codes.BAD_COMMAND, f"the command cannot be written as MessagePack: {fault}"
            ) from None
        with typed_errors(str(fields.get("sql", ""))):
            request = flight.Action(name, body)
            reply = next(iter(self.flight.do_action(request, self._options)))
            answer: dict[str, Any] = msgspec.msgpack.decode(reply.body.to_pybytes())
            return answer

    def actions(self) -> list[tuple[str, str]]:
        """All actions of the server: name and summary."""
        with typed_errors():
            return [
                (kind.type, kind.description) for kind in self.flight.list_actions(self._options)
            ]

    def _join(self, session: str) -> None:
        self.session = session
        headers = [(SESSION_HEADER.encode(), session.encode())]
        self._options = flight.FlightCallOptions(timeout=self._timeout_s, headers=headers)

    def close(self) -> None:
        """End the session, which rolls an open transaction back, and the connection."""
        if self.session is not None:
            # Whoever closes may do so because the server has gone, or has closed the session.
            with suppress(VelariaError):
                self.action("session.close", session=self.session)
            self.session = None
        self.flight.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *fault: object) -> None:
        self.close()


def check_timeout(timeout_s: float | None) -> None:
    """VEL1007: gRPC takes a negative time, and what is no number, for no limit at all."""
    if timeout_s is not None and not (math.isfinite(timeout_s) and timeout_s > 0):
        raise VelariaError(
            codes.BAD_SETTING,
            f"value out of range for timeout_s: {timeout_s}",
            hint="Use a number of seconds above 0, or leave it out.",
        )


def check_sendable(params: list[Any] | None) -> None:
    """VEL1006: a parameter that MessagePack has no form for, as an integer beyond 64 bits."""
    for index, value in enumerate(params or ()):
        try:
            msgspec.msgpack.encode(value)
        except OverflowError:
            raise VelariaError(
                codes.BAD_PARAMETER,
                f"parameter {index + 1} holds an integer of more than 64 bits",
                hint="Send it as text and cast it in the statement: CAST(? AS DECIMAL(38, 0)).",
            ) from None
        except _UNSENDABLE as fault:
            raise VelariaError(
                codes.BAD_PARAMETER, f"parameter {index + 1} cannot be sent: {fault}"
            ) from None


def _given(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _given_up_on_fault(
    reader: pa.RecordBatchReader, writer: flight.FlightStreamWriter
) -> Iterator[pa.RecordBatch]:
    """The data's batches. When they cannot be read to the end the server is told so: a writer that
    is closed or dropped looks to it like one that has sent everything."""
    try:
        yield from reader
    except BaseException:
        with suppress(flight.FlightError, pa.ArrowException):
            writer.write_metadata(msgspec.msgpack.encode(PutAbort()))
            writer.close()
        raise


def _write(writer: flight.FlightStreamWriter, batch: pa.RecordBatch) -> None:
    try:
        writer.write_batch(batch)
    except (flight.FlightError, pa.ArrowException):
        # The reason for which the server ended the call comes with its end.
        writer.close()
        raise


def connect(uri: str = DEFAULT_URI, timeout_s: float | None = None) -> Client:
    """A client of the server at `uri`; nothing is sent before the first call."""
    return Client(uri, timeout_s)
