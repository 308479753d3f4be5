"""Flight SQL by plain pyarrow.flight: a message as a descriptor, its ticket read, its trailers."""

from typing import Any

import grpc
import pyarrow as pa
import pyarrow.flight as flight

from tests.server_process import ServerProcess, told_in
from velaria.flight_server.flight_sql.messages import new, pack

SERVICE = "/arrow.flight.protocol.FlightService/"


def descriptor_of(name: str, **fields: Any) -> flight.FlightDescriptor:
    return flight.FlightDescriptor.for_command(pack(new(name, **fields)))


def listed(
    client: flight.FlightClient,
    name: str,
    options: flight.FlightCallOptions | None = None,
    **fields: Any,
) -> pa.Table:
    """The rows that a command leads to; their schema is that of FlightInfo and of GetSchema."""
    descriptor = descriptor_of(name, **fields)
    info = client.get_flight_info(descriptor, options)
    (endpoint,) = info.endpoints
    table = client.do_get(endpoint.ticket, options).read_all()
    assert table.schema.equals(info.schema, check_metadata=True)
    assert client.get_schema(descriptor, options).schema.equals(info.schema, check_metadata=True)
    return table


def refusal_of(server: ServerProcess, method: str, raw: bytes) -> tuple[grpc.StatusCode, str, str]:
    """Status, code and text of a call that is refused: raw gRPC, so that nothing is hidden."""
    if method == "DoGet":
        asked = b"\x0a" + _varint(len(raw)) + raw
    else:
        asked = flight.FlightDescriptor.for_command(raw).serialize()
    with grpc.insecure_channel(server.uri.removeprefix("grpc://")) as channel:
        try:
            if method == "DoGet":
                list(channel.unary_stream(SERVICE + method)(asked, timeout=10))
            else:
                channel.unary_unary(SERVICE + method)(asked, timeout=10)
        except grpc.RpcError as fault:
            extra = dict(fault.trailing_metadata()).get("grpc-status-details-bin", b"")
            error = told_in(extra) if extra else {"code": ""}
            # Go's client makes INTERNAL of a call of which it is told two statuses.
            assert error.get("status", fault.code().value[0]) == fault.code().value[0]
            return fault.code(), error["code"], str(fault.details())
    raise AssertionError(f"{method} was not refused")


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes(out) + bytes([value])
