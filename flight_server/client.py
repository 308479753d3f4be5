"""The client: what `velaria.connect` returns. Its failures are VelariaErrors with a code."""

import math
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self, Unpack

import msgspec
import pyarrow as pa
import pyarrow.flight as flight
from pyarrow.flight import FlightCallOptions, FlightClient

from velaria.flight_server.addresses import (
    DEFAULT_URI,
    refuse_more_than_an_address,
    with_port,
)
from velaria.flight_server.client_errors import session_is_over, typed_errors
from velaria.flight_server.client_puts import PutData, PutSource, as_arrow, put_all
from velaria.flight_server.client_result import Result
from velaria.flight_server.client_sending import Sending, ingest_command
from velaria.flight_server.client_shared import MappedRows, host_token
from velaria.flight_server.client_waiting import STOP_WAIT_S, waited
from velaria.flight_server.errors import scrubbed
from velaria.flight_server.identity.credentials import (
    Answer,
    CredentialFields,
    credentials_of,
)
from velaria.flight_server.progress_line import ProgressLine
from velaria.flight_server.sessions import SESSION_HEADER
from velaria.flight_server.shared_results import SHARED_MEMORY
from velaria.schemas import errors as codes
from velaria.schemas.batch_metadata import EmissionMetadata
from velaria.schemas.errors import VelariaError
from velaria.schemas.file import FileProbeReply
from velaria.schemas.query import QueryCancelReply
from velaria.schemas.sql import ExplainReply, SqlExecuteReply
from velaria.schemas.stream import StreamStarted
from velaria.schemas.table import TableEntry, TableListReply
from velaria.schemas.tickets import SubscribeCommand, TransformCommand
from velaria.session import ArrowData

if TYPE_CHECKING:
    from velaria.flight_server.client_channel import ExchangeChannel

MESSAGE_BYTES_MAX = 4 << 20
"""What every client and server takes by default, as gRPC's own limit."""
_MESSAGE_ENVELOPE_BYTES = 4 << 10  # of Flight, round a batch

_VERBOSITY = "GRPC_VERBOSITY"

_RECONNECTING = [
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2000),
]
"""How long after a failed attempt gRPC makes the next: two minutes at last by itself, in which a
server that is back was said to be away."""

