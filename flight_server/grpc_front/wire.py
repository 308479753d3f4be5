"""Protocol buffers by hand, as much of them as Flight's messages need.

FlightData carries megabytes, so its parts are views into what gRPC delivered and it is put together
in one join. The other messages are pyarrow's, but for the few that it does not write by itself.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

Bytes = bytes | memoryview

DESCRIPTOR, HEADER, METADATA, BODY = 1, 2, 3, 1000
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
_VARINT_BYTES_MAX = 10


_NOTHING = memoryview(b"")


@dataclass(frozen=True)
class FlightData:
    """One message of a DoPut or DoExchange; parts that were not sent are empty."""

    descriptor: memoryview | None = None
    header: memoryview = _NOTHING
    metadata: memoryview = _NOTHING
    body: memoryview = _NOTHING


def parse_flight_data(raw: Bytes) -> FlightData:
    """VEL1001 for what is no FlightData. Fields that Flight does not know are skipped."""
    parts: dict[int, memoryview] = {}
    for number, value in fields_of(raw):
        if number not in (DESCRIPTOR, HEADER, METADATA, BODY):
            continue
        if number in parts:
            raise _bad(f"a field comes twice in one FlightData; field: {number}")
        if not isinstance(value, memoryview):
            raise _bad(f"a field of a FlightData is not of bytes; field: {number}")
        parts[number] = value
    return FlightData(
        parts.get(DESCRIPTOR),
        parts.get(HEADER, _NOTHING),
        parts.get(METADATA, _NOTHING),
        parts.get(BODY, _NOTHING),
    )


def flight_data(
    header: Bytes, body: Sequence[Any], body_bytes: int, metadata: bytes | None = None
) -> bytes:
    """FlightData of an IPC message; `body` is its buffers in order, `body_bytes` their sum."""
    parts: list[Any] = [start_of(HEADER, len(header)), header] if header else []
    if metadata:
        parts += [start_of(METADATA, len(metadata)), metadata]
    if body_bytes:
        parts += [start_of(BODY, body_bytes), *body]
    return b"".join(parts)


def fields_of(raw: Bytes) -> Iterator[tuple[int, memoryview | int]]:
    """Number and value of each field: a view of its bytes, or a number."""
    view = memoryview(raw)
    at = 0
    while at < len(view):
        key, at = _varint_at(view, at)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise _bad("a field of the message has the number 0")
        if kind == _VARINT:
            value, at = _varint_at(view, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint_at(view, at)
        elif kind in _FIXED_BYTES:
            size = _FIXED_BYTES[kind]
        else:
            raise _bad(f"a field of the message is of no known kind; field: {number}")
        if size > len(view) - at:
            raise _bad(f"a field of the message is longer than the message; field: {number}")
        yield number, view[at : at + size]
        at += size


def bytes_field(raw: Bytes, wanted: int) -> bytes:
    """The last field of that number, empty when there is none."""
    found = b""
    for number, value in fields_of(raw):
        if number == wanted and isinstance(value, memoryview):
            found = bytes(value)
    return found


def field(number: int, data: Bytes) -> bytes:
    return start_of(number, len(data)) + data


def start_of(number: int, size: int) -> bytes:
    """What stands before the bytes of a field."""
    return _varint(number << 3 | _BYTES) + _varint(size)


def body_bytes_of(header: bytes) -> int:
    """How long the body of an IPC message is: `bodyLength`, the fourth field of the flatbuffer
    table Message (Arrow's format/Message.fbs); absent means 0. Only for headers of our own making.
    """
    (table,) = struct.unpack_from("<I", header, 0)
    (back,) = struct.unpack_from("<i", header, table)
    vtable = table - back
    (vtable_bytes,) = struct.unpack_from("<H", header, vtable)
    entry = 4 + 2 * 3
    if entry >= vtable_bytes:
        return 0
    (offset,) = struct.unpack_from("<H", header, vtable + entry)
    return int(struct.unpack_from("<q", header, table + offset)[0]) if offset else 0


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _varint_at(view: memoryview, at: int) -> tuple[int, int]:
    """The number at a place, and the place after it."""
    number = 0
    for index in range(_VARINT_BYTES_MAX):
        if at + index >= len(view):
            raise _bad("the message is cut short")
        byte = view[at + index]
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return number, at + index + 1
    raise _bad("a number in the message has no end")


def _bad(message: str) -> VelariaError:
    return VelariaError(
        codes.BAD_REQUEST,
        message,
        hint="Send the messages of arrow.flight.protocol, each as one protocol buffer.",
    )
