"""Addresses: checked before anything listens, and opened as Flight fronts of one service."""

import ipaddress
from urllib.parse import SplitResult, urlsplit

import pyarrow as pa

from velaria.flight_server.errors import scrubbed
from velaria.flight_server.server import FlightFront
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

SCHEMES = ("grpc", "grpc+tcp", "grpc+unix")


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
    try:
        front = FlightFront(service, uri)
    except (pa.ArrowException, OSError) as fault:
        raise VelariaError(
            codes.BAD_SETTING,
            f"cannot listen: {uri}",
            detail=scrubbed(str(fault)),
            hint="Choose a free port, or port 0 for any free one.",
        ) from fault
    parts = urlsplit(uri)
    if parts.scheme == "grpc+unix":
        return front, uri
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return front, f"grpc://{host}:{front.port}"
