"""The metrics port: /metrics for Prometheus, /healthz and /readyz for orchestrators, by HTTP.

It only reads. A request has five seconds, and there are a few at once at most, so that it cannot
cost the server more than that. One descriptor is kept back for it: who asks whether a server is
well gets an answer also when it has no file left to open.
"""

import errno
import json
import os
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from velaria.flight_server.listeners import cannot_listen, is_loopback, refuse_bad_address
from velaria.flight_server.metrics import CONTENT_TYPE
from velaria.flight_server.spare_file import OUT_OF_FILES, SpareFile
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.service import Service

REQUEST_S_MAX = 5.0
REQUESTS_AT_ONCE_MAX = 8
ACCEPT_PAUSE_S = 0.2
"""A connection that cannot be taken stays where it is, so the listener would be asked in a loop."""


def check_metrics(address: str, *, off_loopback: bool) -> None:
    """Refuse what cannot be served, and any other host than this unless it is allowed."""
    refuse_bad_address(address, "the metrics port")
    if not off_loopback and not is_loopback(urlsplit(f"//{address}").hostname or ""):
        raise VelariaError(
            codes.BAD_SETTING,
            f"the metrics port is off loopback, where everybody may read it: {address}",
            hint="Set metrics.off_loopback to true when that is meant.",
        )


class MetricsPort:
    """Started by the server; `address` has the port in use where port 0 was asked for."""

    def __init__(self, service: "Service", address: str) -> None:
        parts = urlsplit(f"//{address}")
        host = parts.hostname or ""
        kind = _Server6 if ":" in host else _Server
        try:
            self._server = kind((host, parts.port or 0), _Handler)
        except OSError as fault:
            raise cannot_listen(address, parts, "for the metrics port") from fault
        self._server.service = service
        self.address = f"{address.rsplit(':', 1)[0]}:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, name="metrics-port", daemon=True
        )

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.is_ending.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    service: "Service"

    def __init__(self, *arguments: Any) -> None:
        self._room = threading.BoundedSemaphore(REQUESTS_AT_ONCE_MAX)
        self._spare = SpareFile()
        self.is_ending = threading.Event()
        super().__init__(*arguments)

    def get_request(self) -> tuple[Any, Any]:
        try:
            return super().get_request()
        except OSError as fault:
            if fault.errno not in OUT_OF_FILES:
                raise
        try:
            if self._spare.lend():
                return super().get_request()
        except OSError:
            self._spare.take_back()
        self.is_ending.wait(ACCEPT_PAUSE_S)
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def shutdown_request(self, request: Any) -> None:
        """The end of each."""
        super().shutdown_request(request)
        self._spare.take_back()

    def server_close(self) -> None:
        super().server_close()
        self._spare.close()

    def process_request(self, request: Any, client_address: Any) -> None:
        """One too many is closed unread."""
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no event."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    timeout = REQUEST_S_MAX  # of each read and write
    server: _Server
    server_version = "velaria"
    sys_version = ""

    def do_GET(self) -> None:
        match self.path.partition("?")[0]:
            case "/metrics":
                self._send(200, CONTENT_TYPE, self.server.service.metrics.text())
            case "/healthz":
                self._send_health(lambda state: state != "down")
            case "/readyz":
                self._send_health(lambda state: state in ("serving", "degraded"))
            case _:
                self._send(404, "text/plain", "/metrics, /healthz or /readyz\n")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Requests are not logged: they come every few seconds."""

    def _send_health(self, is_well: Any) -> None:
        report = self.server.service.health.report()
        told = {"state": report.state, "reasons": report.reasons()}
        status = 200 if is_well(report.state) else 503
        self._send(status, "application/json", json.dumps(told) + "\n")

    def _send(self, status: int, kind: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
