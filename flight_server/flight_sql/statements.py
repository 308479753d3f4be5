"""Queries of Flight SQL: CommandStatementQuery and CommandPreparedStatementQuery.

Drivers say every statement as a query: CreatePreparedStatement, GetFlightInfo, DoGet, close. So a
statement that changes something runs at GetFlightInfo, whether its result is fetched or not, and
the ticket tells what it did as often as it is read. A SELECT runs at each DoGet. GetSchema and
CreatePreparedStatement run nothing.
"""

from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from velaria._kernel import QueryResult, StatementInfo
from velaria.flight_server import statements
from velaria.flight_server.calls import Call
from velaria.flight_server.decoding import decode
from velaria.flight_server.flight_infos import FlightInfo, endpoint_of, info_of
from velaria.flight_server.flight_sql import coded_rows, connections, parameters, updates
from velaria.flight_server.flight_sql.asked import Asked, asked_of
from velaria.flight_server.flight_sql.messages import new, pack
from velaria.flight_server.limits.metered import Meter
from velaria.flight_server.result_batches import AS_IT_IS, stream_of_result
from velaria.flight_server.results import DataStream, rows_affected_table
from velaria.flight_server.service import Service
from velaria.schemas.tickets import StatementTicket


def schema_of(service: Service, call: Call, message: Any) -> pa.Schema:
    """The result's schema, for GetSchema; nothing is run."""
    asked = asked_of(service, call, message)
    first = parameters.first_row(asked.rows)
    return statements.result_schema(statements.describe(service, call, asked.sql, first))


def flight_info(
    service: Service, call: Call, descriptor: flight.FlightDescriptor, message: Any
) -> FlightInfo:
    """One endpoint, whose ticket another connection may read as well. A change is made here."""
    asked = asked_of(service, call, message)
    first = parameters.first_row(asked.rows)
    info = statements.describe(service, call, asked.sql, first)
    connections.hold(service, call, info)
    effect = statements.effect_of(info)
    if effect == "continuous":
        parameters.only_row(asked.rows)
    with service.promised() as query_id:
        if effect in ("once", "once_rows"):
            reply = _run(service, call, info, asked, query_id)
            service.once.keep(query_id, reply)
            schema, ticket = reply.schema, service.tickets.issue("", None, query_id, "once")
        else:
            schema = statements.result_schema(info)
            ticket = service.tickets.issue(
                asked.sql,
                None,
                query_id,
                effect,
                parameters=parameters.to_ticket(service, asked.rows),
                connection=connections.number(service, call, asked.transaction_id),
                described=info if effect == "rows" else None,
            )
    return info_of(schema, descriptor, [endpoint(service, ticket)], query_id)


def endpoint(service: Service, ticket: bytes, held_until_unix_ms: int | None = None) -> Any:
    """Flight's message: a signed ticket as Flight SQL wraps it, with the time until which it can be
    read: while the ticket is good, and the rows are held where they are."""
    wrapped = pack(new("TicketStatementQuery", statement_handle=ticket))
    until_unix_ms = service.tickets.next_expiry()
    if held_until_unix_ms is not None:
        until_unix_ms = min(until_unix_ms, held_until_unix_ms)
    return endpoint_of(wrapped, until_unix_ms)


def ticket_of(message: Any) -> StatementTicket:
    """Of TicketStatementQuery; its signature is still to be checked."""
    ticket: StatementTicket = decode(message.statement_handle, StatementTicket, "ticket")
    return ticket


def open_ticket(service: Service, call: Call, message: Any) -> DataStream:
    """DoGet by TicketStatementQuery."""

    crossing = coded_rows.crossing(call)

    def coded(call: Call, result: QueryResult, meter: Meter) -> DataStream:
        return stream_of_result(result, AS_IT_IS, meter, crossing)

    held = partial(coded_rows.stream, call)
    return statements.open_ticket(service, call, ticket_of(message), coded, held)


def _run(
    service: Service, call: Call, info: StatementInfo, asked: Asked, query_id: str
) -> pa.Table:
    """A change, now: its rows, or how many it concerned."""
    with service.queries.redeem(query_id) as running_id:
        if info.returns_rows:
            return updates.run_with_rows(service, call, info, asked.sql, asked.rows, running_id)
        count = updates.run(service, call, info, asked.sql, asked.rows, running_id)
        return rows_affected_table(count)
