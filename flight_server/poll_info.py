"""PollFlightInfo: query.poll's meaning in Flight's own words.

A statement is started and held as query.poll does it. Each answer tells what is known so far, and
names the descriptor to ask again with: the ticket of the rows to come, which DoGet takes when the
last answer has told its endpoint. What cannot be held is told whole by the first answer, as
GetFlightInfo tells it, and runs when it is read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow.flight as flight

from velaria._kernel import StatementInfo
from velaria.flight_server import polling, statements
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_infos import FlightInfo, endpoint_of, info_of, timestamp_of
from velaria.flight_server.flight_sql import asked, connections, messages
from velaria.flight_server.flight_sql import statements as flight_sql_statements
from velaria.flight_server.forms import parse_polled
from velaria.flight_server.held import Held
from velaria.flight_server.results import rows_affected_table
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.query import QueryPoll
from velaria.schemas.tickets import QueryCommand, StatementTicket

_WAIT_S = QueryPoll().wait_ms / 1000


@dataclass(frozen=True)
class PollInfo:
    """`command` is that of the descriptor to ask again with; None when all is told. `expires_ms`,
    since 1970, is when the statement is given up if nobody asks before."""

    info: FlightInfo
    command: bytes | None = None
    expires_unix_ms: int | None = None

    def serialize(self) -> bytes:
        """Flight's message. How far a statement has come is not known before its end, whose
        progress is 1."""
        fields: dict[str, Any] = {"info": self.info.message}
        if self.command is None:
            fields["progress"] = 1.0
        else:
            fields["flight_descriptor"] = {
                "type": messages.DescriptorType.CMD,
                "cmd": self.command,
            }
        if self.expires_unix_ms is not None:
            fields["expiration_time"] = timestamp_of(self.expires_unix_ms)
        return bytes(messages.new("PollInfo", **fields).SerializeToString())


def poll(
    service: Service,
    call: Call,
    descriptor: flight.FlightDescriptor,
    told_at_once: Callable[[], FlightInfo],
) -> PollInfo:
    """Start a statement, or ask about one started so. Errors are those of the statement, too."""
    raw = descriptor.command or b""
    is_flight_sql = messages.is_flight_sql(raw)
    command = _of_flight_sql(service, call, raw) if is_flight_sql else parse_polled(raw)
    if isinstance(command, StatementTicket) and command.effect == "held":
        service.tickets.check(command)
        held = polling.find(service, call, command.query_id)
    elif isinstance(command, QueryCommand) and (info := _holdable(service, call, command)):
        with service.promised() as query_id:
            held = polling.start(service, call, command, query_id, info)
    else:
        return PollInfo(told_at_once())
    return _answer(service, held, descriptor, is_flight_sql)


def _of_flight_sql(
    service: Service, call: Call, raw: bytes
) -> QueryCommand | StatementTicket | None:
    """None for what has no statement, belongs to a transaction, or has parameters."""
    connections.join(service, call)
    name, message = messages.unpack(raw)
    if name == "TicketStatementQuery":
        return flight_sql_statements.ticket_of(message)
    if name not in ("CommandStatementQuery", "CommandPreparedStatementQuery"):
        return None
    statement = asked.asked_of(service, call, message)
    if statement.transaction_id or statement.rows is not None:
        return None
    return QueryCommand(sql=statement.sql)


def _holdable(service: Service, call: Call, command: QueryCommand) -> StatementInfo | None:
    """What is to be held; None for what is read by several endpoints, has no end, or opens a
    session."""
    if command.parallel > 1:
        return None
    info = statements.describe(service, call, command.sql, command.params)
    return None if statements.is_continuous(info) or info.needs_connection else info


def _answer(
    service: Service, held: Held, descriptor: flight.FlightDescriptor, is_flight_sql: bool
) -> PollInfo:
    state, query_id = held.wait(_WAIT_S), held.tracked.query_id
    expires_unix_ms = held.renew()
    if held.error is not None:
        raise held.error.anew()
    if state == "cancelled":
        raise VelariaError(codes.CANCELLED, f"the query was cancelled: {query_id}")
    ticket = service.tickets.issue("", None, query_id, "held", held.asked)
    held_until_unix_ms: int | None = expires_unix_ms
    if state == "done":
        assert held.result is not None
        service.once.keep(query_id, rows_affected_table(held.result.rows_affected))
        ticket, held_until_unix_ms = service.tickets.issue("", None, query_id, "once"), None
    endpoint = endpoint_of(ticket)
    if is_flight_sql:
        endpoint = flight_sql_statements.endpoint(service, ticket, held_until_unix_ms)
    is_running = state == "running"
    info = info_of(held.schema, descriptor, [] if is_running else [endpoint], query_id)
    return PollInfo(info, endpoint.ticket.ticket if is_running else None, expires_unix_ms)
