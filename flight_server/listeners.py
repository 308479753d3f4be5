"""Addresses: checked before anything listens, and opened as Flight fronts of one service."""

import errno
import ipaddress
import os
import socket
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal
from urllib.parse import SplitResult, unquote, urlsplit

import pyarrow as pa

from velaria.flight_server.addresses import TCP_SCHEMES, TLS_SCHEME, bound_by, with_port
from velaria.flight_server.errors import scrubbed
from velaria.flight_server.grpc_front.front import GrpcFront
from velaria.flight_server.identity.options import IdentityOptions, identity_of
from velaria.flight_server.identity.tls import TlsFiles
from velaria.flight_server.native_front import NativeFront
from velaria.flight_server.options import Options
from velaria.flight_server.service import Service
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

FrontChoice = Literal["auto", "native", "grpcio"]
Front = NativeFront | GrpcFront

SCHEMES = (*TCP_SCHEMES, "grpc+unix")

SOCKET_PATH_BYTES_MAX = 107

_CONNECT_TIMEOUT_S = 1.0
_PORT_CHOICES_MAX = 100


def check_listeners(options: Options) -> IdentityOptions:
    """What the settings say of identity and TLS. VEL1007 for a listener that cannot be served, and
    for one that other hosts reach without TLS or identity, unless the settings say that it may."""
    told = identity_of(options)
    uris: list[str] = options.get("server.listen")
    has_identity = told.asks_for_identity(data_dir_of(options))
    for uri in uris:
        check_address(
            uri,
            insecure=options.get("server.insecure"),
            has_tls=told.tls is not None,
            has_identity=has_identity,
            front=options.get("server.front"),
        )
    if told.tls is not None and not any(urlsplit(uri).scheme == TLS_SCHEME for uri in uris):
        raise VelariaError(
            codes.BAD_SETTING,
            "a certificate is given, but no listener uses it",
            hint="Write grpc+tls://HOST:PORT as the listener's address.",
        )
    return told


def data_dir_of(options: Options) -> Path | None:
    """None for a private folder that is yet to be made."""
    told = options.get("server.data_dir")
    return Path(told).resolve() if told else None


def check_address(
    uri: str,
    *,
    insecure: bool,
    has_tls: bool = False,
    has_identity: bool = False,
    front: FrontChoice = "auto",
) -> None:
    """Refuse what cannot be served, and, unless `insecure` is said, a listener that other hosts
    reach without TLS or without saying who they are."""
    parts = urlsplit(uri)
    if parts.scheme not in SCHEMES:
        raise VelariaError(
            codes.BAD_SETTING,
            f"a listener's address starts with grpc://, grpc+tls:// or grpc+unix://: {uri}",
        )
    if parts.scheme == "grpc+unix":
        return
    host = parts.hostname or ""
    _check_port(parts, uri)
    is_tls = parts.scheme == TLS_SCHEME
    if is_tls and not has_tls:
        raise VelariaError(
            codes.BAD_SETTING,
            f"a listener with TLS needs a certificate: {uri}",
            hint="Give --tls-cert and --tls-key.",
        )
    if is_tls and front == "native":
        raise VelariaError(
            codes.BAD_SETTING,
            f"the native front serves no TLS: {uri}",
            hint="Leave --front out, or say --front grpcio: its certificates can be renewed.",
        )
    has = {"TLS": is_tls, "identity": has_identity}
    missing = [what for what, is_there in has.items() if not is_there]
    if missing and not insecure and not is_loopback(host):
        raise VelariaError(
            codes.BAD_SETTING,
            f"a listener off loopback is without {' and '.join(missing)}: {uri}",
            hint="Use grpc+tls:// with --tls-cert and --tls-key, and make a token by `velaria token"
            " create`; or say --insecure when everybody who reaches this address may use the"
            " server.",
        )


def refuse_bad_address(address: str, whose: str) -> None:
    """VEL1007 unless it is HOST:PORT."""
    parts = urlsplit(f"//{address}")
    if _check_port(parts, address) is None or not parts.hostname:
        raise VelariaError(codes.BAD_SETTING, f"the address of {whose} is not HOST:PORT: {address}")


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


def front_of(uri: str, front: FrontChoice) -> type[Front]:
    """What serves an address. Of itself grpcio serves networks and TLS, where what a stranger sends
    must cost nothing, and the native front this host, where calls are faster by it: docs/adr/0019.
    """
    parts = urlsplit(uri)
    is_near = parts.scheme == "grpc+unix" or is_loopback(parts.hostname or "")
    if front == "auto":
        front = "native" if is_near and parts.scheme != TLS_SCHEME else "grpcio"
    return NativeFront if front == "native" else GrpcFront


