"""One server process from its parts to its end: what `velaria serve` runs.

Start: data directory, ledger, kernel session, service, listeners, side port, ready. End, on
SIGTERM, SIGINT or server.drain: refuse new work, wait, cancel what is left, close in the opposite
order. A call that gRPC does not let go (a reader that does not read) cannot hold the process: it
leaves with status 0 when its time is over.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec
import structlog

from velaria import _kernel
from velaria.control.ledger import Ledger, open_ledger
from velaria.flight_server.actions import registry
from velaria.flight_server.listeners import check_address, check_side, open_front
from velaria.flight_server.server import FlightFront
from velaria.flight_server.service import ServerSettings, Service
from velaria.flight_server.side import SidePort
from velaria.flight_server.system_tables import register_all
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

CANCEL_WAIT_S = 1.0
CLOSE_WAIT_S = 1.0

_log = structlog.get_logger("velaria.flight_server")


@dataclass
class ServeOptions:
    """The options of `velaria serve`; without `data_dir` a private folder that goes at the end."""

    listen: list[str] = field(default_factory=lambda: ["grpc://127.0.0.1:31337"])
    side: str | None = "127.0.0.1:0"
    data_dir: Path | None = None
    allow_path: list[Path] = field(default_factory=list)
    postgres: str = "embedded"
    threads: int | None = None
    insecure: bool = False


class RunningServer:
    """Made by `start`; `wait` blocks until somebody asks for the end, `close` ends it."""

    def __init__(self, options: ServeOptions) -> None:
        for uri in options.listen:
            check_address(uri, insecure=options.insecure)
        if options.side:
            check_side(options.side)
        self._last = contextlib.ExitStack()
        try:
            self._open(options)
        except BaseException:
            self._last.close()
            raise

    def _open(self, options: ServeOptions) -> None:
        self.data_dir = self._take_data_dir(options.data_dir)
        # Entered after the folder, so it closes before a private folder goes: the ledger writes
        # its journal there until its end.
        self._undo = self._last.enter_context(contextlib.ExitStack())
        lock = (self.data_dir / "server.lock").open("w", encoding="ascii")
        _lock_or_refuse(self._undo.enter_context(lock), self.data_dir)
        roots = [Path.cwd(), self.data_dir, *options.allow_path]
        settings = ServerSettings(
            listen=options.listen,
            data_dir=self.data_dir,
            allowed_roots=[str(root.resolve()) for root in roots],
            postgres=_told_store(options.postgres),
        )
        self.ledger: Ledger = open_ledger(options.postgres, self.data_dir)
        self._undo.callback(self.ledger.close)
        session = _kernel.Session(threads=options.threads, allowed_roots=settings.allowed_roots)
        self._undo.callback(session.close)
        self.service = Service(session, self.ledger, settings)
        self._undo.callback(self.service.sessions.close_all)
        register_all(self.service)
        registry.load_all()
        self.service.watcher.start()
        self._undo.callback(self.service.watcher.close)
        self._fronts: list[FlightFront] = []
        for uri in options.listen:
            front, address = open_front(self.service, uri)
            self._fronts.append(front)
            self.service.flight_uris.append(address)
        self.side = SidePort(options.side) if options.side else None
        if self.side is not None:
            self.side.start()
            settings.side = self.side.address

    def _take_data_dir(self, asked: Path | None) -> Path:
        if asked is None:
            folder = Path(tempfile.mkdtemp(prefix="velaria-"))
            self._last.callback(shutil.rmtree, folder, ignore_errors=True)
            return folder
        folder = asked.resolve()
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as fault:
            raise VelariaError(
                codes.BAD_SETTING, f"the data directory cannot be made: {asked}"
            ) from fault
        return folder

    def ready_line(self) -> dict[str, Any]:
        return {
            "event": "ready",
            "flight": self.service.flight_uris,
            "side": self.side.address if self.side else None,
            "data_dir": str(self.data_dir),
            "durable_tables": self.service.settings.durable,
            "pid": os.getpid(),
            "version": _kernel.__version__,
        }

    def wait(self) -> None:
        self.service.drain_requested.wait()

    def close(self) -> bool:
        """True when everything ended by itself; False when a call had to be left behind."""
        if self.side is not None:
            self.side.drain()
        if not self.service.watcher.wait_idle(self.service.drain_wait_s):
            _log.info("cancelling calls", calls=self.service.watcher.count())
        self.service.watcher.cancel_all()
        self.service.streams.stop_all()
        self.service.watcher.wait_idle(CANCEL_WAIT_S)
        left = [front for front in self._fronts if not _within(CLOSE_WAIT_S, front.shutdown)]
        is_clean = not left
        self.service.streams.wait_ended(CLOSE_WAIT_S)
        if self.side is not None:
            self.side.stop()
        if not is_clean:
            self._undo.pop_all()
            self.ledger.close()
        self._last.close()
        return is_clean


def _lock_or_refuse(lock: IO[str], folder: Path) -> None:
    """A second server on the folder is refused."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise VelariaError(
            codes.BAD_SETTING,
            f"another server uses the data directory: {folder}",
            hint="Stop the other server, or give this one a folder of its own by --data-dir.",
        ) from None


def _told_store(postgres: str) -> str:
    return postgres if postgres in ("embedded", "none") else "external"


def _within(timeout_s: float, action: Callable[[], None]) -> bool:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return not thread.is_alive()


def run_until_signal(options: ServeOptions) -> None:
    """Serve, print the ready line, and end the process with status 0 when asked to."""
    server = RunningServer(options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.service.request_drain())
    ready = server.ready_line()
    sys.stdout.write(msgspec.json.encode(ready).decode() + "\n")
    sys.stdout.flush()
    _log.info(ready.pop("event"), **ready)
    server.wait()
    _log.info("draining")
    is_clean = server.close()
    _log.info("ended", left_calls=not is_clean)
    sys.stdout.flush()
    sys.stderr.flush()
    if not is_clean:
        os._exit(0)
