"""The one boundary between what may fail inside and what a client is told.

Every Flight method, every generator and every action runs inside `boundary`. What leaves it is a
Flight error whose `extra_info` is the MessagePack map of `ErrorReply`, or a google.rpc.Status for a
client of Flight SQL and for a call that is refused before its message is read; its text holds the
code, the message and the caret. A failure without a code of its own is our bug: the client gets
VEL9001 and an id, the log gets the id and the traceback, once.
"""

import re
import secrets
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

import msgspec
import pyarrow.flight as flight

from velaria.flight_server import call_context, status_details
from velaria.flight_server.spare_file import OUT_OF_FILES
from velaria.flight_server.statuses import sent_natively, status_of
from velaria.schemas import errors as codes
from velaria.schemas.errors import ErrorReply, VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.calls import Context

_CODE = re.compile(r"VEL\d{4}\Z")
_REVEALING = re.compile(r"0x[0-9a-fA-F]{5,}|(?:/[\w.+-]+){2,}")

CARET_CHARS_MAX = 100

# Of what leaves by gRPC, whose clients refuse more than 8 KiB of trailers: an error goes there as
# text in which a byte may take three, by the native front once more as it is, and as extra_info.
# In either three bytes take four.
MESSAGE_BYTES_MAX = 800
DETAIL_BYTES_MAX = 500
HINT_BYTES_MAX = 300


def scrubbed(text: str) -> str:
    """The first line of a library's message without file paths and addresses."""
    return _REVEALING.sub("...", text.split("\n", 1)[0]).strip()


def as_velaria_error(fault: BaseException) -> VelariaError:
    """The coded form of any failure, which holds none of its frames; kernel and ledger errors carry
    the same fields."""
    error = _coded(fault)
    call_context.note_code(error.code)
    return error


def _coded(fault: BaseException) -> VelariaError:
    if isinstance(fault, VelariaError):
        return fault.anew()
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
    if isinstance(fault, OSError) and fault.errno in OUT_OF_FILES:
        return VelariaError(
            codes.OVERLOADED,
            "the server has no file handle left for this request",
            hint="Try again when connections or files have been closed; `ulimit -n` bounds them.",
        )
    # Clients import this module, log nothing, and start faster without.
    import structlog

    error_id = secrets.token_hex(4)
    log = structlog.get_logger("velaria.flight_server")
    log.error("internal fault", error_id=error_id, exc_info=fault)
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
    if status_details.is_status(extra):
        return status_details.reply_of(extra)
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


@dataclass(frozen=True)
class Told:
    """An error as a client is sent it: its fields and its text, cut to their limits."""

    reply: ErrorReply
    text: str


def told_of(fault: BaseException) -> Told:
    error = as_velaria_error(fault)
    cut = VelariaError(
        error.code,
        _cut(error.message, MESSAGE_BYTES_MAX),
        detail=_cut(error.detail, DETAIL_BYTES_MAX),
        hint=_cut(error.hint, HINT_BYTES_MAX),
        retry=error.retry,
        line=error.line,
        column=error.column,
        caret=error.caret,
    )
    return Told(cut.reply(), error_text(cut))


def _cut(text: str, bytes_max: int) -> str:
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= bytes_max else raw[:bytes_max].decode("utf-8", "ignore") + "..."


def to_flight_error(fault: BaseException) -> flight.FlightError:
    told = told_of(fault)
    return status_of(told.reply.code).plain(told.text, _map_of(told))


def _map_of(told: Told) -> bytes:
    return msgspec.msgpack.encode(told.reply)


def _details_of(told: Told, kind: type[Exception]) -> bytes:
    return status_details.encoded(told.reply, sent_natively(kind), told.text)


EXTRA_INFO_TRAILER = "grpc-status-details-bin"
"""Where Flight carries extra_info over gRPC."""


def boundary(facts: call_context.CallFacts | None = None) -> AbstractContextManager[None]:
    """Turn whatever is raised inside into a Flight error; one with a code passes as it is.

    `facts` are for a generator, which runs on a thread that has not entered its call.
    """

    return _Crossing(_as_it_leaves, facts)


def _as_it_leaves(fault: Exception) -> Exception:
    passes = isinstance(fault, flight.FlightError) and error_reply_of(fault) is not None
    left: Exception = fault if passes else to_flight_error(fault)
    return left


def refusal_boundary() -> AbstractContextManager[None]:
    """The boundary of what is refused before a message is read: nobody knows yet whose client
    calls, and those of other languages fail on details that are no google.rpc.Status."""
    return _Crossing(to_refusal)


def to_refusal(fault: Exception) -> flight.FlightError:
    """What refusal_boundary makes of a failure, for who ends a call from outside."""
    told = told_of(fault)
    kind = status_of(told.reply.code).plain
    return kind(told.text, _details_of(told, kind))


def status_boundary(
    context: "Context", *, cancelled_apart: bool = False
) -> AbstractContextManager[None]:
    """The boundary of Flight SQL: what leaves it ends the call with the gRPC status of its code,
    and its extra_info is a google.rpc.Status.

    For methods and their generators, while the call lasts. `cancelled_apart`: the status of what
    was cancelled is UNKNOWN, as in plain Flight.
    """

    def leaving(fault: Exception) -> Exception:
        told = told_of(fault)
        context.call.facts.code = told.reply.code  # in mid-stream the thread is in no call
        kind = status_of(told.reply.code).kind
        if cancelled_apart and kind is flight.FlightCancelledError:
            kind = flight.FlightServerError
        details = _details_of(told, kind)
        left: Exception
        if issubclass(kind, flight.FlightError):
            left = kind(told.text, details)
        else:
            context.add_trailer(EXTRA_INFO_TRAILER, details)
            left = kind(told.text)
        return left

    return _Crossing(leaving)


class _Crossing(AbstractContextManager[None]):
    """Whatever is raised inside leaves as what `leaving` makes of it; then the call is left."""

    def __init__(
        self,
        leaving: Callable[[Exception], Exception],
        facts: call_context.CallFacts | None = None,
    ) -> None:
        self._leaving = leaving
        self._facts = facts

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if not isinstance(fault, Exception):
                return
            if self._facts is not None:
                call_context.enter(self._facts)
            left = self._leaving(fault)
            _let_go(fault)
        finally:
            call_context.leave()
        try:
            raise left from None
        finally:
            del left, fault, trace  # else the frame of the error would hold the error


def _let_go(fault: BaseException) -> None:
    """Empty the frames that a failure came through: what they held, batches of a gigabyte among it,
    would be there until the collector finds it."""
    seen: set[int] = set()  # an error can be behind itself
    behind: BaseException | None = fault
    while behind is not None and id(behind) not in seen:
        seen.add(id(behind))
        traceback.clear_frames(behind.__traceback__)
        behind = behind.__cause__ or behind.__context__
