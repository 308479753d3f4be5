"""The client's side: what it says about itself with each call, and the certificates it trusts."""

import base64
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypedDict, TypeVar

import pyarrow.flight as flight

from velaria.flight_server.identity.issued import LIFETIME_S
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

Answer = TypeVar("Answer")

TOKEN_VARIABLE = "VELARIA_TOKEN"
_HEADER = "authorization"
_MEANT = {"username": "user", "timeout": "timeout_s", "ca": "tls_ca", "cert": "tls_cert"}


class CredentialFields(TypedDict, total=False):
    """The fields of Credentials, as connect() takes them."""

    token: str | None
    user: str | None
    password: str | None
    tls_ca: str | os.PathLike[str] | None
    tls_cert: str | os.PathLike[str] | None
    tls_key: str | os.PathLike[str] | None


@dataclass(frozen=True)
class Credentials:
    """A token, or a user's name and password, and files (PEM): `tls_ca` signs the server's
    certificate, `tls_cert` and `tls_key` are the client's own."""

    token: str | None = None
    user: str | None = None
    password: str | None = None
    tls_ca: str | os.PathLike[str] | None = None
    tls_cert: str | os.PathLike[str] | None = None
    tls_key: str | os.PathLike[str] | None = None

    def __repr__(self) -> str:
        """Without secrets: a repr ends up in logs."""
        return f"Credentials(user={self.user!r}, has_token={self.token is not None})"

    def checked(self) -> Self:
        """VEL1007 for what does not go together."""
        if (self.user is None) != (self.password is None):
            raise VelariaError(codes.BAD_SETTING, "user and password belong together")
        if self.token is not None and self.user is not None:
            raise VelariaError(codes.BAD_SETTING, "give a token, or user and password, not both")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise VelariaError(codes.BAD_SETTING, "tls_cert and tls_key belong together")
        for name in ("token", "user", "password"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise VelariaError(
                    codes.BAD_SETTING, f"{name} is no text, but of type {type(value).__name__}"
                )
        if self.token is not None and not (self.token.isascii() and self.token.isprintable()):
            raise VelariaError(
                codes.BAD_SETTING,
                "the token has characters that no token has",
                hint="A line's end may have come with it: strip() what was read from a file.",
            )
        if self.token is not None and self.token.lower().startswith("bearer "):
            raise VelariaError(
                codes.BAD_SETTING,
                "the token begins with Bearer, which the client says by itself",
                hint="Give what stands after it.",
            )
        return self

    def connect_arguments(self) -> dict[str, Any]:
        """What pyarrow's connect takes beside the address. VEL1007 for a file that cannot be read,
        or holds something else."""
        told: dict[str, Any] = {
            name: _read(field, path)
            for name, (field, path) in {
                "tls_root_certs": ("tls_ca", self.tls_ca),
                "cert_chain": ("tls_cert", self.tls_cert),
                "private_key": ("tls_key", self.tls_key),
            }.items()
            if path is not None
        }
        if told:
            self._check_files(told)
        header = self._header()
        if header is not None:
            told["middleware"] = [Saying(header)]
        return told

    def _check_files(self, told: dict[str, Any]) -> None:
        """gRPC takes anything, and then says of each server that it cannot be reached."""
        # Not at import: few clients give files.
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.tls_ca is not None:
            try:
                context.load_verify_locations(cadata=told["tls_root_certs"].decode("ascii"))
            except (ssl.SSLError, ValueError):
                raise VelariaError(
                    codes.BAD_SETTING, f"tls_ca holds no certificate (PEM): {self.tls_ca}"
                ) from None
        if self.tls_cert is not None and self.tls_key is not None:
            try:
                context.load_cert_chain(self.tls_cert, self.tls_key, password="")
            except (ssl.SSLError, ValueError):
                raise VelariaError(
                    codes.BAD_SETTING,
                    "tls_cert and tls_key are not a certificate and its key (PEM): "
                    f"{self.tls_cert}, {self.tls_key}",
                ) from None

    def _header(self) -> str | None:
        if self.token is not None:
            return f"Bearer {self.token}"
        if self.user is None:
            return None
        pair = f"{self.user}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


def credentials_of(fields: CredentialFields) -> Credentials:
    """TypeError for a field that there is none of, as for any argument that is unknown; VEL1007
    for what does not go together."""
    known = list(CredentialFields.__annotations__)
    for name in fields:
        if name not in known:
            # Not at import: few clients name one.
            import difflib

            near = difflib.get_close_matches(_MEANT.get(name, name), [*known, "timeout_s"], 1, 0.5)
            meant = f"; did you mean {near[0]}?" if near else ""
            raise TypeError(
                f"connect() has no argument {name!r}{meant} It takes uri, timeout_s and "
                f"{', '.join(known)}."
            )
    return Credentials(**fields).checked()


def _read(field: str, path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as fault:
        raise VelariaError(
            codes.BAD_SETTING,
            f"{field} cannot be read: {os.fspath(path)}",
            detail=fault.strerror or "",
        ) from None


class Saying(flight.ClientMiddlewareFactory):  # type: ignore[misc]
    """Says the header with each call. The bearer that the server answers a Basic one with is said
    in its place for some minutes (it may have been answered before), so that the password seldom
    travels."""

    def __init__(self, header: str, clock_s: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._header = header
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._bearer: tuple[str, float] | None = None

    def start_call(self, info: flight.CallInfo) -> flight.ClientMiddleware:
        return _SaidOnce(self, self.said()[1])

    def said(self) -> tuple[str, str]:
        """Name and value of the header that a call has now."""
        with self._lock:
            if self._bearer is not None and self._clock_s() < self._bearer[1]:
                return _HEADER, self._bearer[0]
        return _HEADER, self._header

    def heard(self, call: Callable[[], Answer]) -> Answer:
        """The call's answer: asked for once more, by name and password, when the bearer in their
        place is not taken, as by a server that was started anew. What was refused was not done."""
        with self._lock:
            is_bearer = self._bearer is not None
        try:
            return call()
        except flight.FlightUnauthenticatedError:
            if not is_bearer:
                raise
        self.forget()
        return call()

    def forget(self) -> None:
        """Say name and password again."""
        with self._lock:
            self._bearer = None

    def take(self, bearer: str) -> None:
        with self._lock:
            if self._bearer is None or self._bearer[0] != bearer:
                self._bearer = (bearer, self._clock_s() + LIFETIME_S / 4)


class _SaidOnce(flight.ClientMiddleware):  # type: ignore[misc]
    def __init__(self, saying: Saying, header: str) -> None:
        super().__init__()
        self._saying = saying
        self._header = header

    def sending_headers(self) -> dict[str, str]:
        return {_HEADER: self._header}

    def call_completed(self, fault: Exception | None) -> None:
        if isinstance(fault, flight.FlightUnauthenticatedError):
            self._saying.forget()

    def received_headers(self, headers: dict[str, Any]) -> None:
        for name, values in headers.items():
            if name.lower() == _HEADER and values and isinstance(values[0], str):
                self._saying.take(values[0])
