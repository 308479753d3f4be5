"""Statements from Flight's side: told about without running, run by DoGet, or run at once.

A SELECT runs at DoGet, each time anew, over the names and rows that stood when its ticket was made.
A statement that changes something runs at the first DoGet of its ticket, or at once by sql.execute
when it returns no rows; FlightInfo never runs anything.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from velaria._kernel import QueryResult, StatementInfo
from velaria.flight_server.calls import Call
from velaria.flight_server.flight_infos import FlightInfo, info_of
from velaria.flight_server.flight_sql import connections, each_row, parameters
from velaria.flight_server.limits.metered import Meter
from velaria.flight_server.parts import Started
from velaria.flight_server.permitted import described, permitted, started
from velaria.flight_server.plain_types import plain_schema
from velaria.flight_server.pulling import pulled
from velaria.flight_server.queries import TrackedQuery, new_query_id
from velaria.flight_server.result_batches import (
    AS_IT_IS,
    asked_schema,
    stream_of_batches,
    stream_of_result,
)
from velaria.flight_server.results import (
    ROWS_AFFECTED,
    DataStream,
    Emissions,
    RowStream,
    rows_affected_table,
)
from velaria.flight_server.service import Service
from velaria.flight_server.tickets import TicketEffect, refuse_second_reading
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.results import ResultOptions, options_in
from velaria.schemas.tickets import QueryCommand, StatementTicket

StreamOf = Callable[[Call, QueryResult, Meter], DataStream]
HeldStreamOf = Callable[[pa.Schema, Iterator[pa.RecordBatch], ResultOptions], DataStream]


def in_form(options: ResultOptions) -> StreamOf:
    """The rows as `options` ask for them: by default the kernel's reader as it is."""
    return lambda call, result, meter: stream_of_result(result, options, meter)


def describe(
    service: Service, call: Call, sql: str, params: list[Any] | None, query_id: str | None = None
) -> StatementInfo:
    """The kernel's description of a statement that the call may run; one that is wrong or not
    permitted is recorded as a failed run."""
    try:
        return described(service, call, sql, params)
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


def result_schema(info: StatementInfo, options: ResultOptions = AS_IT_IS) -> pa.Schema:
    """What FlightInfo tells and DoGet sends."""
    if info.returns_rows and info.schema is not None:
        is_plain = is_continuous(info)
        return plain_schema(info.schema) if is_plain else asked_schema(info.schema, options)
    return ROWS_AFFECTED


def issue_ticket(
    service: Service,
    info: StatementInfo,
    sql: str,
    params: list[Any] | None,
    query_id: str,
    options: ResultOptions = AS_IT_IS,
) -> bytes:
    """A ticket for a described statement, which will run under the promised id."""
    effect = effect_of(info)
    if effect == "continuous":
        refuse_options(options)
    if effect == "once":
        service.once.promise(query_id)
    described = info if effect == "rows" else None
    return service.tickets.issue(sql, params, query_id, effect, options, described=described)


def refuse_options(options: ResultOptions) -> None:
    """VEL1008 for a continuous query: its batches are its emissions, each sent when it is there."""
    if options_in(options) != options_in(AS_IT_IS):
        raise VelariaError(
            codes.UNSUPPORTED_REQUEST,
            "a continuous query's batches are sent as they are emitted",
            hint="Leave the result options out.",
        )


def flight_info(
    service: Service,
    call: Call,
    descriptor: flight.FlightDescriptor,
    command: QueryCommand,
    row_count: int | None = None,
    byte_count: int | None = None,
) -> FlightInfo:
    info = describe(service, call, command.sql, command.params)
    with service.promised() as query_id:
        tickets = _issue_tickets(service, info, command, query_id)
    schema = result_schema(info, command)
    return info_of(schema, descriptor, tickets, query_id, row_count, byte_count)


