"""Ends a client's connection from the server's side.

Arrow's server cannot end a call whose read or write waits for the client. Shutting the socket down
ends it safely: gRPC sees the connection go, and the waiting call returns. All calls of the
connection end with it.
"""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import unquote

from velaria.flight_server.spare_file import SpareFile

_SPARE = SpareFile()
"""A look at the connections opens files, one at a time, and is wanted most when there are none."""


def cut(peer: str, listening_ports: frozenset[int]) -> bool:
    """True when a connection of that peer was found. `peer` is as gRPC tells it, like
    ipv4:127.0.0.1:41230; peers on a unix socket have no address, so they are never found."""
    port = _port_of(peer)
    if port is None:
        return False
    for found, (host, its_port) in _accepted(listening_ports):
        if its_port == port and _same_host(host, peer):
            with suppress(OSError):  # it has ended in the meantime
                found.shutdown(socket.SHUT_RDWR)
                return True
    return False


def _accepted(
    listening_ports: frozenset[int],
) -> Iterator[tuple[socket.socket, tuple[str, int]]]:
    """The server's ends of TCP connections to its listeners, with host and port of their peers."""
    with _SPARE.lent():
        for name in os.listdir("/proc/self/fd"):
            try:
                if not stat.S_ISSOCK(os.stat(int(name)).st_mode):
                    continue
                number = os.dup(int(name))
            except OSError:
                continue  # closed in the meantime
            try:
                found = socket.socket(fileno=number)
            except OSError:  # the number is something else's by now
                os.close(number)
                continue
            with found, suppress(OSError):  # not connected
                if found.family not in (socket.AF_INET, socket.AF_INET6):
                    continue
                if found.getsockname()[1] in listening_ports:
                    yield found, found.getpeername()[:2]


def host_of(peer: str) -> str:
    """The peer without its port: ipv4:127.0.0.1, or unix."""
    kind, _, address = peer.partition(":")
    if kind not in ("ipv4", "ipv6"):
        return kind
    return f"{kind}:{unquote(address).rpartition(':')[0].strip('[]')}"


def _port_of(peer: str) -> int | None:
    kind, _, address = peer.partition(":")
    port = address.rpartition(":")[2]
    return int(port) if kind in ("ipv4", "ipv6") and port.isdecimal() else None


def _same_host(host: str, peer: str) -> bool:
    """A mapped IPv4 address may be told either way."""
    return host.removeprefix("::ffff:") == host_of(peer).partition(":")[2].removeprefix("::ffff:")
