"""What the client's callers catch: Flight errors as VelariaErrors whose text says all they know."""

from collections.abc import Iterator
from contextlib import contextmanager

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
            raise uncoded(fault) from None
        error = from_reply(reply)
        error.caret = caret_of(sql, error.line, error.column)
        error.args = (error_text(error),)
        raise error from None


def uncoded(fault: Exception) -> VelariaError:
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
