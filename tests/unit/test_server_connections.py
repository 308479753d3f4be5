"""Cutting a client's connection by its address leaves all others, and no file open."""

import os
import socket

import pytest

from velaria.flight_server.limits import connections
from velaria.flight_server.limits.connections import cut, host_of


def connected() -> tuple[socket.socket, socket.socket, int]:
    """The server's and the client's end, and the port listened on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        return listener.accept()[0], client, listener.getsockname()[1]


def peer_of(client: socket.socket) -> str:
    return f"ipv4:127.0.0.1:{client.getsockname()[1]}"


def test_only_the_peers_connection_is_cut_and_no_file_is_left_open() -> None:
    server, client, port = connected()
    other_server, other, other_port = connected()
    with server, client, other_server, other:
        before = len(os.listdir("/proc/self/fd"))
        assert cut(peer_of(client), frozenset({port, other_port}))
        assert len(os.listdir("/proc/self/fd")) == before
        assert client.recv(1) == b""
        other_server.sendall(b"x")
        assert other.recv(1) == b"x"


def test_what_is_no_socket_any_more_leaves_no_file_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections.stat, "S_ISSOCK", lambda mode: True)
    before = len(os.listdir("/proc/self/fd"))
    assert not cut("ipv4:127.0.0.1:1", frozenset({1}))
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_peer_of_another_listener_or_host_is_left() -> None:
    server, client, port = connected()
    with server, client:
        assert not cut(peer_of(client), frozenset({port + 1}))
        assert not cut(f"ipv4:127.0.0.2:{client.getsockname()[1]}", frozenset({port}))
        assert not cut("unix:", frozenset({port}))
        server.sendall(b"x")
        assert client.recv(1) == b"x"


@pytest.mark.parametrize(
    ("peer", "host"),
    [
        ("ipv4:127.0.0.1:41230", "ipv4:127.0.0.1"),
        ("ipv6:%5B::1%5D:41230", "ipv6:::1"),
        ("ipv6:[::1]:41230", "ipv6:::1"),
        ("unix:", "unix"),
        ("", ""),
    ],
)
def test_the_host_of_a_peer(peer: str, host: str) -> None:
    assert host_of(peer) == host
