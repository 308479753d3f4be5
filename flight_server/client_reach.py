"""Why a server does not answer: what gRPC keeps to itself, looked at by a handshake of our own."""

import contextlib
import socket
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

LOOK_WAIT_S = 2.0

_NO_TLS_REASONS = ("WRONG_VERSION_NUMBER", "UNEXPECTED_EOF_WHILE_READING", "RECORD_LAYER_FAILURE")


def why_away(uri: str, told: dict[str, Any]) -> VelariaError | None:
    """A fault of TLS that will not go away by itself; None when it is something else. `told` is
    what pyarrow's connect was told."""
    parts = urlsplit(uri)
    if parts.hostname is None or parts.port is None:
        return None
    address = (parts.hostname, parts.port)
    try:
        if parts.scheme == "grpc+tls":
            return _of_tls(address, told)
        return _of_plain(address)
    except OSError:
        return None


def _of_plain(address: tuple[str, int]) -> VelariaError | None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with _shaken(address, context):
            pass
    except ssl.SSLError as fault:
        if fault.reason in _NO_TLS_REASONS:
            return None
    return _fault(
        "the server speaks TLS, and the address says that it does not",
        "Write grpc+tls:// in place of grpc://; tls_ca (--tls-ca) is who signed its certificate.",
    )


def _of_tls(address: tuple[str, int], told: dict[str, Any]) -> VelariaError | None:
    roots = told.get("tls_root_certs")
    context = ssl.create_default_context(cadata=roots.decode("ascii") if roots else None)
    context.set_alpn_protocols(["h2"])
    _load_own(context, told)
    is_shaken = False
    try:
        with _shaken(address, context) as connection:
            is_shaken = True
            # A server that misses the client's certificate says so, or closes, after the handshake;
            # any other one speaks first.
            if not connection.recv(1):
                return _about_own("", has_own="cert_chain" in told)
    except ssl.SSLCertVerificationError as fault:
        return _fault(
            f"the server's certificate is not accepted: {fault.verify_message}",
            "tls_ca (--tls-ca) names the file (PEM) of who signed it; the address has to be a name"
            " that the certificate is for.",
        )
    except (ssl.SSLError, ConnectionResetError) as fault:
        reason = getattr(fault, "reason", None) or ""
        if not is_shaken and reason in ("", *_NO_TLS_REASONS):
            return _fault(
                "the server does not speak TLS, and the address says that it does",
                "Write grpc:// in place of grpc+tls://, or start the server with --tls-cert and"
                " --tls-key.",
            )
        return _about_own(reason, has_own="cert_chain" in told)
    return None


def _about_own(reason: str, *, has_own: bool) -> VelariaError:
    if has_own:
        message = "the server does not accept the client's certificate"
    else:
        message = "the server asks for a certificate of the client, and none was given"
    return VelariaError(
        codes.UNAUTHENTICATED,
        message,
        detail=reason,
        hint="tls_cert and tls_key (--tls-cert, --tls-key) name the client's certificate and key"
        " (PEM), signed by whom the server trusts.",
    )


def _load_own(context: ssl.SSLContext, told: dict[str, Any]) -> None:
    """The client's certificate and key; ssl takes them from files alone."""
    if "cert_chain" not in told:
        return
    with tempfile.TemporaryDirectory() as folder:
        certificate, key = Path(folder, "certificate"), Path(folder, "key")
        certificate.write_bytes(told["cert_chain"])
        key.write_bytes(told["private_key"])
        context.load_cert_chain(certificate, key)


@contextlib.contextmanager
def _shaken(address: tuple[str, int], context: ssl.SSLContext) -> Iterator[ssl.SSLSocket]:
    with (
        socket.create_connection(address, LOOK_WAIT_S) as plain,
        context.wrap_socket(plain, server_hostname=address[0]) as connection,
    ):
        yield connection


def _fault(message: str, hint: str) -> VelariaError:
    return VelariaError(codes.CONNECTION, message, hint=hint, retry="never")
