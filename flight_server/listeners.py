"""Addresses: checked before anything listens, and opened as Flight fronts of one service."""

import errno
import ipaddress
import os
import socket
from urllib.parse import SplitResult, unquote, urlsplit

import pyarrow as pa

from velaria.flight_server.errors import scrubbed
from velaria.flight_server.server import FlightFront
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

SCHEMES = ("grpc", "grpc+tcp", "grpc+unix")

_CONNECT_TIMEOUT_S = 1.0


def check_address(uri: str, *, insecure: bool) -> None:
    """Refuse what cannot be served, and any other host than this unless `insecure` is said."""
    parts = urlsplit(uri)
    if parts.scheme not in SCHEMES:
        raise VelariaError(
            codes.BAD_SETTING,
            f"a listener's address starts with grpc:// or grpc+unix://: {uri}",
        )
    if parts.scheme == "grpc+unix":
        return
    host = parts.hostname or ""
    _check_port(parts, uri)
    if not insecure and not is_loopback(host):
        raise VelariaError(
            codes.BAD_SETTING,
            f"a listener off loopback has neither TLS nor authentication: {uri}",
            hint="Say --insecure when everybody who reaches this address may use the server.",
        )


def check_side(address: str) -> None:
    parts = urlsplit(f"//{address}")
    if _check_port(parts, address) is None or not parts.hostname:
        raise VelariaError(
            codes.BAD_SETTING, f"the address of the side port is not HOST:PORT: {address}"
        )


def _check_port(parts: SplitResult, address: str) -> int | None:
    try:
        return parts.port
    except ValueError:
        raise VelariaError(
            codes.BAD_SETTING, f"the listener's port is not from 0 to 65535: {address}"
        ) from None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_front(service: Service, uri: str) -> tuple[FlightFront, str]:
    """A listening front and the address that clients use: port 0 is replaced by the port in use."""
    parts = urlsplit(uri)
    if parts.scheme == "grpc+unix":
        _refuse_served_socket(uri, unquote(parts.path))
    try:
        front = FlightFront(service, uri)
    except (pa.ArrowException, OSError) as fault:
        raise cannot_listen(uri, parts, scrubbed(str(fault))) from fault
    if parts.scheme == "grpc+unix":
        return front, uri
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return front, f"grpc://{host}:{front.port}"


def _refuse_served_socket(uri: str, path: str) -> None:
    """gRPC takes over a socket that is there, and its server would lose its clients; one that
    nobody accepts connections on is left by a server that has died."""
    if not os.path.exists(path):
        return
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_CONNECT_TIMEOUT_S)
        try:
            probe.connect(path)
        except (TimeoutError, BlockingIOError, PermissionError):
            pass  # somebody holds it who is slow to accept, or is another user
        except OSError:
            return
    raise _in_use(uri, "Stop the other server, or choose another path.")


def cannot_listen(address: str, parts: SplitResult, detail: str) -> VelariaError:
    """Why: asked of the system, since gRPC tells its callers only that it could not."""
    reason = _fault_of_binding(parts)
    if reason == errno.EADDRINUSE:
        return _in_use(address, "Choose a free port, or port 0 for any free one.")
    return VelariaError(
        codes.BAD_SETTING,
        f"cannot listen: {address}",
        detail=os.strerror(reason) if reason else detail,
        hint="Choose another address or port.",
    )


def _in_use(address: str, hint: str) -> VelariaError:
    return VelariaError(codes.BAD_SETTING, f"cannot listen, address in use: {address}", hint=hint)


def _fault_of_binding(parts: SplitResult) -> int | None:
    """The system's error number; None when the address can be bound, or is not one of TCP.

    A name may stand for several addresses, of which one in use tells most.
    """
    if parts.scheme == "grpc+unix":
        return None
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return None
    faults: list[int | None] = []
    for family, kind, protocol, _, address in found:
        try:
            with socket.socket(family, kind, protocol) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(address)
        except OSError as fault:
            faults.append(fault.errno)
    if errno.EADDRINUSE in faults:
        return errno.EADDRINUSE
    return faults[0] if faults else None
