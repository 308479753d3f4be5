"""Addresses of Flight as users write them, for both ends."""

import ipaddress
import os
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import SplitResult, unquote, urlsplit

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.options import Options

DEFAULT_PORT = 31337
DEFAULT_URI = f"grpc://127.0.0.1:{DEFAULT_PORT}"

TLS_SCHEME = "grpc+tls"
TCP_SCHEMES = ("grpc", "grpc+tcp", TLS_SCHEME)


def with_port(uri: str) -> str:
    """The address with Velaria's port where it names none, for which gRPC would take 443."""
    try:
        parts = urlsplit(uri)
        is_without = parts.scheme in TCP_SCHEMES and parts.port is None
    except ValueError:
        return uri  # what is wrong with it is told by who opens it
    if not is_without or not parts.hostname:
        return uri
    return parts._replace(netloc=f"{parts.netloc.rstrip(':')}:{DEFAULT_PORT}").geturl()


def refuse_more_than_an_address(uri: str) -> None:
    """VEL1007 for a server's address with a name, password or option in it, which gRPC passes over.
    It is not repeated, since it holds a secret."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        return  # told by who opens it
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise VelariaError(
            codes.BAD_SETTING,
            "a server's address holds neither names and passwords nor options",
            hint="Give token=, or user= and password= (--token or $VELARIA_TOKEN on the command"
            " line), beside grpc://HOST:PORT.",
        )


def refuse_clashes(options: "Options") -> None:
    """VEL1007 when two of the addresses that the settings have listened on are one: by different
    names of a host, too, and where one of the two stands for all addresses of the host."""
    told = [(uri, urlsplit(with_port(uri))) for uri in options.get("server.listen")]
    for name in ("server.side", "metrics.listen"):
        if options.get(name):
            told.append((options.get(name), urlsplit(f"//{options.get(name)}")))
    places: list[tuple[str, set[str]]] = []
    for address, parts in told:
        found = _places(parts)
        for other, others in places:
            if any(_is_one(one, another) for one in found for another in others):
                raise VelariaError(
                    codes.BAD_SETTING,
                    f"two listeners would have one address: {other} and {address}",
                    hint="Give each a port of its own, or port 0 for any free one.",
                )
        places.append((address, found))


def _places(parts: SplitResult) -> set[str]:
    """Each as `PORT ADDRESS`, or the path of a socket; none for port 0 and for what is no address,
    which is told by who opens it."""
    if parts.scheme == "grpc+unix":
        return {os.path.realpath(unquote(parts.path))}
    try:
        host, port = parts.hostname or "", parts.port
        if not port:
            return set()
        found = bound_by(host, port)
    except (OSError, ValueError):
        return set()
    return {f"{port} {address[0]}" for _, address in found}


def bound_by(host: str, port: int) -> list[tuple[socket.AddressFamily, tuple[Any, ...]]]:
    """The addresses that gRPC listens on, and connects to, for a host: for `localhost` the loopback
    of both families, whatever the system's table of hosts says (RFC 6761, 6.3). OSError or
    UnicodeError for what is no host."""
    names = (host, "127.0.0.1", "::1") if host == "localhost" else (host,)
    found = [
        (family, address)
        for name in names
        for family, _, _, _, address in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    ]
    return list(dict.fromkeys(found))


def _is_one(one: str, other: str) -> bool:
    """`::` takes connections of IPv4, too."""
    if one == other:
        return True
    (port, _, first), (other_port, _, second) = one.partition(" "), other.partition(" ")
    if port != other_port or not first or not second:
        return False
    hosts = ipaddress.ip_address(first), ipaddress.ip_address(second)
    if not any(host.is_unspecified for host in hosts):
        return False
    return hosts[0].version == hosts[1].version or any(
        host.is_unspecified and host.version == 6 for host in hosts
    )
