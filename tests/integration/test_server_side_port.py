"""The side port: health for orchestrators, reflection for tools."""

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from tests.server_process import ServerProcess


@pytest.mark.parametrize("name", ["", "arrow.flight.protocol.FlightService"])
def test_health_says_serving(server: ServerProcess, name: str) -> None:
    with grpc.insecure_channel(server.ready["side"]) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        reply = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
    assert reply.status == health_pb2.HealthCheckResponse.SERVING


def test_reflection_names_the_services(server: ServerProcess) -> None:
    with grpc.insecure_channel(server.ready["side"]) as channel:
        stub = reflection_pb2_grpc.ServerReflectionStub(channel)
        request = reflection_pb2.ServerReflectionRequest(list_services="")
        (reply,) = stub.ServerReflectionInfo(iter([request]), timeout=5)
    names = {service.name for service in reply.list_services_response.service}
    assert "grpc.health.v1.Health" in names
