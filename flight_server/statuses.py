"""How each error code ends a call: its gRPC status, and what makes the native front end one so.

Arrow's server has two thirds of the statuses; for the others the nearest that it has.
"""

from enum import IntEnum
from typing import NamedTuple

import pyarrow.flight as flight

from velaria.schemas import errors as codes


class GrpcCode(IntEnum):
    """gRPC's statuses of failed calls, by their numbers, as far as they are used."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


class InvalidRequest(Exception):
    """gRPC INVALID_ARGUMENT."""


class NotFound(Exception):
    """gRPC NOT_FOUND."""


class AlreadyExists(Exception):
    """gRPC ALREADY_EXISTS."""


class NotOffered(Exception):
    """gRPC UNIMPLEMENTED."""


class Status(NamedTuple):
    """`code` is gRPC's, on the grpcio front; `kind` is what a Flight SQL method raises, on the
    native one. Drivers make their kind of error of it. `plain` is what plain Flight raises: its
    clients read the code in extra_info, so it says more than that only where they act on the class.
    """

    code: GrpcCode
    kind: type[Exception]
    plain: type[flight.FlightError] = flight.FlightServerError


def _alike(code: GrpcCode, kind: type[flight.FlightError]) -> Status:
    """Of the same class in both."""
    return Status(code, kind, kind)


_INVALID = Status(GrpcCode.INVALID_ARGUMENT, InvalidRequest)
_NOT_FOUND = Status(GrpcCode.NOT_FOUND, NotFound)
_NOT_OFFERED = Status(GrpcCode.UNIMPLEMENTED, NotOffered)
_WRONG_STATE = Status(GrpcCode.FAILED_PRECONDITION, InvalidRequest)
_UNAVAILABLE = Status(GrpcCode.UNAVAILABLE, flight.FlightUnavailableError)
_TRY_LATER = _alike(GrpcCode.UNAVAILABLE, flight.FlightUnavailableError)
_UNKNOWN = Status(GrpcCode.UNKNOWN, flight.FlightServerError)

# By the longest beginning of the code that stands here. What is wrong with a statement or its size
# is INVALID_ARGUMENT: ADBC's driver calls FAILED_PRECONDITION unknown and RESOURCE_EXHAUSTED
# internal.
_STATUSES: dict[str, Status] = {
    "VEL1": _INVALID,
    codes.UNKNOWN_ACTION: _NOT_OFFERED,
    codes.UNSUPPORTED_REQUEST: _NOT_OFFERED,
    codes.UNAUTHENTICATED: _alike(GrpcCode.UNAUTHENTICATED, flight.FlightUnauthenticatedError),
    codes.NOT_PERMITTED: _alike(GrpcCode.PERMISSION_DENIED, flight.FlightUnauthorizedError),
    codes.UNKNOWN_HANDLE: _NOT_FOUND,
    "VEL2": _INVALID,
    "VEL2002": _NOT_OFFERED,  # a statement that is understood and not supported
    "VEL2011": _NOT_FOUND,  # table
    "VEL2012": _NOT_FOUND,  # column
    "VEL2014": _NOT_FOUND,  # function
    "VEL2017": _NOT_FOUND,  # type
    "VEL2024": Status(GrpcCode.ALREADY_EXISTS, AlreadyExists),  # table
    codes.UNKNOWN_SCHEMA: _NOT_FOUND,
    "VEL2030": _NOT_FOUND,  # prepared statement
    "VEL3": _INVALID,
    # Not CANCELLED, and no FlightCancelledError in plain Flight: pyarrow's read_all takes them for
    # Ctrl-C and interrupts the program it runs in. A client that cancels its call is told CANCELLED
    # by its own gRPC.
    codes.CANCELLED: Status(GrpcCode.ABORTED, flight.FlightCancelledError),
    codes.DEADLINE_EXCEEDED: _alike(GrpcCode.DEADLINE_EXCEEDED, flight.FlightTimedOutError),
    codes.OUT_OF_MEMORY: Status(GrpcCode.RESOURCE_EXHAUSTED, flight.FlightUnavailableError),
    "VEL3014": Status(
        GrpcCode.ABORTED, flight.FlightUnavailableError
    ),  # another transaction was first
    "VEL4": _INVALID,
    codes.UNKNOWN_QUERY: _NOT_FOUND,
    codes.QUERY_STATE: _WRONG_STATE,
    "VEL4012": _WRONG_STATE,  # the stream's input has ended
    "VEL5": _UNAVAILABLE,
    codes.SERVER_DRAINING: _TRY_LATER,
    codes.OVERLOADED: _TRY_LATER,
    codes.LEDGER_UNAVAILABLE: _TRY_LATER,
    codes.RATE_LIMITED: Status(GrpcCode.RESOURCE_EXHAUSTED, flight.FlightUnavailableError),
    codes.CALL_IDLE: Status(GrpcCode.DEADLINE_EXCEEDED, flight.FlightTimedOutError),
    "VEL9": _alike(GrpcCode.INTERNAL, flight.FlightInternalError),
}


class _Sent(NamedTuple):
    """A status of Arrow's server by its name in the native front."""

    name: str
    code: GrpcCode


_SENT_NATIVELY: dict[type[BaseException], _Sent] = {
    InvalidRequest: _Sent("invalid", GrpcCode.INVALID_ARGUMENT),
    NotFound: _Sent("not_found", GrpcCode.NOT_FOUND),
    AlreadyExists: _Sent("already_exists", GrpcCode.ALREADY_EXISTS),
    NotOffered: _Sent("unimplemented", GrpcCode.UNIMPLEMENTED),
    flight.FlightServerError: _Sent("failed", GrpcCode.UNKNOWN),
    flight.FlightCancelledError: _Sent("cancelled", GrpcCode.CANCELLED),
    flight.FlightInternalError: _Sent("internal", GrpcCode.INTERNAL),
    flight.FlightTimedOutError: _Sent("timed_out", GrpcCode.DEADLINE_EXCEEDED),
    flight.FlightUnauthenticatedError: _Sent("unauthenticated", GrpcCode.UNAUTHENTICATED),
    flight.FlightUnauthorizedError: _Sent("unauthorized", GrpcCode.PERMISSION_DENIED),
    flight.FlightUnavailableError: _Sent("unavailable", GrpcCode.UNAVAILABLE),
}


def sent_natively(kind: type[BaseException]) -> GrpcCode:
    """The status with which the native front ends a call whose method raises this."""
    return _SENT_NATIVELY[kind].code


def native_name(kind: type[BaseException]) -> str | None:
    """What the native front calls that status; None for what no boundary lets out."""
    sent = _SENT_NATIVELY.get(kind)
    return sent and sent.name


def status_of(code: str) -> Status:
    for length in range(len(code), 0, -1):
        found = _STATUSES.get(code[:length])
        if found is not None:
            return found
    return _UNKNOWN
