"""The one boundary between what may fail inside and what a client is told.

Every Flight method, every generator and every action runs inside `boundary`. What leaves it is a
Flight error whose `extra_info` is the MessagePack map of `ErrorReply`; its text holds the code,
the message and the caret. A failure without a code of its own is our bug: the client gets VEL9001
and an id, the log gets the id and the traceback, once.
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pyarrow.flight as flight
import structlog

from velaria.schemas import errors as codes
from velaria.schemas.errors import ErrorReply, VelariaError

_log = structlog.get_logger("velaria.flight_server")

_CODE = re.compile(r"VEL\d{4}\Z")
_REVEALING = re.compile(r"0x[0-9a-fA-F]{5,}|(?:/[\w.+-]+){2,}")

CARET_CHARS_MAX = 100

# VEL3010 is left out: pyarrow's read_all takes a FlightCancelledError for Ctrl-C and interrupts the
# program it runs in.
_FLIGHT_CLASSES: dict[str, type[flight.FlightError]] = {
    codes.DEADLINE_EXCEEDED: flight.FlightTimedOutError,
    codes.SERVER_DRAINING: flight.FlightUnavailableError,
    codes.OVERLOADED: flight.FlightUnavailableError,
    codes.LEDGER_UNAVAILABLE: flight.FlightUnavailableError,
    codes.INTERNAL: flight.FlightInternalError,
}


def scrubbed(text: str) -> str:
    """The first line of a library's message without file paths and addresses."""
    return _REVEALING.sub("...", text.split("\n", 1)[0]).strip()


def as_velaria_error(fault: BaseException) -> VelariaError:
    """The coded form of any failure; kernel and ledger errors carry the same fields."""
    if isinstance(fault, VelariaError):
        return fault
    code = getattr(fault, "code", None)
    if isinstance(code, str) and _CODE.match(code):
        return VelariaError(
            code,
            str(getattr(fault, "message", "") or fault),
            detail=str(getattr(fault, "detail", "") or ""),
            hint=str(getattr(fault, "hint", "") or ""),
            retry=str(getattr(fault, "retry", "") or "never"),
            line=int(getattr(fault, "line", 0) or 0),
            column=int(getattr(fault, "column", 0) or 0),
            caret=str(getattr(fault, "caret", "") or ""),
        )
    reply = error_reply_of(fault)
    if reply is not None:
        return from_reply(reply)
    if isinstance(fault, MemoryError):
        return VelariaError(codes.OUT_OF_MEMORY, "the server has no memory left for this request")
    error_id = secrets.token_hex(4)
    _log.error("internal fault", error_id=error_id, exc_info=fault)
    return VelariaError(
        codes.INTERNAL,
        f"a fault of ours; its id in the server's log: {error_id}",
        hint="Report the id together with the statement that led here.",
    )


def error_reply_of(fault: BaseException | None) -> ErrorReply | None:
    """The error inside a Flight error's extra_info; None when there is none."""
    extra = getattr(fault, "extra_info", None)
    if not isinstance(extra, bytes) or not extra:
        return None
    try:
        return msgspec.msgpack.decode(extra, type=ErrorReply)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def from_reply(reply: ErrorReply) -> VelariaError:
    return VelariaError(
        reply.code,
        reply.message,
        detail=reply.detail,
        hint=reply.hint,
        retry=reply.retry,
        line=reply.line,
        column=reply.column,
    )


def error_text(error: VelariaError) -> str:
    """What a person reads: code and message, then caret, detail and hint on lines of their own."""
    lines = [f"{error.code} {error.message}"]
    if error.caret:
        lines.append(error.caret)
    if error.detail:
        lines.append(error.detail)
    if error.hint:
        lines.append(f"hint: {error.hint}")
    return "\n".join(lines)


def caret_of(source: str, line: int, column: int) -> str:
    """Two lines: the faulty line of a statement and a caret below the fault; "" without a place,
    and when there is nothing to show."""
    lines = source.split("\n")
    if not 1 <= line <= len(lines) or column < 1 or not lines[line - 1].strip():
        return ""
    first = max(0, column - CARET_CHARS_MAX // 2)
    shown = lines[line - 1][first : first + CARET_CHARS_MAX].replace("\t", " ")
    return f"{shown}\n{' ' * (column - 1 - first)}^"


def to_flight_error(fault: BaseException) -> flight.FlightError:
    error = as_velaria_error(fault)
    kind = _FLIGHT_CLASSES.get(error.code, flight.FlightServerError)
    return kind(error_text(error), msgspec.msgpack.encode(error.reply()))


EXTRA_INFO_TRAILER = "grpc-status-details-bin"
"""Where Flight carries extra_info over gRPC."""


class UntracedRefusal(Exception):
    """A refusal of GetSchema, the one method where pyarrow sends what is raised with its traceback.

    pyarrow has the traceback module format the exception, and falls back to the type's name when
    that fails. Formatting reads `__cause__`; so this one has none to give, and code and message are
    all of it that leaves the process. Its extra_info goes as a trailer beside it.
    """

    def __init__(self, error: VelariaError) -> None:
        super().__init__(error_text(error))

    @property
    def __cause__(self) -> BaseException | None:  # type: ignore[override]
        raise RuntimeError("not told")


@contextmanager
def untraced_boundary(context: flight.ServerCallContext) -> Iterator[None]:
    """The boundary of GetSchema."""
    try:
        yield
    except Exception as fault:  # noqa: BLE001 (this is the boundary)
        error = as_velaria_error(fault)
    else:
        return
    context.add_trailer(EXTRA_INFO_TRAILER, msgspec.msgpack.encode(error.reply()))
    raise UntracedRefusal(error)


@contextmanager
def boundary() -> Iterator[None]:
    """Turn whatever is raised inside into a Flight error; one with a code passes as it is."""
    try:
        yield
    except Exception as fault:
        if isinstance(fault, flight.FlightError) and error_reply_of(fault) is not None:
            raise
        raise to_flight_error(fault) from None