def open_front(service: Service, uri: str, tls: TlsFiles | None = None) -> tuple[Front, str]:
    """A listening front and the address that clients use: port 0 is replaced by the port in use."""
    uri = with_port(uri)
    parts = urlsplit(uri)
    refuse_taken(uri, parts)
    uri = _with_free_port(uri, parts)
    try:
        front = _open(service, uri, tls if parts.scheme == TLS_SCHEME else None)
    except (pa.ArrowException, OSError) as fault:
        raise cannot_listen(uri, parts, scrubbed(str(fault))) from fault
    if parts.scheme == "grpc+unix":
        return front, uri
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    scheme = TLS_SCHEME if parts.scheme == TLS_SCHEME else "grpc"
    return front, f"{scheme}://{host}:{front.port}"


def _open(service: Service, uri: str, tls: TlsFiles | None) -> Front:
    kind = front_of(uri, service.options.get("server.front"))
    return GrpcFront(service, uri, tls) if kind is GrpcFront else NativeFront(service, uri)


def refuse_taken_addresses(options: Options) -> None:
    """VEL1007 for an address of the settings that cannot be listened on now: before anything is
    opened that takes its time, and before gRPC tells of it in lines of its own."""
    for uri in options.get("server.listen"):
        refuse_taken(uri, urlsplit(with_port(uri)))
    for name in ("server.side", "metrics.listen"):
        if options.get(name):
            refuse_taken(options.get(name), urlsplit(f"//{options.get(name)}"))


def refuse_taken(address: str, parts: SplitResult) -> None:
    """VEL1007 when the address cannot be listened on now."""
    if parts.scheme == "grpc+unix":
        _refuse_bad_socket(address, Path(unquote(parts.path)))
    elif parts.port and fault_of_binding(parts) is not None:
        raise cannot_listen(address, parts, "")


def _refuse_bad_socket(uri: str, path: Path) -> None:
    """gRPC takes over a socket that is there, and its server would lose its clients; one that
    nobody accepts connections on is left by a server that has died."""
    try:
        found = path.lstat()
    except OSError:
        _refuse_bad_place(uri, path)
        return
    if not stat.S_ISSOCK(found.st_mode):
        raise _no_socket(uri, "a file that is no socket is in its place")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_CONNECT_TIMEOUT_S)
        try:
            probe.connect(str(path))
        except (TimeoutError, BlockingIOError, PermissionError):
            pass  # somebody holds it who is slow to accept, or is another user
        except OSError:
            return
    raise _in_use(uri, "Stop the other server, or choose another path.")


def _refuse_bad_place(uri: str, path: Path) -> None:
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX:
        raise _no_socket(uri, f"its path is longer than {SOCKET_PATH_BYTES_MAX} bytes")
    if not path.parent.is_dir():
        raise _no_socket(uri, f"there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise _no_socket(uri, f"the folder {path.parent} cannot be written")


def _no_socket(uri: str, detail: str) -> VelariaError:
    return VelariaError(
        codes.BAD_SETTING,
        f"no socket can be made: {uri}",
        detail=detail,
        hint="Write grpc+unix:///PATH of a folder that the server's user may write.",
    )


def cannot_listen(address: str, parts: SplitResult, detail: str) -> VelariaError:
    """Why: asked of the system, since gRPC tells its callers only that it could not."""
    reason = fault_of_binding(parts)
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


def fault_of_binding(parts: SplitResult) -> int | None:
    """The system's error number; None when the address can be bound, or is not one of TCP.

    A name may stand for several addresses: one in use is a fault, since its clients would reach
    somebody else; one that this host does not have is none while it has another.
    """
    if parts.scheme == "grpc+unix":
        return None
    try:
        found = bound_by(parts.hostname or "", parts.port or 0)
    except (socket.gaierror, UnicodeError):
        return None
    faults = [_fault_of_binding(family, address) for family, address in found]
    if errno.EADDRINUSE in faults:
        return errno.EADDRINUSE
    return None if None in faults else faults[0]


def _fault_of_binding(family: int, address: tuple[Any, ...]) -> int | None:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as fault:
        return fault.errno
    return None


def _with_free_port(uri: str, parts: SplitResult) -> str:
    """For port 0 of a name with several addresses one that is free on all of them: gRPC chooses by
    the first alone, and listens on those where nobody else has it."""
    if parts.scheme == "grpc+unix" or parts.port:
        return uri
    try:
        found = bound_by(parts.hostname or "", 0)
    except (OSError, UnicodeError):
        return uri  # what is wrong with it is told by who opens it
    for _ in range(_PORT_CHOICES_MAX if len(found) > 1 else 0):
        host = parts.netloc.rpartition(":")[0]
        chosen = parts._replace(netloc=f"{host}:{_any_port(found)}")
        if fault_of_binding(chosen) is None:
            return chosen.geturl()
    return uri


def _any_port(found: list[tuple[socket.AddressFamily, tuple[Any, ...]]]) -> int:
    """One that is free on the first address that this host has; 0 when it has none of them."""
    for family, address in found:
        with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(address)
            return int(probe.getsockname()[1])
    return 0
