"""Statements from Flight's side: told about without running, run by DoGet, or run at once.

A SELECT runs at DoGet, each time anew. A statement that changes something runs at the first DoGet
of its ticket, or at once by sql.execute when it returns no rows; FlightInfo never runs anything.
"""

from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria._kernel import KernelError, QueryResult, StatementInfo
from velaria.flight_server.calls import Call
from velaria.flight_server.errors import error_reply_of, from_reply
from velaria.flight_server.queries import TrackedQuery, new_query_id
from velaria.flight_server.results import ROWS_AFFECTED, Emissions, rows_affected_table
from velaria.flight_server.service import Service
from velaria.flight_server.tickets import TicketEffect, refuse_second_reading
from velaria.schemas import errors as codes
from velaria.schemas.batch_metadata import FlightInfoMetadata
from velaria.schemas.tickets import QueryCommand, StatementTicket


def describe(
    service: Service, call: Call, sql: str, params: list[Any] | None, query_id: str | None = None
) -> StatementInfo:
    """The kernel's description; a wrong statement is recorded as a failed run."""
    try:
        return service.connection(call).describe(sql, params)
    except Exception as fault:
        raise service.queries.record_failure("statement", sql, fault, query_id) from fault


def is_continuous(info: StatementInfo) -> bool:
    """An unbounded SELECT, or INSERT from one."""
    return info.kind in ("stream", "insert_stream")


def effect_of(info: StatementInfo) -> TicketEffect:
    """INSERT from a stream only starts a query, so it is run once like any other change.

    EXPLAIN is taken for a change because EXPLAIN ANALYZE of one carries it out.
    """
    if not info.returns_rows:
        return "once"
    if info.writes or info.kind == "explain":
        return "once_rows"
    return "continuous" if is_continuous(info) else "rows"


def result_schema(info: StatementInfo) -> pa.Schema:
    if info.returns_rows and info.schema is not None:
        return info.schema
    return ROWS_AFFECTED


def issue_ticket(
    service: Service, info: StatementInfo, sql: str, params: list[Any] | None, query_id: str
) -> bytes:
    """A ticket for a described statement, which will run under the promised id."""
    effect = effect_of(info)
    if effect == "once":
        service.once.promise(query_id)
    return service.tickets.issue(sql, params, query_id, effect)


def flight_info(
    service: Service,
    call: Call,
    descriptor: flight.FlightDescriptor,
    command: QueryCommand,
    row_count: int = -1,
    byte_count: int = -1,
) -> flight.FlightInfo:
    info = describe(service, call, command.sql, command.params)
    query_id = service.queries.promise()
    ticket = issue_ticket(service, info, command.sql, command.params, query_id)
    return flight.FlightInfo(
        result_schema(info),
        descriptor,
        [flight.FlightEndpoint(ticket, [])],
        row_count,
        byte_count,
        True,
        msgspec.msgpack.encode(FlightInfoMetadata(query_id=query_id)),
    )


def open_ticket(service: Service, call: Call, ticket: StatementTicket) -> flight.FlightDataStream:
    service.tickets.check(ticket)
    sql, params = ticket.sql, ticket.params

    def run() -> pa.Table:
        with service.queries.redeem(ticket.query_id) as query_id:
            info = describe(service, call, sql, params)
            return change(service, call, info, sql, params, query_id).table()

    if ticket.effect != "once":
        open_reader = _open_continuous if ticket.effect == "continuous" else _open_rows
        with service.queries.redeem(ticket.query_id) as query_id:
            if ticket.effect == "once_rows":
                refuse_second_reading(ticket, query_id)
            return open_reader(service, call, sql, params, query_id)
    return flight.RecordBatchStream(service.once.reply(ticket.query_id, run))


def open_text(service: Service, call: Call, command: QueryCommand) -> flight.FlightDataStream:
    sql, params, query_id = command.sql, command.params, new_query_id()
    info = describe(service, call, sql, params)
    match effect_of(info):
        case "rows" | "once_rows":
            return _open_rows(service, call, sql, params, query_id)
        case "continuous":
            return _open_continuous(service, call, sql, params, query_id)
        case "once":
            done = change(service, call, info, sql, params, query_id)
            return flight.RecordBatchStream(done.table())


def _open_rows(
    service: Service, call: Call, sql: str, params: list[Any] | None, query_id: str
) -> flight.FlightDataStream:
    tracked = service.queries.start(query_id, "query", sql)
    call.on_cancel(lambda: cancel_in_kernel(service, query_id))
    try:
        result = service.connection(call).execute(sql, params, query_id)
        reader = result.reader()
    except Exception as fault:
        raise tracked.fail(fault) from fault
    tracked.follow(result)
    call.on_end(lambda fault: _end_rows(tracked, result, fault))
    return flight.RecordBatchStream(reader)


def _end_rows(tracked: TrackedQuery, result: QueryResult, fault: pa.ArrowException | None) -> None:
    """Called after the last byte: what the kernel says about the query is how its run ended."""
    state, row_count = result.state, result.row_count
    if state == "finished":
        tracked.finish(row_count)
    elif state == "failed":
        reply = error_reply_of(fault)
        tracked.fail(from_reply(reply) if reply else fault or RuntimeError(state), row_count)
    else:
        result.cancel()
        tracked.cancel(row_count)


def _open_continuous(
    service: Service, call: Call, sql: str, params: list[Any] | None, query_id: str
) -> flight.FlightDataStream:
    """A query of its own for this reader; it ends with the reader."""
    connection = service.connection(call)
    subscription = service.streams.start_subscribed(connection, sql, params, query_id)
    emissions = Emissions(subscription, query_id, lambda: service.streams.stop_soon(query_id))
    return attach(call, emissions)


def attach(call: Call, emissions: Emissions) -> flight.FlightDataStream:
    """Tie a subscription to its call, so that it ends with it however it ends."""
    call.on_cancel(emissions.close)
    call.on_end(lambda _: emissions.close())
    return emissions.stream()


@dataclass(frozen=True)
class Change:
    """What a statement without rows did: rows changed, or a streaming query started."""

    query_id: str
    rows_affected: int | None = None
    tag: str | None = None
    stream_name: str | None = None

    def table(self) -> pa.Table:
        return rows_affected_table(self.rows_affected)


def change(
    service: Service,
    call: Call,
    info: StatementInfo,
    sql: str,
    params: list[Any] | None,
    query_id: str,
) -> Change:
    """Run a statement that returns no rows; it is done, or its query started, on return."""
    if is_continuous(info):
        query = service.streams.start(
            service.connection(call), sql, params=params, query_id=query_id
        )
        return Change(query.query_id, stream_name=query.name)
    tracked = service.queries.start(query_id, "statement", sql)
    call.on_cancel(lambda: cancel_in_kernel(service, query_id))
    try:
        result = service.connection(call).execute(sql, params, query_id)
    except Exception as fault:
        raise tracked.fail(fault) from fault
    tracked.finish(result.rows_affected or 0)
    return Change(query_id, result.rows_affected, result.tag)


def cancel_in_kernel(service: Service, query_id: str) -> str | None:
    """The state afterwards; None when the kernel no longer knows the query."""
    try:
        return service.session.cancel(query_id)
    except KernelError as fault:
        if fault.code == codes.UNKNOWN_QUERY:
            return None
        raise
