"""TLS for a listener: certificates that may be renewed while it listens."""

import threading
from datetime import UTC, datetime
from typing import Any

import grpc
import structlog

from velaria.flight_server.certificates import DAYS_WANTED, good_until
from velaria.flight_server.identity.tls import TlsFiles, reason_of
from velaria.schemas.errors import VelariaError

_log = structlog.get_logger("velaria.flight_server")


def server_credentials(files: TlsFiles) -> grpc.ServerCredentials:
    """gRPC asks at every handshake, which costs a stat of each file: a renewed certificate is
    served from the next connection on. Files that cannot be used leave the old one in its place."""
    files.check()
    renewals = _Renewals(files)
    return grpc.dynamic_ssl_server_credentials(
        renewals.loaded,
        renewals.look,
        require_client_authentication=files.client_ca is not None,
    )


class _Renewals:
    def __init__(self, files: TlsFiles) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._state = self._read_state()
        self.loaded = self._load()
        self._told = ""
        self._tell_end()

    def look(self) -> Any:
        """The configuration when it has become another one; None to go on with the one in use."""
        with self._lock:
            try:
                self._tell_end()
                state = self._read_state()
                if state == self._state:
                    return None
                self._files.check()
                self.loaded = self._load()
            except Exception as fault:  # noqa: BLE001 (a handshake must not fail by a half-written file)
                self._stays(fault)
                return None
            self._state = state
            self._told = ""
            _log.info("serving a new certificate")
            self._tell_end()
            return self.loaded

    def _stays(self, fault: Exception) -> None:
        reason, detail = type(fault).__name__, ""
        if isinstance(fault, VelariaError):
            reason, detail = fault.message, fault.detail
        elif isinstance(fault, OSError):
            reason, detail = f"a file cannot be read: {fault.filename}", reason_of(fault)
        _log.warning("the certificate stays as it was", reason=reason, detail=detail)

    def _tell_end(self) -> None:
        """Once for each certificate that its time ends soon, and once that it is over: clients
        refuse it then, and the server does not hear why."""
        now = datetime.now(UTC)
        file = str(self._files.certificate)
        if self._until <= now:
            if self._told != "over":
                _log.error("the certificate's time is over", file=file, until=str(self._until))
            self._told = "over"
        elif (self._until - now).days < DAYS_WANTED and not self._told:
            _log.warning("the certificate ends soon", file=file, until=str(self._until))
            self._told = "soon"

    def _load(self) -> Any:
        """What gRPC takes; the end of the certificate is that of the one in use."""
        client_ca = self._files.client_ca
        self._until = good_until(self._files.certificate)
        return grpc.ssl_server_certificate_configuration(
            [(self._files.key.read_bytes(), self._files.certificate.read_bytes())],
            client_ca.read_bytes() if client_ca is not None else None,
        )

    def _read_state(self) -> tuple[tuple[int, int, int], ...]:
        """Another value when a file has become another one."""
        paths = (self._files.certificate, self._files.key, self._files.client_ca)
        found = [path.stat() for path in paths if path is not None]
        return tuple((told.st_mtime_ns, told.st_ino, told.st_size) for told in found)
