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
    TransformCommand,
)

PARAMETER_DEPTH_MAX = 32
_PARAMETER_TYPES = (bool, int, float, str, bytes, datetime.datetime)


def parse_descriptor(
    raw: bytes,
) -> QueryCommand | SubscribeCommand | IngestCommand | TransformCommand:
    command = _parse(raw, DescriptorCommand, "descriptor's command")
    assert isinstance(command, DescriptorCommand)
    return command


def parse_polled(
    raw: bytes,
) -> QueryCommand | SubscribeCommand | IngestCommand | TransformCommand | StatementTicket:
    """A descriptor's command, or the one that an answer of PollFlightInfo has named."""
    command = _parse(raw, DescriptorCommand | StatementTicket, "descriptor's command")
    assert isinstance(command, DescriptorCommand | StatementTicket)
    return command


def parse_ticket(raw: bytes) -> QueryCommand | SubscribeCommand | StatementTicket:
    """VEL1005 for a map that is none of these."""
    try:
        command = _parse(raw, TicketCommand, "ticket")
    except VelariaError as fault:
        if fault.code != codes.BAD_COMMAND:
            raise
        raise VelariaError(
            codes.BAD_TICKET,
            "the ticket is none that this server understands",
            detail=fault.message,
            hint="A ticket is what GetFlightInfo or sql.execute has told, the text of a statement, "
            "or a command of type query or subscribe.",
        ) from None
    assert isinstance(command, QueryCommand | SubscribeCommand | StatementTicket)
    return command


def _parse(raw: bytes, commands: Any, what: str) -> Any:
    check_size(raw, what)
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


def check_parameters(params: list[Any] | None) -> None:
    """VEL1006 for what has no type in SQL. Lists and structs are looked into, and no deeper than
    what makes Arrow values of them can go."""
    for index, value in enumerate(params or ()):
        if not _has_type(value, 0):
            raise VelariaError(
                codes.BAD_PARAMETER,
                f"parameter {index + 1} is of a type no statement takes: {type(value).__name__}",
                hint="Send null, a boolean, number, text, bytes or time, or a list or map of them;"
                f" maps have names as keys, and nothing nests deeper than {PARAMETER_DEPTH_MAX}.",
            )


def _has_type(value: Any, depth: int) -> bool:
    if value is None or isinstance(value, _PARAMETER_TYPES):
        return True
    if depth == PARAMETER_DEPTH_MAX:
        return False
    if isinstance(value, dict):
        return all(
            isinstance(name, str) and _has_type(part, depth + 1) for name, part in value.items()
        )
    return isinstance(value, list) and all(_has_type(part, depth + 1) for part in value)
