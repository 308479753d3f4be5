"""A session belongs to one TCP connection, and not to the next one from the same port."""

import os
import socket

import pytest

from velaria import _kernel
from velaria.flight_server.flight_sql.peer_sessions import PeerSessions, established, forms_of
from velaria.flight_server.options import Options
from velaria.flight_server.sessions import SessionBook

SERVER_PORT = 31337
PEER, REMOTE = "ipv4:127.0.0.1:37136", "0100007F:9110"
OTHER, OTHER_REMOTE = "ipv4:127.0.0.1:37137", "0100007F:9111"


class Host:
    """Its TCP connections, and the time."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.connections = [(SERVER_PORT, REMOTE, 11), (SERVER_PORT, OTHER_REMOTE, 12)]
        self.look_count = 0

    def look(self) -> list[tuple[int, str, int]]:
        self.look_count += 1
        return self.connections


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def sessions() -> SessionBook:
    return SessionBook(_kernel.Session(threads=1), Options())


@pytest.fixture
def peers(host: Host, sessions: SessionBook) -> PeerSessions:
    return PeerSessions(
        sessions, lambda: frozenset({SERVER_PORT}), lambda: host.now_s, lambda: iter(host.look())
    )


def test_a_connection_finds_its_session_and_no_other_does(
    peers: PeerSessions, sessions: SessionBook
) -> None:
    session_id = sessions.open()
    assert peers.bind(PEER, session_id)
    assert peers.find(PEER) == session_id
    assert peers.find(OTHER) is None
    peers.unbind(PEER)
    assert peers.find(PEER) is None
    assert sessions.holds(session_id)


def test_the_next_connection_from_the_same_port_is_in_no_session(
    host: Host, peers: PeerSessions, sessions: SessionBook
) -> None:
    session_id = sessions.open()
    peers.bind(PEER, session_id)
    host.connections = [(SERVER_PORT, REMOTE, 99)]
    host.now_s = 1.5
    assert peers.find(PEER) is None
    assert not sessions.holds(session_id)


def test_a_session_whose_connection_has_gone_is_closed_when_others_are_bound(
    host: Host, peers: PeerSessions, sessions: SessionBook
) -> None:
    gone, here = sessions.open(), sessions.open()
    peers.bind(PEER, gone)
    host.connections = [(SERVER_PORT, OTHER_REMOTE, 12)]
    host.now_s = 1.5
    assert peers.bind(OTHER, here)
    assert sessions.holds(gone)  # one look may have missed it
    for _ in range(4):
        host.now_s += 1.5
        assert peers.bind(OTHER, here)
    assert (sessions.holds(gone), sessions.holds(here)) == (False, True)


def test_a_connection_that_calls_is_there_whether_or_not_a_look_shows_it(
    host: Host, peers: PeerSessions, sessions: SessionBook
) -> None:
    mine, other = sessions.open(), sessions.open()
    peers.bind(PEER, mine)
    host.connections = [(SERVER_PORT, OTHER_REMOTE, 12)]
    for _ in range(10):
        host.now_s += 1.5
        assert peers.bind(OTHER, other)
        assert peers.find(PEER) == mine


def test_a_connection_that_a_table_shows_twice_is_one(
    host: Host, peers: PeerSessions, sessions: SessionBook
) -> None:
    session_id = sessions.open()
    peers.bind(PEER, session_id)
    host.connections *= 2
    host.now_s = 1.5
    assert peers.find(PEER) == session_id
    assert sessions.holds(session_id)


def test_a_session_bound_while_somebody_looks_is_left_alone(
    host: Host, sessions: SessionBook
) -> None:
    """The look of the first saw the connections as they were before the second came."""
    late = sessions.open()

    def look() -> list[tuple[int, str, int]]:
        seen = [each for each in host.look() if each[1] == REMOTE]
        if host.look_count == 1:
            host.now_s += 0.1
            with peers._lock:
                peers._bound[OTHER, None] = 12, late
            return seen
        return host.connections

    peers = PeerSessions(
        sessions, lambda: frozenset({SERVER_PORT}), lambda: host.now_s, lambda: iter(look())
    )
    assert peers.bind(PEER, sessions.open())
    assert sessions.holds(late)
    assert peers.find(OTHER) == late


def test_a_session_that_is_over_is_found_until_its_client_was_told(
    peers: PeerSessions, sessions: SessionBook
) -> None:
    session_id = sessions.open()
    peers.bind(PEER, session_id)
    sessions.close(session_id)
    assert peers.find(PEER) == session_id
    peers.unbind(PEER)
    assert peers.find(PEER) is None


def test_a_session_that_is_over_is_forgotten_with_its_connection(
    host: Host, peers: PeerSessions, sessions: SessionBook
) -> None:
    session_id = sessions.open()
    peers.bind(PEER, session_id)
    sessions.close(session_id)
    host.connections = [(SERVER_PORT, REMOTE, 99)]
    host.now_s = 1.5
    assert peers.find(PEER) is None
    assert (peers._bound, peers._over) == ({}, {})


def test_of_sessions_that_are_over_the_first_is_forgotten_when_there_are_too_many(
    peers: PeerSessions, sessions: SessionBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("velaria.flight_server.flight_sql.peer_sessions.OVER_MAX", 1)
    bound = {peer: sessions.open() for peer in (PEER, OTHER)}
    for peer, session_id in bound.items():
        peers.bind(peer, session_id)
        sessions.close(session_id)
    assert (peers.find(PEER), peers.find(OTHER)) == (None, bound[OTHER])
    peers.bind(OTHER, sessions.open())
    assert not peers._over


def test_what_cannot_be_told_apart_is_not_bound(
    host: Host, peers: PeerSessions, sessions: SessionBook
) -> None:
    session_id = sessions.open()
    host.connections = [(SERVER_PORT, REMOTE, 11), (SERVER_PORT, REMOTE, 12), (5432, REMOTE, 13)]
    for peer in (PEER, "unix:", "ipv4:1.2.3.4:5", "ipv4:x:y", "", "ipv6:[::1]:99999999"):
        assert not peers.bind(peer, session_id), peer


def test_other_listeners_of_the_host_do_not_confuse(
    host: Host, peers: PeerSessions, sessions: SessionBook
) -> None:
    host.connections.append((5432, REMOTE, 13))
    assert peers.bind(PEER, sessions.open())


def test_one_look_serves_all_connections_for_a_second(
    host: Host, peers: PeerSessions, sessions: SessionBook
) -> None:
    peers.bind(PEER, sessions.open())
    peers.bind(OTHER, sessions.open())
    for _ in range(100):
        assert peers.find(PEER) and peers.find(OTHER)
    assert host.look_count == 1
    host.now_s = 1.5
    peers.find(PEER)
    assert host.look_count == 2


@pytest.mark.parametrize(
    ("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
)
def test_a_real_connection_is_seen_with_the_inode_of_the_servers_end(
    family: socket.AddressFamily, address: str
) -> None:
    try:
        listener = socket.create_server((address, 0), family=family)
    except OSError as fault:
        pytest.skip(f"the host has no {address}: {fault}")
    with listener, socket.create_connection(listener.getsockname()[:2]) as client:
        accepted, remote = listener.accept()
        with accepted:
            name = "ipv4" if family == socket.AF_INET else "ipv6"
            host = remote[0] if family == socket.AF_INET else f"%5B{remote[0]}%5D"
            forms = forms_of(f"{name}:{host}:{remote[1]}")
            port = listener.getsockname()[1]
            seen = [inode for local, far, inode in established() if local == port and far in forms]
            assert [f"socket:[{inode}]" for inode in seen] == [
                os.readlink(f"/proc/self/fd/{accepted.fileno()}")
            ]
        assert client.getsockname()[1] == remote[1]
