"""One RPC from its headers to its status: the call is begun, run, ended and told how it ended."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial

import grpc
import pyarrow.flight as flight

from velaria.flight_server.calls import Call
from velaria.flight_server.errors import (
    EXTRA_INFO_TRAILER,
    boundary,
    error_reply_of,
    refusal_boundary,
    to_flight_error,
    to_refusal,
)
from velaria.flight_server.grpc_front.context import CallContext, subject_of
from velaria.flight_server.grpc_front.rpcs import RPCS, Exchange, RpcSpec
from velaria.flight_server.grpc_front.status import Ending, ending_of
from velaria.flight_server.limits.limits import Limits
from velaria.flight_server.limits.shares import Shares
from velaria.flight_server.server import FlightMethods
from velaria.flight_server.traces import FLIGHT_SERVICE
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

_PREFIX = f"/{FLIGHT_SERVICE}/"


class FlightHandler(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Finds the RPC of a path. Of `calls_max` calls under way each client may have its
    share. `run_aside` runs what follows a client that went away, off gRPC's own thread, which
    serves all calls."""

    def __init__(
        self,
        methods: FlightMethods,
        limits: Limits,
        calls_max: int,
        run_aside: Callable[[Callable[[], None]], object],
    ) -> None:
        self._methods = methods
        self._limits = limits
        self._calls_max = calls_max
        self._places = Shares("calls are under way")
        self._run_aside = run_aside

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        path: str = details.method
        spec = RPCS.get(path.removeprefix(_PREFIX)) if path.startswith(_PREFIX) else None
        if spec is None:
            return None
        return grpc.stream_stream_rpc_method_handler(_Behavior(self, spec))

    def run(
        self,
        spec: RpcSpec,
        requests: Iterator[bytes],
        rpc: grpc.ServicerContext,
        respond: Callable[[bytes | None], None],
    ) -> None:
        """Never raises: what fails is the call's status."""
        end = _End(rpc, respond)
        end.tell(self._carried_out(spec, requests, rpc, respond, end))

    def _carried_out(
        self,
        spec: RpcSpec,
        requests: Iterator[bytes],
        rpc: grpc.ServicerContext,
        respond: Callable[[bytes | None], None],
        end: "_End",
    ) -> Ending | None:
        """How the call failed; None when it did not. It is over for the server on return."""
        try:
            with boundary():
                headers = rpc.invocation_metadata()
                call = self._methods.calls.start_call(spec.name, headers, subject_of(rpc))
        except flight.FlightError as refusal:
            return ending_of(refusal)
        call.facts.peer = str(rpc.peer())
        call.end_silent = lambda silent: end.tell(ending_of(to_refusal(silent)))
        context = CallContext(rpc, call)
        rpc.add_callback(lambda: self._client_may_be_gone(call))
        fault = None

        def send(message: bytes) -> None:
            context.send_headers()
            respond(message)
            if context.is_cancelled():
                raise VelariaError(codes.CANCELLED, "the client went away in the middle")

        try:
            first_message = partial(self._limits.first_message, call)
            exchange = Exchange(self._methods, context, requests, send, first_message)
            with self._place(call):
                spec.run(exchange)
            context.send_headers()
        except Exception as raised:  # noqa: BLE001 (this is the boundary)
            fault = as_flight_error(raised, context)
            with suppress(grpc.RpcError, ValueError):  # the call has ended in the meantime
                context.send_headers()
        call.call_completed(fault)
        return None if fault is None else ending_of(fault)

    @contextmanager
    def _place(self, call: Call) -> Iterator[None]:
        """A part of the listener's places for each client, so that none can take all."""
        with refusal_boundary():
            place = self._places.enter(call.client.holder, self._calls_max, self._limits.share())
        with place:
            yield

    def _client_may_be_gone(self, call: Call) -> None:
        """Called by gRPC at the end of every RPC, however it ends."""
        if call.context is not None:
            self._run_aside(call.cancel)


class _End:
    """How a call ends is told once: by its own thread, or by who ends it from outside meanwhile."""

    def __init__(self, rpc: grpc.ServicerContext, respond: Callable[[bytes | None], None]) -> None:
        self._rpc = rpc
        self._respond = respond
        self._lock = threading.Lock()
        self._is_told = False

    def tell(self, ending: Ending | None) -> None:
        """Its status; None for a good end."""
        with self._lock:
            if self._is_told:
                return
            self._is_told = True
        if ending is not None:
            self._rpc.set_code(ending.status)
            self._rpc.set_details(ending.text)
            self._rpc.set_trailing_metadata(ending.trailers)
        self._respond(None)


class _Behavior:
    """What grpcio calls on a thread of its pool. With this attribute it hands over the function
    that sends, and the call is in one place from its beginning to its end."""

    experimental_non_blocking = True

    def __init__(self, handler: FlightHandler, spec: RpcSpec) -> None:
        self._handler = handler
        self._spec = spec

    def __call__(
        self,
        requests: Iterator[bytes],
        rpc: grpc.ServicerContext,
        respond: Callable[[bytes | None], None],
    ) -> None:
        self._handler.run(self._spec, requests, rpc, respond)


def as_flight_error(fault: Exception, context: CallContext) -> flight.FlightError:
    """A failure as the books take it, with its ErrorReply: in the error, or left as a trailer by
    the boundary of Flight SQL."""
    extra_info = context.trailer(EXTRA_INFO_TRAILER)
    if extra_info:
        return flight.FlightServerError(str(fault), extra_info)
    if isinstance(fault, flight.FlightError) and error_reply_of(fault) is not None:
        return fault
    return to_flight_error(fault)
