"""The side port: gRPC health and reflection, for orchestrators and tools like grpcurl."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from velaria.flight_server.listeners import cannot_listen

FLIGHT_SERVICE = "arrow.flight.protocol.FlightService"
_WORKERS = 2
_STOP_GRACE_S = 0.5


class SidePort:
    """Says SERVING for "" and for the Flight service until told to drain."""

    def __init__(self, address: str) -> None:
        self._health = health.HealthServicer()
        self._server = grpc.server(ThreadPoolExecutor(_WORKERS, thread_name_prefix="side"))
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        names = (health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, self._server)
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as fault:
            parts = urlsplit(f"//{address}")
            raise cannot_listen(address, parts, "for the side port") from fault
        self.address = f"{address.rsplit(':', 1)[0]}:{port}"

    def start(self) -> None:
        self._server.start()
        self._set(health_pb2.HealthCheckResponse.SERVING)

    def drain(self) -> None:
        self._set(health_pb2.HealthCheckResponse.NOT_SERVING)

    def stop(self) -> None:
        self._server.stop(_STOP_GRACE_S).wait()

    def _set(self, status: int) -> None:
        for name in ("", FLIGHT_SERVICE):
            self._health.set(name, status)
