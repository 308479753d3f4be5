"""An error as google.rpc.Status: bytes that a hand would write, and lengths that gRPC carries."""

import base64
from urllib.parse import quote

import pytest

from velaria.flight_server.status_details import HEADERS_BYTES_MAX, encoded, is_status, reply_of
from velaria.flight_server.statuses import GrpcCode
from velaria.schemas.errors import ErrorReply

ERROR = ErrorReply(
    code="VEL2012", message="unknown column: é", hint="Did you mean e?", line=1, column=8
)
TEXT = "VEL2012 unknown column: é\nSELECT é\n       ^\nhint: Did you mean e?"


def field(number: int, value: bytes) -> bytes:
    length = len(value)
    return (
        bytes([number << 3 | 2])
        + (bytes([length]) if length < 128 else bytes([length & 127 | 128, length >> 7]))
        + value
    )


def entry(name: str, value: str) -> bytes:
    return field(3, field(1, name.encode()) + field(2, value.encode()))


def test_it_is_what_a_hand_would_write() -> None:
    """Field numbers of google/rpc/status.proto, google/rpc/error_details.proto and any.proto."""
    metadata = {
        "column": "8",
        "hint": "Did you mean e?",
        "line": "1",
        "message": "unknown column: é",
        "retry": "never",
    }
    info = field(1, b"VEL2012") + field(2, b"velaria")
    info += b"".join(entry(name, value) for name, value in metadata.items())
    detail = field(1, b"type.googleapis.com/google.rpc.ErrorInfo") + field(2, info)
    by_hand = b"\x08\x05" + field(2, TEXT.encode()) + field(3, detail)
    assert encoded(ERROR, GrpcCode.NOT_FOUND, TEXT) == by_hand


def test_it_is_read_back() -> None:
    raw = encoded(ERROR, GrpcCode.NOT_FOUND, TEXT)
    assert is_status(raw)
    assert reply_of(raw) == ERROR


@pytest.mark.parametrize("letter", ["x", "é", "\x01", "%"])
@pytest.mark.parametrize("length", [10, 500, 800])
def test_text_and_details_fit_into_what_a_client_takes(letter: str, length: int) -> None:
    size = length // len(letter.encode())
    texts = dict.fromkeys(("message", "detail", "hint"), letter * size)
    reply = ErrorReply(code="VEL2012", **texts)
    text = f"VEL2012 {reply.message}\n{reply.detail[: size // 2]}\n{reply.hint[: size // 4]}"
    raw = encoded(reply, GrpcCode.INVALID_ARGUMENT, text)
    sent = len(quote(text)) + len(base64.b64encode(text.encode())) + len(base64.b64encode(raw))
    assert sent <= 8192
    found = reply_of(raw)
    assert found is not None and found.code == "VEL2012"
    assert HEADERS_BYTES_MAX < 8192


@pytest.mark.parametrize(
    "raw", [b"\x08", b"\x08\x05", b"\x08\x05\x1a\x00", b"\x08\xff\xff", b"\x08\x05" * 99]
)
def test_a_status_of_somebody_else_holds_no_error_of_ours(raw: bytes) -> None:
    assert is_status(raw)
    assert reply_of(raw) is None
