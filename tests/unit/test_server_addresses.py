"""An address without a port means Velaria's port, at both ends."""

from typing import Any

import pyarrow.flight as flight
import pytest

from velaria.flight_server.addresses import with_port
from velaria.flight_server.client import Client
from velaria.flight_server.listeners import refuse_taken_addresses
from velaria.flight_server.options import Options


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        ("grpc://localhost", "grpc://localhost:31337"),
        ("grpc://localhost:", "grpc://localhost:31337"),
        ("grpc+tcp://[::1]", "grpc+tcp://[::1]:31337"),
        ("grpc+tls://db.example", "grpc+tls://db.example:31337"),
        ("grpc://127.0.0.1:0", "grpc://127.0.0.1:0"),
        ("grpc://127.0.0.1:443", "grpc://127.0.0.1:443"),
        ("grpc://127.0.0.1:99999", "grpc://127.0.0.1:99999"),
        ("grpc://[::1", "grpc://[::1"),
        ("grpc://", "grpc://"),
        ("grpc+unix:///tmp/v.sock", "grpc+unix:///tmp/v.sock"),
        ("localhost", "localhost"),
    ],
)
def test_a_port_that_is_left_out_is_ours(told: str, meant: str) -> None:
    assert with_port(told) == meant


def test_both_ends_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(flight, "connect", lambda uri, **_: asked.append(uri))
    Client("grpc://localhost")
    monkeypatch.setattr(
        "velaria.flight_server.listeners.fault_of_binding",
        lambda parts: asked.append(parts.port),
    )
    refuse_taken_addresses(Options({"server.listen": ["grpc://localhost"], "server.side": ""}))
    assert asked == ["grpc://localhost:31337", 31337]
