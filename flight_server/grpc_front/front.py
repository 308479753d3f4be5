"""A listener by grpcio: the Flight service, health and reflection on one port.

What Arrow's server has not: a limit on messages before they are taken in, identity decided before
a message is read, keepalive, an age of connections, a bound on threads, all status codes, and
certificates that are read anew.
"""

import grpc

from velaria.flight_server.call_threads import CallThreads
from velaria.flight_server.grpc_front.handler import FlightHandler
from velaria.flight_server.grpc_front.target import target_of
from velaria.flight_server.grpc_front.tls import server_credentials
from velaria.flight_server.grpc_health import add_health
from velaria.flight_server.identity.tls import TlsFiles
from velaria.flight_server.options import Options
from velaria.flight_server.server import FlightMethods
from velaria.flight_server.service import Service
from velaria.flight_server.traces import FLIGHT_SERVICE

_STOP_GRACE_S = 0.5
_LET_IN = 2
"""How many calls gRPC lets in for each that may be under way: those that are being refused, as
strangers and beyond their share, must not keep others out."""
_CONNECTION_AGE_GRACE_MS = 2**31 - 1  # calls under way go on


class GrpcFront:
    """One listener. Several may share a Service. OSError when it cannot listen."""

    def __init__(self, service: Service, uri: str, tls: TlsFiles | None = None) -> None:
        calls_max: int = service.options.get("grpc.calls_max")
        self._aside = CallThreads(1)
        self._pool = CallThreads(calls_max * _LET_IN)
        handler = FlightHandler(
            FlightMethods(service), service.limits, calls_max, self._aside.submit
        )
        self._server = grpc.server(
            self._pool,
            handlers=[handler],
            options=_channel_options(service.options),
            maximum_concurrent_rpcs=calls_max * _LET_IN,
        )
        self.port = self._listen(target_of(uri), tls)
        add_health(self._server, service.health, (FLIGHT_SERVICE,))
        self._server.start()

    def shutdown(self) -> None:
        """Calls under way have a moment to end, and are cancelled then; returns when all have."""
        self._server.stop(_STOP_GRACE_S).wait()
        self._pool.shutdown()
        self._aside.shutdown()

    def _listen(self, target: str, tls: TlsFiles | None) -> int:
        try:
            if tls is None:
                return int(self._server.add_insecure_port(target))
            return int(self._server.add_secure_port(target, server_credentials(tls)))
        except RuntimeError as fault:
            raise OSError("gRPC cannot listen there") from fault


def _channel_options(options: Options) -> list[tuple[str, int]]:
    def ms(name: str) -> int:
        seconds: float = options.get(name)
        return round(seconds * 1000)

    return [
        ("grpc.max_receive_message_length", options.get("grpc.message_bytes_max")),
        ("grpc.max_send_message_length", -1),
        ("grpc.so_reuseport", 0),
        ("grpc.keepalive_time_ms", ms("grpc.keepalive_s")),
        ("grpc.keepalive_timeout_ms", ms("grpc.keepalive_timeout_s")),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", ms("grpc.ping_interval_min_s")),
        ("grpc.max_connection_age_ms", ms("grpc.connection_age_s")),
        ("grpc.max_connection_age_grace_ms", _CONNECTION_AGE_GRACE_MS),
    ]
