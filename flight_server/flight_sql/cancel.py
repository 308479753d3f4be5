"""CancelFlightInfo and CancelQuery end a query by the FlightInfo it was told in, and
RenewFlightEndpoint gives a ticket its lifetime again."""

from typing import Any

from velaria.flight_server.calls import Call
from velaria.flight_server.cancelling import cancel_query
from velaria.flight_server.decoding import decode
from velaria.flight_server.flight_sql import statements
from velaria.flight_server.flight_sql.messages import (
    CancelStatus,
    is_flight_sql,
    new,
    parse,
    unpack,
)
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.batch_metadata import FlightInfoMetadata
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import StatementTicket

# States of queries; one that has ended by itself cannot be cancelled any more.
_STATUS_OF = {"cancelled": CancelStatus.CANCELLED, "running": CancelStatus.CANCELLING}


def cancel_flight_info(service: Service, call: Call, message: Any) -> Any:
    return new("CancelFlightInfoResult", status=_cancel(service, call, message.info))


def cancel_old(service: Service, call: Call, message: Any) -> Any:
    """ActionCancelQuery, which Arrow has replaced by CancelFlightInfo."""
    info = parse("FlightInfo", message.info)
    return new("ActionCancelQueryResult", result=_cancel(service, call, info))


def renew(service: Service, call: Call, message: Any) -> Any:
    """An endpoint with the same ticket, good for its whole lifetime from now, as is what holds its
    rows. VEL1005."""
    ticket = _signed_ticket(message.endpoint.ticket.ticket)
    fresh = service.tickets.renew(ticket)
    held_until_unix_ms = service.held.renew(ticket.query_id) if ticket.effect == "held" else None
    return statements.endpoint(service, fresh, held_until_unix_ms)


def _cancel(service: Service, call: Call, info: Any) -> CancelStatus:
    try:
        state = cancel_query(service, call, _query_id_of(service, info))
    except VelariaError as fault:
        if fault.code != codes.UNKNOWN_QUERY:
            raise
        return CancelStatus.NOT_CANCELLABLE
    return _STATUS_OF.get(state, CancelStatus.NOT_CANCELLABLE)


def _query_id_of(service: Service, info: Any) -> str:
    """That of the ticket, whose signature shows that it was given by this server; without one that
    of the app_metadata."""
    if info.endpoint:
        ticket = _signed_ticket(info.endpoint[0].ticket.ticket)
        service.tickets.check(ticket)
        return ticket.query_id
    metadata: FlightInfoMetadata = decode(info.app_metadata, FlightInfoMetadata, "app_metadata")
    return metadata.query_id


def _signed_ticket(raw: bytes) -> StatementTicket:
    """A ticket as Flight SQL wraps it, or as a plain client has it; its signature is unchecked."""
    if not is_flight_sql(raw):
        ticket: StatementTicket = decode(raw, StatementTicket, "ticket")
        return ticket
    name, message = unpack(raw)
    if name != "TicketStatementQuery":
        raise VelariaError(codes.BAD_TICKET, f"the ticket is not one of a query: {name}")
    return statements.ticket_of(message)
