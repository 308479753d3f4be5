"""An error as google.rpc.Status, which gRPC's own clients of every language expect in the trailer
grpc-status-details-bin: its code is the call's status, its message the text, and its one detail a
google.rpc.ErrorInfo whose `reason` is our code and whose `metadata` are the fields of ErrorReply.

Go's client gives such a call the status INTERNAL when the two codes differ.
"""

from typing import Any

from velaria.flight_server.statuses import GrpcCode
from velaria.schemas.errors import ErrorReply, VelariaError

DOMAIN = "velaria"
HEADERS_BYTES_MAX = 7600
"""Of what is sent of an error: clients refuse more than 8 KiB of headers, names included."""

_STATUS_CODE_TAG = 0x08
_NUMBERS = ("line", "column")
_SHORT = ("retry", *_NUMBERS)
_WHOLE = ("message", "detail", "hint", *_SHORT)


def is_status(raw: bytes) -> bool:
    """Whether extra_info is of this form: a MessagePack map begins with another byte."""
    return raw[:1] == bytes([_STATUS_CODE_TAG])


def encoded(reply: ErrorReply, code: GrpcCode, text: str) -> bytes:
    """As long as fits beside `text`, which is sent as gRPC's message and as Arrow's, too: else the
    first line of the text stands for it, and then detail and hint are left out."""
    room_bytes = HEADERS_BYTES_MAX - _quoted_bytes(text) - _base64_bytes(len(text.encode()))
    first_line = text.split("\n", 1)[0]
    raw = b""
    for message, names in (
        (text, _WHOLE),
        (first_line, _WHOLE),
        (first_line, _SHORT),
        (reply.code, _SHORT),
    ):
        raw = _encoded(reply, code, message, names)
        if _base64_bytes(len(raw)) <= room_bytes:
            break
    return raw


def _encoded(reply: ErrorReply, code: GrpcCode, message: str, names: tuple[str, ...]) -> bytes:
    fields = {name: str(value) for name in names if (value := getattr(reply, name))}
    info = _messages().new("ErrorInfo", reason=reply.code, domain=DOMAIN, metadata=fields)
    detail = {
        "type_url": f"type.googleapis.com/{info.DESCRIPTOR.full_name}",
        "value": info.SerializeToString(deterministic=True),
    }
    status = _messages().new("Status", code=int(code), message=message, details=[detail])
    return bytes(status.SerializeToString(deterministic=True))


def reply_of(raw: bytes) -> ErrorReply | None:
    """The error inside such a Status; None when it holds none of ours."""
    messages = _messages()
    try:
        (detail,) = messages.parse("Status", raw).details
        info = messages.parse("ErrorInfo", detail.value)
        told = dict(info.metadata)
        line, column = (int(told.get(name) or 0) for name in _NUMBERS)
    except (VelariaError, ValueError):
        return None
    if info.domain != DOMAIN:
        return None
    return ErrorReply(
        code=info.reason,
        message=told.get("message", ""),
        detail=told.get("detail", ""),
        hint=told.get("hint", ""),
        retry=told.get("retry", "never"),
        line=line,
        column=column,
    )


def _messages() -> Any:
    """Not at import: a client whose errors are all of the other form needs no protobuf."""
    from velaria.flight_server.flight_sql import messages

    return messages


def _quoted_bytes(text: str) -> int:
    """As gRPC's message, in which a byte that is not printable ASCII takes three."""
    return sum(1 if 32 <= byte < 127 and byte != ord("%") else 3 for byte in text.encode())


def _base64_bytes(size: int) -> int:
    return -(-size // 3) * 4
