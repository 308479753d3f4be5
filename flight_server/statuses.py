"""How each error code ends a call: its gRPC status, and what makes pyarrow's server end one so.

pyarrow's server has half of the statuses; for the others the nearest that it has.
"""

from enum import IntEnum
from typing import NamedTuple

import pyarrow as pa
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


class _Untraced:
    """What pyarrow would send with its traceback, and cannot.

    pyarrow has the traceback module format the exception, and falls back to the type's name when
    that fails. Formatting reads `__cause__`; so this one has none to give, and text and name are
    all of it that leaves the process. Its extra_info goes as a trailer beside it.
    """

    @property
    def __cause__(self) -> BaseException | None:
        raise RuntimeError("not told")


class UntracedRefusal(_Untraced, Exception):  # type: ignore[override]
    """A refusal of GetSchema, where pyarrow traces even Flight's own errors. gRPC UNKNOWN."""


class InvalidRequest(_Untraced, pa.ArrowInvalid):  # type: ignore[misc]
    """gRPC INVALID_ARGUMENT, in every method."""


class NotFound(_Untraced, pa.ArrowKeyError):  # type: ignore[misc]
    """gRPC NOT_FOUND, in every method."""


class NotOffered(_Untraced, NotImplementedError):  # type: ignore[override]
    """gRPC UNIMPLEMENTED, in every method."""


class Status(NamedTuple):
    """`code` is gRPC's, on the grpcio front; `kind` is what a Flight SQL method raises on pyarrow's
    server. Drivers make their kind of error of it. `plain` is what plain Flight raises: its clients
    read the code in extra_info, so it says more than that only where they act on the class."""

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
    "VEL2024": Status(GrpcCode.ALREADY_EXISTS, InvalidRequest),  # table
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

_SENT_BY_PYARROW: dict[type[Exception], GrpcCode] = {
    InvalidRequest: GrpcCode.INVALID_ARGUMENT,
    NotFound: GrpcCode.NOT_FOUND,
    NotOffered: GrpcCode.UNIMPLEMENTED,
    UntracedRefusal: GrpcCode.UNKNOWN,
    flight.FlightServerError: GrpcCode.UNKNOWN,
    flight.FlightCancelledError: GrpcCode.CANCELLED,
    flight.FlightInternalError: GrpcCode.INTERNAL,
    flight.FlightTimedOutError: GrpcCode.DEADLINE_EXCEEDED,
    flight.FlightUnauthenticatedError: GrpcCode.UNAUTHENTICATED,
    flight.FlightUnauthorizedError: GrpcCode.PERMISSION_DENIED,
    flight.FlightUnavailableError: GrpcCode.UNAVAILABLE,
}


def sent_by_pyarrow(kind: type[Exception]) -> GrpcCode:
    """The status with which pyarrow's server ends a call whose method raises this."""
    return _SENT_BY_PYARROW[kind]


def status_of(code: str) -> Status:
    for length in range(len(code), 0, -1):
        found = _STATUSES.get(code[:length])
        if found is not None:
            return found
    return _UNKNOWN