def _issue_tickets(
    service: Service, info: StatementInfo, command: QueryCommand, query_id: str
) -> list[bytes]:
    """One for each endpoint. What is no plain SELECT has one, however many were asked for."""
    sql, params = command.sql, command.params
    if command.parallel == 1 or effect_of(info) != "rows":
        return [issue_ticket(service, info, sql, params, query_id, command)]
    service.parts.promise(query_id)
    return [
        service.tickets.issue(sql, params, query_id, "part", command, part, described=info)
        for part in range(command.parallel)
    ]


def open_ticket(
    service: Service,
    call: Call,
    ticket: StatementTicket,
    stream: StreamOf | None = None,
    stream_held: HeldStreamOf = stream_of_batches,
) -> DataStream:
    """`stream` makes a SELECT's rows what goes out; else they go as the ticket asks."""
    service.tickets.check(ticket)
    connections.enter_numbered(service, call, ticket.connection)
    pinned = service.tickets.pinned(ticket)
    rows = parameters.from_ticket(ticket.parameters)
    if rows is not None and rows.num_rows != 1 and ticket.effect == "rows":
        with service.queries.redeem(ticket.query_id) as query_id:
            return each_row.open_rows(service, call, ticket.sql, rows, query_id, pinned)
    sql, params = ticket.sql, parameters.first_row(rows) or ticket.params

    def run() -> pa.Table:
        with service.queries.redeem(ticket.query_id) as query_id:
            info = describe(service, call, sql, params, query_id)
            return change(service, call, info, sql, params, query_id).table()

    if ticket.effect == "part":
        return _open_part(service, call, ticket, pinned)
    if ticket.effect == "held":
        return _open_held(service, call, ticket, stream_held)
    if ticket.effect == "once":
        service.limits.count_result(call)
        return RowStream(service.once.reply(ticket.query_id, run))
    with service.queries.redeem(ticket.query_id) as query_id:
        if ticket.effect == "once_rows":
            refuse_second_reading(ticket, query_id)
        if ticket.effect == "continuous":
            return _open_continuous(service, call, sql, params, query_id)
        form = stream or in_form(ticket)
        return _open_rows(service, call, sql, params, query_id, form, pinned)


def open_text(service: Service, call: Call, command: QueryCommand) -> DataStream:
    sql, params, query_id = command.sql, command.params, new_query_id()
    info = describe(service, call, sql, params)
    match effect_of(info):
        case "rows" | "once_rows":
            return _open_rows(service, call, sql, params, query_id, in_form(command), info)
        case "continuous":
            refuse_options(command)
            return _open_continuous(service, call, sql, params, query_id)
        case _:
            done = change(service, call, info, sql, params, query_id)
            return RowStream(done.table())


def _open_rows(
    service: Service,
    call: Call,
    sql: str,
    params: list[Any] | None,
    query_id: str,
    stream: StreamOf,
    described: StatementInfo | None,
) -> DataStream:
    tracked = service.queries.start(query_id, "query", sql)
    limits = service.limits
    try:
        service.connection(call)
        limits.count_result(call)
        watched = limits.statement(call, tracked)
        result = started(service, call, tracked, sql, params, described)
        rows = stream(call, result, limits.meter(tracked, watched))
    except Exception as fault:
        raise tracked.fail(fault) from fault
    tracked.follow(result)
    watched.result = result
    call.on_end(lambda fault: end_rows(tracked, result, fault))
    return rows


