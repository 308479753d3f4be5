"""The side port: gRPC health and reflection, for orchestrators and tools like grpcurl."""

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import grpc

from velaria.flight_server.grpc_health import add_health
from velaria.flight_server.listeners import cannot_listen

if TYPE_CHECKING:
    from velaria.flight_server.health import Health

_WORKERS = 2
_STOP_GRACE_S = 0.5


class SidePort:
    """Health of the server for whoever cannot ask by Flight."""

    def __init__(self, address: str, of_server: "Health") -> None:
        self._server = grpc.server(ThreadPoolExecutor(_WORKERS, thread_name_prefix="side"))
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as fault:
            parts = urlsplit(f"//{address}")
            raise cannot_listen(address, parts, "for the side port") from fault
        self.address = f"{address.rsplit(':', 1)[0]}:{port}"
        add_health(self._server, of_server)

    def start(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop(_STOP_GRACE_S).wait()
