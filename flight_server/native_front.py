"""The front for clients on this host: Arrow's own server in C++, which enters Python once for a
small call, and not at all for the rows of a result.

`_kernel.FlightFront` has the wire; it calls the handlers below on gRPC's threads, each call from
its beginning to its end on one. docs/adr/0019 says why.
"""

import pyarrow as pa
import pyarrow.flight as flight

from velaria import _kernel
from velaria.flight_server.errors import refusal_boundary, to_flight_error
from velaria.flight_server.results import DataStream
from velaria.flight_server.server import FlightMethods
from velaria.flight_server.service import Service
from velaria.flight_server.statuses import native_name

_READ_BEFORE_OURS = ("DoPut", "DoExchange")
"""Arrow's server reads their first message before it calls a method of ours."""


class NativeFront:
    """One listener, without TLS. Several may share a Service. OSError when it cannot listen."""

    def __init__(self, service: Service, uri: str) -> None:
        self._front = _kernel.FlightFront(uri, Handlers(service))
        self.port: int = self._front.port

    def shutdown(self) -> None:
        """Returns when the calls under way have ended."""
        self._front.shutdown()


class Handlers:
    """What the front calls for each RPC: `begin`, its method, and `completed` when `begin` went
    well. Descriptors come as their command, or the list of their path."""

    def __init__(self, service: Service) -> None:
        self._methods = FlightMethods(service)
        self._limits = service.limits

    def begin(self, context: _kernel.FlightCall) -> None:
        """A Handshake is done with by it. Calls whose first message the front waits for are watched
        for that from here."""
        method = context.method
        call = self._methods.calls.start_call(method, context.headers())
        context.call = call
        for name, value in call.answering_headers().items():
            context.add_header(name, value)
        try:
            if method == "Handshake":
                self._methods.handshake(context)
            elif method in _READ_BEFORE_OURS:
                call.facts.peer = context.peer()
                with refusal_boundary():
                    call.heard = self._limits.unheard(call)
        except Exception as refusal:
            self.completed(context, str(refusal), getattr(refusal, "extra_info", b""))
            raise

    def completed(self, context: _kernel.FlightCall, text: str | None, extra_info: bytes) -> None:
        """After the last byte; `text` of what ended it, if it did not end well."""
        fault = None if text is None else flight.FlightServerError(text, extra_info)
        context.call.call_completed(fault)

    def failure(self, fault: BaseException) -> tuple[str, str, bytes]:
        """Name of the status, text and extra_info; what no boundary has seen is a fault of ours."""
        name = native_name(type(fault))
        if name is None:
            fault = to_flight_error(fault)
            name = native_name(type(fault))
        assert name is not None
        return name, str(fault), getattr(fault, "extra_info", b"")

    def list_flights(self, context: _kernel.FlightCall, criteria: bytes) -> list[bytes]:
        return [info.serialize() for info in self._methods.list_flights(context, criteria)]

    def get_flight_info(self, context: _kernel.FlightCall, told: bytes | list[bytes]) -> bytes:
        info = self._methods.get_flight_info(context, _descriptor(told))
        return bytes(info.serialize())

    def poll_flight_info(self, context: _kernel.FlightCall, told: bytes | list[bytes]) -> bytes:
        return self._methods.poll_flight_info(context, _descriptor(told)).serialize()

    def get_schema(self, context: _kernel.FlightCall, told: bytes | list[bytes]) -> pa.Schema:
        return self._methods.get_schema(context, _descriptor(told))

    def do_get(self, context: _kernel.FlightCall, ticket: bytes) -> DataStream:
        return self._methods.do_get(context, ticket)

    def do_put(
        self,
        context: _kernel.FlightCall,
        told: bytes | list[bytes],
        reader: _kernel.WireReader,
        writer: _kernel.ResultSender,
    ) -> None:
        self._methods.do_put(context, _descriptor(told), reader, writer)

    def do_exchange(
        self,
        context: _kernel.FlightCall,
        told: bytes | list[bytes],
        reader: _kernel.WireReader,
        writer: _kernel.BatchSender,
    ) -> None:
        self._methods.do_exchange(context, _descriptor(told), reader, writer)

    def do_action(self, context: _kernel.FlightCall, name: bytes, body: bytes) -> list[bytes]:
        return self._methods.do_action(context, name.decode("utf-8", "replace"), body)

    def list_actions(self, context: _kernel.FlightCall) -> list[tuple[str, str]]:
        return self._methods.list_actions(context)


def _descriptor(told: bytes | list[bytes]) -> flight.FlightDescriptor:
    if isinstance(told, bytes):
        return flight.FlightDescriptor.for_command(told)
    return flight.FlightDescriptor.for_path(*told)
