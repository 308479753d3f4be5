"""grpc.health.v1 and reflection beside whatever else a gRPC server serves."""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from velaria.flight_server.traces import FLIGHT_SERVICE

if TYPE_CHECKING:
    from velaria.flight_server.health import Health, HealthReport


class HealthServicer(health.HealthServicer):  # type: ignore[misc]
    """SERVING for "" and for the Flight service while the server takes work, degraded or not.

    Looks at the server's health when it is asked, not only when a change was told.
    """

    def __init__(self, of_server: "Health") -> None:
        super().__init__()
        self._of_server = of_server
        self._telling = threading.Lock()
        self._told_status: int | None = None

    def tell(self, report: "HealthReport") -> None:
        kind = health_pb2.HealthCheckResponse
        status = kind.SERVING if report.takes_work else kind.NOT_SERVING
        with self._telling:
            if status == self._told_status:
                return  # watchers would be told again
            self._told_status = status
            for name in ("", FLIGHT_SERVICE):
                self.set(name, status)

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 (gRPC's name)
        self.tell(self._of_server.report())
        return super().Check(request, context)


def add_health(server: grpc.Server, of_server: "Health", names: Iterable[str] = ()) -> None:
    """Adds both; `names` are the services of the server that reflection tells beside them."""
    servicer = HealthServicer(of_server)
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    told = (*names, health.SERVICE_NAME, reflection.SERVICE_NAME)
    reflection.enable_server_reflection(told, server)
    of_server.on_change(servicer.tell)