def _open_part(
    service: Service, call: Call, ticket: StatementTicket, pinned: StatementInfo | None
) -> DataStream:
    """One reader's share of a query that the first of its readers starts."""

    limits = service.limits

    def start() -> Started:
        with service.queries.redeem(ticket.query_id) as query_id:
            tracked = service.queries.start(query_id, "query", ticket.sql)
        try:
            service.connection(call)
            watched = limits.lasting(call, tracked, is_awaited=True)
            try:
                result = started(service, call, tracked, ticket.sql, ticket.params, pinned)
            except Exception:
                watched.close()
                raise
        except Exception as fault:
            raise tracked.fail(fault) from fault
        tracked.follow(result)
        watched.result = result
        meter = limits.meter(tracked, watched)
        return Started(tracked, result, meter.batches(pulled(result)), watched.close)

    limits.count_result(call)
    reading = service.parts.find(ticket.query_id)
    reading.enter(ticket.part, start)
    call.on_cancel(lambda: reading.break_off(ticket.part))
    call.on_end(lambda _: reading.leave(ticket.part))
    reader = limits.reader(call, lambda silent: reading.break_off(ticket.part, silent))
    assert reading.schema is not None
    return stream_of_batches(reading.schema, reading.batches(reader), ticket)


def _open_held(
    service: Service, call: Call, ticket: StatementTicket, stream: HeldStreamOf
) -> DataStream:
    """The rows of a query that query.poll started, from the first on."""
    service.limits.count_result(call)
    held, result, batches = service.held.take(ticket.query_id)
    service.limits.reading(call, held.tracked, result)
    call.on_end(lambda fault: end_rows(held.tracked, result, fault))
    assert result.schema is not None
    return stream(result.schema, batches, ticket)


def end_rows(tracked: TrackedQuery, result: QueryResult, fault: pa.ArrowException | None) -> None:
    """Called after the last byte: what the kernel says about the query is how its run ended."""
    state, row_count = result.state, result.row_count
    if state == "finished":
        tracked.finish(row_count)
    elif state == "failed":
        tracked.fail(result.failure() or fault or RuntimeError(state), row_count)
    else:
        result.cancel()
        tracked.cancel(row_count)


def _open_continuous(
    service: Service, call: Call, sql: str, params: list[Any] | None, query_id: str
) -> DataStream:
    """A query of its own for this reader; it ends with the reader."""
    service.limits.count_result(call)
    with permitted(service, call, sql, params) as connection:
        subscription = service.streams.start_subscribed(connection, sql, params, query_id)
    emissions = Emissions(
        subscription,
        query_id,
        call.refuse_when_unknown,
        lambda: service.streams.stop_soon(query_id),
    )
    return attach(call, emissions)


def attach(call: Call, emissions: Emissions) -> DataStream:
    """Tie a subscription to its call, so that it ends with it however it ends."""
    call.on_cancel(emissions.close)
    call.on_end(lambda _: emissions.close())
    return emissions.stream()


def whole(
    service: Service,
    call: Call,
    info: StatementInfo,
    sql: str,
    params: list[Any] | None,
    query_id: str,
) -> pa.Table:
    """All rows of a statement that returns few, read here."""
    tracked = service.queries.start(query_id, "query", sql)
    result: QueryResult | None = None
    try:
        watched = service.limits.statement(call, tracked)
        result = started(service, call, tracked, sql, params, info)
        tracked.follow(result)
        watched.result = result
        rows = result.read_all()
    except Exception as fault:
        raise tracked.fail((result and result.failure()) or fault) from fault
    watched.leave_place()
    tracked.finish(rows.num_rows)
    return rows


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
        with permitted(service, call, sql, params) as connection:
            query = service.streams.start(connection, sql, params=params, query_id=query_id)
        return Change(query.query_id, stream_name=query.name)
    tracked = service.queries.start(query_id, "statement", sql)
    try:
        watched = service.limits.statement(call, tracked)
        result = started(service, call, tracked, sql, params, info)
    except Exception as fault:
        raise tracked.fail(fault) from fault
    watched.leave_place()
    tracked.finish(result.rows_affected or 0)
    return Change(query_id, result.rows_affected, result.tag)


def at_once(service: Service, call: Call, sql: str) -> None:
    """A statement of ours without rows, in the call's session."""
    info = describe(service, call, sql, None)
    with service.promised() as query_id, service.queries.redeem(query_id) as running_id:
        change(service, call, info, sql, None, running_id)
