"""DoExchange by grpcio. pyarrow's client ends its writing side when its reading side meets the end,
which comes at any time, as when the connection breaks; gRPC takes no two writes at once in a call
and would abort the process.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import grpc
import pyarrow as pa
import pyarrow.flight as flight

from velaria.flight_server.errors import EXTRA_INFO_TRAILER
from velaria.flight_server.grpc_front.target import target_of
from velaria.flight_server.traces import FLIGHT_SERVICE

_METHOD = f"/{FLIGHT_SERVICE}/DoExchange"
_NO_LIMITS = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
_SYSTEM_ROOTS = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt")
"""Where pyarrow's gRPC, too, looks for whom to trust; grpcio knows only those that it brings."""

_FAULTS = {
    grpc.StatusCode.UNAVAILABLE: flight.FlightUnavailableError,
    grpc.StatusCode.CANCELLED: flight.FlightCancelledError,
    grpc.StatusCode.DEADLINE_EXCEEDED: flight.FlightTimedOutError,
    grpc.StatusCode.UNAUTHENTICATED: flight.FlightUnauthenticatedError,
    grpc.StatusCode.PERMISSION_DENIED: flight.FlightUnauthorizedError,
}


class ExchangeChannel:
    """A connection of its own, made by the first call. `told` is what pyarrow's connect is told."""

    def __init__(self, uri: str, told: dict[str, Any]) -> None:
        self._uri = uri
        self._told = told
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None

    def call(
        self, messages: Iterator[bytes], headers: list[tuple[str, str]], timeout_s: float | None
    ) -> Any:
        """grpcio's call: its answers are raw messages, `cancel` ends it from any thread."""
        method = self._connected().stream_stream(_METHOD)
        said = [saying.said() for saying in self._told.get("middleware", ())]
        return method(messages, timeout=timeout_s, metadata=[*said, *headers])

    def close(self) -> None:
        with self._lock:
            if self._channel is not None:
                self._channel.close()

    def _connected(self) -> grpc.Channel:
        with self._lock:
            if self._channel is None:
                self._channel = self._made()
            return self._channel

    def _made(self) -> grpc.Channel:
        target = target_of(self._uri)
        if not self._uri.startswith("grpc+tls:"):
            return grpc.insecure_channel(target, _NO_LIMITS)
        told = self._told
        roots = told.get("tls_root_certs") or _system_roots()
        credentials = grpc.ssl_channel_credentials(
            roots, told.get("private_key"), told.get("cert_chain")
        )
        return grpc.secure_channel(target, credentials, _NO_LIMITS)


def _system_roots() -> bytes | None:
    for path in (os.environ.get("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", ""), *_SYSTEM_ROOTS):
        with suppress(OSError):
            return Path(path).read_bytes()
    return None


def received(call: Any) -> Iterator[bytes]:
    """The answers; a failure as pyarrow's client would raise it."""
    try:
        yield from call
    except grpc.RpcError as fault:
        raise _as_pyarrow_tells(fault) from None


def _as_pyarrow_tells(fault: Any) -> Exception:
    extra_info = dict(fault.trailing_metadata() or ()).get(EXTRA_INFO_TRAILER)
    reason = f"gRPC returned {fault.code().value[1]} error, with message: {fault.details()}"
    if extra_info is None and fault.code() is grpc.StatusCode.RESOURCE_EXHAUSTED:
        told: Exception = pa.ArrowInvalid(reason)
    else:
        told = _FAULTS.get(fault.code(), flight.FlightServerError)(reason, extra_info)
    return told
