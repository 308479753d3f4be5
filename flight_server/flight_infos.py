"""FlightInfo, made in this place alone, so that each tells the same things in the same way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.flight_sql.messages import DescriptorType, new
from velaria.schemas.batch_metadata import FlightInfoMetadata

_UNKNOWN = -1
"""A count that is not known, to Flight."""


@dataclass(frozen=True)
class FlightInfo:
    """`message` is Flight's."""

    schema: pa.Schema
    message: Any

    def serialize(self) -> bytes:
        return bytes(self.message.SerializeToString())


def endpoint_of(ticket: bytes, expires_unix_ms: int | None = None) -> Any:
    """Flight's message: to be read from where the info came from."""
    told: dict[str, Any] = {"ticket": {"ticket": ticket}}
    if expires_unix_ms is not None:
        told["expiration_time"] = timestamp_of(expires_unix_ms)
    return new("FlightEndpoint", **told)


def timestamp_of(unix_ms: int) -> dict[str, int]:
    """The fields of protobuf's Timestamp."""
    seconds, rest_ms = divmod(unix_ms, 1000)
    return {"seconds": seconds, "nanos": rest_ms * 1_000_000}


def info_of(
    schema: pa.Schema,
    descriptor: flight.FlightDescriptor,
    endpoints: Sequence[Any],
    query_id: str | None = None,
    row_count: int | None = None,
    byte_count: int | None = None,
) -> FlightInfo:
    """Rows as endpoints (tickets alone will do), none while there is nothing to read. Rows of
    several endpoints have no order. `query_id` is what tells and cancels the query; a count is None
    while it is not known."""
    metadata = msgspec.msgpack.encode(FlightInfoMetadata(query_id=query_id)) if query_id else b""
    message = new(
        "FlightInfo",
        schema=schema.serialize().to_pybytes(),
        flight_descriptor=_message_of(descriptor),
        endpoint=[endpoint_of(one) if isinstance(one, bytes) else one for one in endpoints],
        total_records=_UNKNOWN if row_count is None else row_count,
        total_bytes=_UNKNOWN if byte_count is None else byte_count,
        ordered=len(endpoints) <= 1,
        app_metadata=metadata,
    )
    return FlightInfo(schema, message)


def _message_of(descriptor: flight.FlightDescriptor) -> Any:
    if descriptor.descriptor_type == flight.DescriptorType.PATH:
        return new("FlightDescriptor", type=DescriptorType.PATH, path=descriptor.path)
    return new("FlightDescriptor", type=DescriptorType.CMD, cmd=descriptor.command)
