"""The three ways to say a thing, told apart by the first bytes of a descriptor's command or a
ticket.

A Flight SQL message starts with the type_url of a protobuf Any; a Velaria command is a
MessagePack map; any other UTF-8 text is a statement.
"""

import datetime
from typing import Any

from velaria.flight_server.decoding import check_size, decode
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError
from velaria.schemas.tickets import (
    DescriptorCommand,
    IngestCommand,
    QueryCommand,
    StatementTicket,
    SubscribeCommand,
    TicketCommand,
)

_FLIGHT_SQL_PREFIX = b"type.googleapis.com/arrow.flight.protocol.sql."
_ANY_TYPE_URL_TAG = 0x0A
_TYPE_URL_BYTES_MAX = 127
_PARAMETER_TYPES = (bool, int, float, str, bytes, datetime.datetime)


def parse_descriptor(raw: bytes) -> QueryCommand | SubscribeCommand | IngestCommand:
    command = _parse(raw, DescriptorCommand, "descriptor's command")
    assert isinstance(command, QueryCommand | SubscribeCommand | IngestCommand)
    return command


def parse_ticket(raw: bytes) -> QueryCommand | SubscribeCommand | StatementTicket:
    command = _parse(raw, TicketCommand, "ticket")
    assert isinstance(command, QueryCommand | SubscribeCommand | StatementTicket)
    return command


def _parse(raw: bytes, commands: Any, what: str) -> Any:
    check_size(raw, what)
    refuse_flight_sql(raw)
    if raw and _starts_map(raw[0]):
        command = decode(raw, commands, what)
        check_parameters(getattr(command, "params", None))
        return command
    try:
        return QueryCommand(sql=raw.decode("utf-8"))
    except UnicodeDecodeError as fault:
        raise VelariaError(
            codes.BAD_REQUEST,
            f"the {what} is neither UTF-8 text nor a MessagePack map, at byte {fault.start}",
        ) from None


def _starts_map(byte: int) -> bool:
    return 0x80 <= byte <= 0x8F or byte in (0xDE, 0xDF)


def refuse_flight_sql(raw: bytes) -> None:
    """Flight SQL is recognised and refused by the name of its message."""
    if len(raw) < 2 or raw[0] != _ANY_TYPE_URL_TAG or raw[1] > _TYPE_URL_BYTES_MAX:
        return
    type_url = raw[2 : 2 + raw[1]]
    if not type_url.startswith(_FLIGHT_SQL_PREFIX):
        return
    name = type_url[len(_FLIGHT_SQL_PREFIX) :].decode("ascii", "replace")
    message = "".join(c for c in name if c.isalnum())
    raise VelariaError(
        codes.UNSUPPORTED_REQUEST,
        f"Flight SQL is not offered by this server: {message}",
        hint="Send the statement as plain text, or as a MessagePack command.",
    )


def check_parameters(params: list[Any] | None) -> None:
    for index, value in enumerate(params or ()):
        if value is not None and not isinstance(value, _PARAMETER_TYPES):
            raise VelariaError(
                codes.BAD_PARAMETER,
                f"parameter {index + 1} is of a type no statement takes: {type(value).__name__}",
            )
