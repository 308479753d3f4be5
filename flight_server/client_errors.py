"""What the client's callers catch: Flight errors as VelariaErrors whose text says all they know."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeAlias

import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.errors import (
    caret_of,
    error_reply_of,
    error_text,
    from_reply,
    scrubbed,
)
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

Reached: TypeAlias = Callable[[], VelariaError | None]
"""Looks why a server does not answer; None when there is no more to tell."""

_BY_GRPC = "gRPC returned "
_IS_EXHAUSTED = _BY_GRPC + "resource exhausted error"
_IS_UNIMPLEMENTED = "Flight returned unimplemented error"
_IS_TOO_LARGE = "larger than max"
"""Of a status that Flight has no error for, pyarrow tells the name in its text and nowhere else;
which limit it was, gRPC."""


@contextmanager
def typed_errors(sql: str = "", reached: Reached | None = None) -> Iterator[None]:
    """Flight errors as VelariaErrors; one without a code means that the server was not reached, and
    `reached` then looks why.

    With the statement at hand, the error's place becomes a caret under it.
    """
    try:
        yield
    except (flight.FlightError, pa.ArrowException) as fault:
        reply = error_reply_of(fault)
        if reply is None:
            is_away = isinstance(fault, flight.FlightUnavailableError) and reached is not None
            raise (reached() if is_away and reached else None) or uncoded(fault) from None
        error = from_reply(reply)
        error.caret = caret_of(sql, error.line, error.column)
        error.args = (error_text(error),)
        raise error from None


def session_is_over(error: VelariaError) -> VelariaError:
    """What the server says of the session that a call named, for who need not open another."""
    told = error.anew()
    told.hint = (
        "Its transaction was rolled back; its current schema and temporary tables are gone."
        " Statements from now on run in a new session."
    )
    told.args = (error_text(told),)
    return told


def uncoded(fault: Exception) -> VelariaError:
    """What gRPC itself has to say: the call was given up on this side, or never got through."""
    if isinstance(fault, flight.FlightTimedOutError):
        return VelariaError(codes.DEADLINE_EXCEEDED, "the call took longer than its timeout")
    if isinstance(fault, flight.FlightCancelledError):
        return VelariaError(codes.CANCELLED, "the call was cancelled")
    text = str(fault)
    reason = scrubbed(text.split("with message: ")[-1].split(". gRPC client")[0])
    if text.startswith(_IS_EXHAUSTED):
        if _IS_TOO_LARGE not in text:
            return VelariaError(codes.OVERLOADED, f"the server takes no more calls now: {reason}")
        return VelariaError(
            codes.REQUEST_TOO_LARGE,
            f"a message of the call is larger than the server takes: {reason}",
            hint="Send less at once: a statement, its parameters and each row have to fit. The"
            " limit is the server's setting grpc.message_bytes_max.",
        )
    if text.startswith(_IS_UNIMPLEMENTED):
        return VelariaError(
            codes.CONNECTION,
            f"what answers at that address is no Flight server: {reason}",
            hint="The side port, with health, has another address than clients: that of --listen.",
            retry="never",
        )
    if not isinstance(fault, flight.FlightError) and not text.startswith(_BY_GRPC):
        return VelariaError(codes.MALFORMED_BATCH, f"not valid Arrow data: {reason}")
    return VelariaError(
        codes.CONNECTION,
        f"the server cannot be reached: {reason}",
        hint="Is a server running at that address? `velaria serve` starts one.",
    )
