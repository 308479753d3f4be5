"""The RPCs of FlightService: each takes its messages apart, calls its method of
FlightMethods, and sends what it gives.

Every RPC is handled as a stream of requests, whatever the protocol says: so who calls is decided
from the headers before a message is read, and the messages of a stranger are never taken in.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.errors import scrubbed
from velaria.flight_server.grpc_front.context import CallContext
from velaria.flight_server.grpc_front.incoming import Incoming, WireReader, next_message
from velaria.flight_server.grpc_front.outgoing import BatchSender, ResultSender, Send
from velaria.flight_server.grpc_front.wire import bytes_field, field
from velaria.flight_server.server import FlightMethods
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError


@dataclass(frozen=True)
class Exchange:
    """One RPC under way: the methods, what they see of the call, its messages in and out.
    `first_message` is entered while the first one is waited for, which has a limit."""

    methods: FlightMethods
    context: CallContext
    requests: Iterator[bytes]
    send: Send
    first_message: Callable[[], AbstractContextManager[None]]

    def request(self) -> bytes:
        """The one message of an RPC that has one."""
        with self.first_message():
            raw = next_message(self.requests)
        if raw is None:
            raise VelariaError(codes.BAD_REQUEST, "the call ended before its message")
        return raw

    def asked(self, kind: Any) -> Any:
        """The one message, as an object of pyarrow.flight."""
        return read(kind, self.request())

    def batches(self) -> tuple[flight.FlightDescriptor, WireReader]:
        """What the first message says the call is about, and the reader of all of them."""
        incoming = Incoming(self.requests)
        with self.first_message():
            descriptor, first = incoming.first_descriptor()
        return descriptor, WireReader(incoming, first)


def read(kind: Any, raw: bytes) -> Any:
    """VEL1001 for what is no such message."""
    try:
        return kind.deserialize(raw)
    except (pa.ArrowException, ValueError, OSError) as fault:
        raise VelariaError(
            codes.BAD_REQUEST, f"the message cannot be read: {scrubbed(str(fault))}"
        ) from None


def list_flights(rpc: Exchange) -> None:
    criteria = bytes_field(rpc.request(), 1)
    for info in rpc.methods.list_flights(rpc.context, criteria):
        rpc.send(info.serialize())


def get_flight_info(rpc: Exchange) -> None:
    descriptor = rpc.asked(flight.FlightDescriptor)
    rpc.send(rpc.methods.get_flight_info(rpc.context, descriptor).serialize())


def poll_flight_info(rpc: Exchange) -> None:
    told = rpc.methods.poll_flight_info(rpc.context, rpc.asked(flight.FlightDescriptor))
    rpc.send(told.serialize())


def get_schema(rpc: Exchange) -> None:
    descriptor = rpc.asked(flight.FlightDescriptor)
    schema = rpc.methods.get_schema(rpc.context, descriptor)
    rpc.send(flight.SchemaResult(schema).serialize())


def do_get(rpc: Exchange) -> None:
    stream = rpc.methods.do_get(rpc.context, rpc.asked(flight.Ticket).ticket)
    sender = BatchSender(rpc.send)
    sender.begin(stream.schema, stream.options)
    for batch, metadata in stream.parts():
        sender.write_with_metadata(batch, metadata)


def do_put(rpc: Exchange) -> None:
    descriptor, reader = rpc.batches()
    rpc.methods.do_put(rpc.context, descriptor, reader, ResultSender(rpc.send))


def do_exchange(rpc: Exchange) -> None:
    descriptor, reader = rpc.batches()
    rpc.methods.do_exchange(rpc.context, descriptor, reader, BatchSender(rpc.send))


def do_action(rpc: Exchange) -> None:
    action = rpc.asked(flight.Action)
    for body in rpc.methods.do_action(rpc.context, action.type, action.body.to_pybytes()):
        rpc.send(field(1, body))


def list_actions(rpc: Exchange) -> None:
    rpc.request()
    for name, summary in rpc.methods.list_actions(rpc.context):
        rpc.send(field(1, name.encode()) + field(2, summary.encode()))


def handshake(rpc: Exchange) -> None:
    """Identity is in the headers, and the answer to it as well; the messages say nothing."""
    rpc.methods.handshake(rpc.context)


@dataclass(frozen=True)
class RpcSpec:
    """`name` is gRPC's; calls are counted and logged by it."""

    name: str
    run: Callable[[Exchange], None]


RPCS = {
    name: RpcSpec(name, run)
    for name, run in {
        "Handshake": handshake,
        "ListFlights": list_flights,
        "GetFlightInfo": get_flight_info,
        "PollFlightInfo": poll_flight_info,
        "GetSchema": get_schema,
        "DoGet": do_get,
        "DoPut": do_put,
        "DoExchange": do_exchange,
        "DoAction": do_action,
        "ListActions": list_actions,
    }.items()
}