_UNSENDABLE = (OverflowError, TypeError, ValueError, RecursionError)
"""What msgspec raises for a value that MessagePack has no form for."""


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
    opens one, which this client's later calls then belong to; `close` ends it. When it has ended by
    itself, with something to lose, the next call says so by VEL1011, and later ones are in none.
    """

    def __init__(
        self,
        uri: str = DEFAULT_URI,
        timeout_s: float | None = None,
        **credentials: Unpack[CredentialFields],
    ) -> None:
        refuse_more_than_an_address(uri)
        self.uri = with_port(uri)
        check_timeout(timeout_s)
        told = credentials_of(credentials).connect_arguments()
        try:
            self._flight = quiet_connect(self.uri, told)
        except pa.ArrowException as fault:
            # Nothing has been sent yet, so it is the address.
            raise VelariaError(
                codes.BAD_REQUEST,
                f"not the address of a server: {uri}",
                detail=scrubbed(str(fault)),
                hint="An address is written grpc://HOST:PORT, grpc+tls://HOST:PORT or"
                " grpc+unix://PATH.",
            ) from None
        self.session: str | None = None
        self._joining = threading.Lock()
        self._told = told
        self._is_closed = False
        self._channel: ExchangeChannel | None = None
        self._server: dict[str, Any] | None = None
        self._timeout_s = timeout_s
        self._options = self._call_options(timeout_s)

    @property
    def flight(self) -> FlightClient:
        """pyarrow's client of the connection. VEL1001 when it is closed."""
        if self._is_closed:
            raise VelariaError(
                codes.BAD_REQUEST, "the client is closed", hint="Connect anew by velaria.connect."
            )
        return self._flight

    def sql(
        self,
        text: str,
        params: list[Any] | None = None,
        query_id: str | None = None,
        **options: Any,
    ) -> Result:
        """Run one statement. A change is done on return; rows are read from the result.

        `query_id` is what `cancel` knows the statement by before this has returned. `options` are
        those of the rows: batch_rows, batch_bytes, compression, keep_dictionaries; and
        transport="shared-memory", by which rows are mapped when the server is on this host.
        """
        known_as = query_id or f"c-{secrets.token_hex(8)}"
        body: dict[str, Any] = {"sql": text, "open_session": True, "query_id": known_as, **options}
        check_sendable(params)
        body |= _given({"params": params})
        if options.get("transport") == SHARED_MEMORY:
            token = host_token(self.action("server.info").get("host_token_file"))
            body |= {"host_token": token} if token else {"transport": "flight"}
        progress = ProgressLine(lambda: self.action("query.progress", query_id=known_as))
        with progress:
            told = waited(lambda: self.action("sql.execute", **body), lambda: self._stop(known_as))
        reply = msgspec.convert(told, SqlExecuteReply)
        if reply.session is not None and not self._join(reply.session):
            # What it did was for its session alone, and is to be done in the client's.
            self.action("session.close", session=reply.session)
            return self.sql(text, params, **options)
        with typed_errors(reached=self._why_away):
            reader = None
            if reply.shared is not None:
                reader = MappedRows(reply.shared)
                self.action("query.release", query_id=reply.query_id)
            elif reply.ticket is not None:
                ticket = flight.Ticket(reply.ticket)
                reader = waited(
                    lambda: self.flight.do_get(ticket, self._options), lambda: self._stop(known_as)
                )
            return Result(reply, reader, text, progress)

    def cancel(self, query_id: str) -> str:
        """End a query of any client; its state afterwards: running when its next step ends it."""
        reply = self.action("query.cancel", query_id=query_id)
        return msgspec.convert(reply, QueryCancelReply).state

    def put(self, data: PutData, table: str, mode: str = "append") -> int:
        """Send rows to a table, which is made when it is not there; the number of rows taken in.

        `data`: a table, batches, a reader, anything else with an Arrow stream (pandas, Polars), or
        the path of a file of this machine. VEL1001 for anything else; what a reader or a generator
        fails with passes as it is, and a put that replaces then leaves the old table. A put that
        breaks off goes on with the rows that are not in the table yet, unless `data` can be read
        only once.
        """
        source = PutSource(data, lambda: self.table_schema(table) if mode == "append" else None)
        return put_all(self, source, table, mode)

    def send(
        self,
        reader: pa.RecordBatchReader,
        table: str,
        mode: str,
        query_id: str,
        row_count: int | None = None,
    ) -> int:
        """One DoPut without a second try, in messages that the server takes; `query_id` is what
        the server knows it by, `row_count` how many rows there are, for who watches."""
        command = ingest_command(table, mode, query_id)
        sending = Sending(lambda: self._stop(query_id), self._message_bytes(), self._why_away)

        def told() -> dict[str, Any]:
            return {"row_count": sending.row_count, "row_count_whole": row_count}

        with ProgressLine(told), self._typed_errors():
            return sending.run(self.flight, command, reader, self._options)

    def transform(
        self, data: ArrowData, sql: str, params: list[Any] | None = None, **options: Any
    ) -> pa.RecordBatchReader:
        """The rows of a SELECT over `data`, which it reads as the relation `input`. They come while
        the data is sent; neither is kept on the server but for what the query needs.
        """
        # Not at import: nothing else of a client needs grpcio.
        from velaria.flight_server.client_channel import ExchangeChannel
        from velaria.flight_server.client_exchange import exchanged

        check_sendable(params)
        told = {"type": "transform", **_given({"sql": sql, "params": params, **options})}
        try:
            command = msgspec.convert(told, TransformCommand)
        except msgspec.ValidationError as fault:
            raise VelariaError(codes.BAD_COMMAND, f"the transform is not valid: {fault}") from None
        reader = as_arrow(data)
        _ = self.flight  # not closed
        message_bytes = self._message_bytes()
        with self._joining:
            if self._channel is None:
                self._channel = ExchangeChannel(self.uri, self._told)
        return exchanged(
            self._channel,
            command,
            reader,
            self._headers(),
            self._timeout_s,
            message_bytes,
        )

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
        with typed_errors(reached=self._why_away):
            chunks = waited(lambda: self.flight.do_get(flight.Ticket(ticket), self._options))
            while (chunk := waited(lambda: next(chunks, None), chunks.cancel)) is not None:
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
        descriptor = flight.FlightDescriptor.for_path(table)
        with typed_errors(reached=self._why_away):
            # Not get_schema, whose failure pyarrow hands on without its extra_info.
            info = waited(lambda: self.flight.get_flight_info(descriptor, self._options))
            return info.schema

    def table_schema(self, table: str) -> pa.Schema | None:
        """The columns of a table or stream that rows can be put to; None when there is none."""
        for entry in self.tables():
            if entry.name.lower() == table.lower() and entry.kind in ("table", "stream"):
                return self.schema(entry.name)
        return None

    def server_pid(self, *, ask_again: bool = False) -> int:
        """The server's process id, kept: another one there means that its tables are others."""
        return int(self._info(ask_again=ask_again)["pid"])

    def probe(self, path: str) -> FileProbeReply:
        """What a file of the server seems to be."""
        return msgspec.convert(self.action("file.probe", path=path), FileProbeReply)

    def tables(self) -> list[TableEntry]:
        return msgspec.convert(self.action("table.list"), TableListReply).tables

    def health(self) -> dict[str, Any]:
        return self.action("server.health")

    def action(self, name: str, /, **fields: Any) -> dict[str, Any]:
        """Any action by its name; the reply as a map."""
        return self._acted(name, fields, self._options)

    def actions(self) -> list[tuple[str, str]]:
        """All actions of the server: name and summary."""
        with typed_errors(reached=self._why_away):
            kinds = waited(lambda: list(self.flight.list_actions(self._options)))
            return [(kind.type, kind.description) for kind in kinds]

    def _acted(
        self, name: str, fields: dict[str, Any], options: FlightCallOptions
    ) -> dict[str, Any]:
        try:
            body = msgspec.msgpack.encode(fields)
        except _UNSENDABLE as fault:
            raise VelariaError(
                codes.BAD_COMMAND, f"the command cannot be written as MessagePack: {fault}"
            ) from None
        request = flight.Action(name, body)
        with self._typed_errors(str(fields.get("sql", ""))):
            # Read to its end: what is left unread has been cancelled, as the server tells it.
            (reply,) = waited(
                lambda: self._heard(lambda: list(self.flight.do_action(request, options)))
            )
            answer: dict[str, Any] = msgspec.msgpack.decode(reply.body.to_pybytes())
            return answer

    def _heard(self, call: Callable[[], Answer]) -> Answer:
        (saying,) = self._told.get("middleware") or (None,)
        return call() if saying is None else saying.heard(call)

    def _stop(self, query_id: str) -> None:
        """Ends what a caller has given up; a server that does not answer keeps nobody."""
        wait_s = min(STOP_WAIT_S, self._timeout_s or STOP_WAIT_S)
        self._acted("query.cancel", {"query_id": query_id}, self._call_options(wait_s))

    def _info(self, *, ask_again: bool = False) -> dict[str, Any]:
        if self._server is None or ask_again:
            self._server = self.action("server.info")
        return self._server

    def _message_bytes(self) -> int:
        """How long a message with a batch may be, so that the server takes it."""
        bytes_max = self._info().get("message_bytes_max") or MESSAGE_BYTES_MAX
        return min(MESSAGE_BYTES_MAX, int(bytes_max)) - _MESSAGE_ENVELOPE_BYTES

    def _why_away(self) -> VelariaError | None:
        from velaria.flight_server.client_reach import why_away

        return waited(lambda: why_away(self.uri, self._told))

    def _headers(self) -> list[tuple[str, str]]:
        return [] if self.session is None else [(SESSION_HEADER, self.session)]

    def _call_options(self, timeout_s: float | None) -> FlightCallOptions:
        headers = [(name.encode(), value.encode()) for name, value in self._headers()]
        return flight.FlightCallOptions(timeout=timeout_s, headers=headers)

    def _join(self, session: str) -> bool:
        """False when a statement of another thread was first: a client has one session."""
        with self._joining:
            if self.session is not None:
                return False
            self.session = session
            self._options = self._call_options(self._timeout_s)
        return True

    @contextmanager
    def _typed_errors(self, sql: str = "") -> Iterator[None]:
        """As typed_errors; when the call's session is over the client is in none from then on."""
        session = self.session
        try:
            with typed_errors(sql, self._why_away):
                yield
        except VelariaError as error:
            if session is None or error.code != codes.UNKNOWN_HANDLE:
                raise
            with self._joining:
                if self.session == session:
                    self.session = None
                    self._options = FlightCallOptions(timeout=self._timeout_s)
            raise session_is_over(error) from None

    def close(self) -> None:
        """End the session, which rolls an open transaction back, and the connection."""
        if self.session is not None:
            # Whoever closes may do so because the server has gone, or has closed the session.
            with suppress(VelariaError):
                self.action("session.close", session=self.session)
            self.session = None
        self._is_closed = True
        if self._channel is not None:
            self._channel.close()
        self._flight.close()

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
    """VEL1006: what is no list, and a parameter that MessagePack has no form for, as an integer
    beyond 64 bits."""
    if params is not None and not isinstance(params, list | tuple):
        raise VelariaError(
            codes.BAD_PARAMETER,
            f"params is a list of values, not: {type(params).__name__}",
            hint="Write sql('SELECT ?', [value]), a value for each question mark.",
        )
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


def quiet_connect(uri: str, told: dict[str, Any]) -> FlightClient:
    """pyarrow's client, whose gRPC writes no lines of its own to stderr: what it has to say is in
    the errors. It reads the variable once, so that nothing else of the process sees ours."""
    told = told | {"generic_options": _RECONNECTING}
    if _VERBOSITY in os.environ:
        return flight.connect(uri, **told)
    os.environ[_VERBOSITY] = "NONE"
    try:
        return flight.connect(uri, **told)
    finally:
        del os.environ[_VERBOSITY]


def connect(
    uri: str = DEFAULT_URI, timeout_s: float | None = None, **credentials: Unpack[CredentialFields]
) -> Client:
    """A client of the server at `uri`; nothing is sent before the first call.

    `token`, or `user` and `password`, say who calls; `tls_ca`, `tls_cert` and `tls_key` are PEM
    files: who signed the server's certificate, and the client's own certificate and key.
    """
    return Client(uri, timeout_s, **credentials)
