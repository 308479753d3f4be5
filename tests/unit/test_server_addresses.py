"""Addresses: the port that is left out, those that clash, and all that a name stands for."""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow.flight as flight
import pytest

import velaria
from velaria.flight_server import listeners
from velaria.flight_server.addresses import refuse_clashes, with_port
from velaria.flight_server.client import Client
from velaria.flight_server.listeners import refuse_taken_addresses
from velaria.flight_server.options import Options
from velaria.flight_server.running import RunningServer
from velaria.schemas.errors import VelariaError


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


@pytest.mark.parametrize(
    "uri",
    [
        "grpc://ann:canary@127.0.0.1:1",
        "grpc+tls://canary@db.example",
        "https://ann:canary@db.example",
        "grpc://127.0.0.1:1?token=canary",
        "grpc://127.0.0.1:1#canary",
    ],
)
def test_an_address_with_a_secret_is_refused_without_it(uri: str) -> None:
    with pytest.raises(VelariaError, match="VEL1007 a server's address holds neither") as caught:
        Client(uri)
    assert "canary" not in f"{caught.value} {caught.value.detail} {caught.value.hint}"
    assert "token=" in caught.value.hint


def test_the_client_tries_a_server_again_within_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}
    monkeypatch.setattr(flight, "connect", lambda _, **options: told.update(options))
    Client("grpc://localhost")
    waits_ms = dict(told["generic_options"])
    assert waits_ms["grpc.initial_reconnect_backoff_ms"] < 1000
    assert waits_ms["grpc.max_reconnect_backoff_ms"] <= 5000


@pytest.mark.parametrize(
    ("listen", "side", "metrics", "clash"),
    [
        (["grpc://127.0.0.1:4101", "grpc://127.0.0.1:4101"], "", "", True),
        (["grpc://127.0.0.1", "grpc+tls://127.0.0.1:31337"], "", "", True),
        (["grpc://127.0.0.1:4101", "grpc://0.0.0.0:4101"], "", "", True),
        (["grpc://[::]:4101", "grpc://127.0.0.1:4101"], "", "", True),
        (["grpc+unix:///tmp/v.sock", "grpc+unix:///tmp/../tmp/v%2Esock"], "", "", True),
        (["grpc://127.0.0.1:4101"], "localhost:4101", "", True),
        (["grpc://127.0.0.1:4101"], "", "127.0.0.1:4101", True),
        (["grpc://127.0.0.1:4101"], "127.0.0.1:4102", "localhost:4102", True),
        (["grpc://127.0.0.1:4101", "grpc://127.0.0.2:4101"], "", "", False),
        (["grpc://0.0.0.0:4101", "grpc://[::1]:4101"], "", "", False),
        (["grpc://127.0.0.1:0", "grpc://127.0.0.1:0"], "127.0.0.1:0", "127.0.0.1:0", False),
        (["grpc://127.0.0.1:4101", "grpc://127.0.0.1:4102"], "127.0.0.1:4103", "", False),
        (["grpc+unix:///tmp/v.sock", "grpc+unix:///tmp/w.sock"], "", "", False),
        (["grpc://127.0.0.1:99999", "grpc://127.0.0.1:99999"], "x", "", False),
    ],
)
def test_two_listeners_with_one_address_are_refused(
    listen: list[str], side: str, metrics: str, clash: bool
) -> None:
    told = {"server.listen": listen, "server.side": side, "metrics.listen": metrics}
    if not clash:
        return refuse_clashes(Options(told))
    with pytest.raises(VelariaError) as caught:
        refuse_clashes(Options(told))
    assert caught.value.code == "VEL1007"
    assert caught.value.hint
    assert "two listeners would have one address" in caught.value.message


def test_nothing_is_opened_where_two_listeners_have_one_address(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    told = {"server.side": "127.0.0.1:4101", "server.listen": ["grpc://127.0.0.1:4101"]}
    with pytest.raises(VelariaError, match="two listeners"):
        RunningServer(Options({**told, "server.data_dir": str(folder)}))
    assert not folder.exists()


@contextmanager
def taken(host: str) -> Iterator[int]:
    """Somebody else listens on a port of this address."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        other = socket.create_server((host, 0), family=family)
    except OSError as fault:
        pytest.skip(f"the host has no {host}: {fault}")
    with other:
        yield other.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_of_localhost_is_in_use_when_one_of_its_addresses_is(host: str) -> None:
    with taken(host) as port, pytest.raises(VelariaError, match="address in use"):
        refuse_taken_addresses(Options({"server.listen": [f"grpc://localhost:{port}"]}))


@pytest.mark.parametrize("front", ["native", "grpcio"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_any_port_of_localhost_is_free_on_both_its_addresses(
    host: str, front: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The port that the system chooses for one address may be somebody else's on the other, whom
    then a part of the clients would reach, with their tokens."""
    choose, chosen = listeners._any_port, []
    with taken(host) as other:

        def other_first(found: Any) -> int:
            chosen.append(other if not chosen else choose(found))
            return chosen[-1]

        monkeypatch.setattr(listeners, "_any_port", other_first)
        told = {"server.listen": ["grpc://localhost:0"], "server.side": "", "postgres.dsn": "none"}
        options = Options({**told, "server.front": front, "server.threads": 1})
        with closing(RunningServer(options)) as running:
            assert len(chosen) > 1
            assert running.service.flight_uris == [f"grpc://localhost:{chosen[-1]}"]
            for _, (each, *_) in listeners.bound_by("localhost", 0):
                near = f"[{each}]" if ":" in each else each
                with velaria.connect(f"grpc://{near}:{chosen[-1]}") as client:
                    assert client.sql("SELECT 1").to_rows() == [(1,)]


def test_an_address_that_this_host_does_not_have_is_no_fault_beside_one_that_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = [(socket.AF_INET, ("192.0.2.1", 0)), (socket.AF_INET, ("127.0.0.1", 0))]
    monkeypatch.setattr(listeners, "bound_by", lambda *_: found)
    assert listeners.fault_of_binding(urlsplit("grpc://localhost:0")) is None
    monkeypatch.setattr(listeners, "bound_by", lambda *_: found[:1])
    assert listeners.fault_of_binding(urlsplit("grpc://localhost:0")) == errno.EADDRNOTAVAIL
