"""How a failed call ends: its gRPC status, and the trailers that clients read."""

import string
from dataclasses import dataclass
from urllib.parse import quote

import grpc
import msgspec
import pyarrow.flight as flight

from velaria.flight_server import status_details
from velaria.flight_server.errors import EXTRA_INFO_TRAILER, error_reply_of
from velaria.flight_server.statuses import GrpcCode, status_of
from velaria.schemas.errors import ErrorReply

# A client drops a call whose headers are longer than 8 KiB in sum. Text is percent-encoded there.
_TEXT_BYTES_MAX = 2500
_FIELD_CHARS_MAX = 600

# Arrow's client passes extra_info on with every status when the server tells an Arrow status, too,
# and else with some. This one is its UnknownError; what is raised is by gRPC's status.
_ARROW_STATUS = ("x-arrow-status", "9")


@dataclass(frozen=True)
class Ending:
    """Status, text and trailers of a call that failed."""

    status: grpc.StatusCode
    text: str
    trailers: tuple[tuple[str, str | bytes], ...]


def ending_of(fault: flight.FlightError) -> Ending:
    """Of an error with an ErrorReply, which every error has that left a boundary."""
    reply = error_reply_of(fault)
    assert reply is not None
    # A method for clients that are known to take it well says so by the error's class.
    is_told = isinstance(fault, flight.FlightCancelledError)
    code = GrpcCode.CANCELLED if is_told else status_of(reply.code).code
    text = _short_text(str(fault))
    extra_info: bytes = fault.extra_info
    if status_details.is_status(extra_info):
        extra_info = status_details.encoded(reply, code, text)
    elif len(extra_info) > _TEXT_BYTES_MAX:
        extra_info = msgspec.msgpack.encode(_shortened(reply))
    trailers = ((EXTRA_INFO_TRAILER, extra_info), _ARROW_STATUS)
    return Ending(grpc.StatusCode[code.name], text, trailers)


def _shortened(reply: ErrorReply) -> ErrorReply:
    texts = {
        name: getattr(reply, name)[:_FIELD_CHARS_MAX] for name in ("message", "detail", "hint")
    }
    return msgspec.structs.replace(reply, **texts)


def _short_text(text: str) -> str:
    """The beginning that fits when each byte that is not printable ASCII takes three."""
    while len(quote(text, safe=string.printable)) > _TEXT_BYTES_MAX:
        text = text[: len(text) * 3 // 4]
    return text
