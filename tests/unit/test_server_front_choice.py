"""Which front serves which address."""

import pytest

from velaria.flight_server.grpc_front.front import GrpcFront
from velaria.flight_server.listeners import front_of
from velaria.flight_server.native_front import NativeFront


@pytest.mark.parametrize(
    ("uri", "front"),
    [
        ("grpc://127.0.0.1:0", NativeFront),
        ("grpc://localhost:31337", NativeFront),
        ("grpc://[::1]:0", NativeFront),
        ("grpc+unix:///tmp/v.sock", NativeFront),
        ("grpc://0.0.0.0:0", GrpcFront),
        ("grpc://10.1.2.3:31337", GrpcFront),
        ("grpc+tls://127.0.0.1:0", GrpcFront),
    ],
)
def test_an_address_off_this_host_is_served_by_grpcio(uri: str, front: type) -> None:
    assert front_of(uri, "auto") is front
    assert front_of(uri, "native") is NativeFront
    assert front_of(uri, "grpcio") is GrpcFront
