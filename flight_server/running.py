"""One server process from its parts to its end: what `velaria serve` runs.

Start: data directory, ledger, kernel session, service, listeners, side port, ready. End, on
SIGTERM, SIGINT or server.drain: refuse new work, wait, cancel what is left, close in the opposite
order. A call that gRPC does not let go (a reader that does not read) cannot hold the process: it
leaves with status 0 when its time is over.
"""

import contextlib
import gc
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import msgspec
import structlog

from velaria import _kernel
from velaria.control.data_dir import make_data_dir, open_lock
from velaria.control.ledger import Ledger, open_ledger
from velaria.flight_server.actions import registry
from velaria.flight_server.addresses import refuse_clashes
from velaria.flight_server.file_roots import allowed_folders, file_reach
from velaria.flight_server.identity.options import open_gate
from velaria.flight_server.listeners import (
    Front,
    check_listeners,
    data_dir_of,
    open_front,
    refuse_bad_address,
    refuse_taken_addresses,
)
from velaria.flight_server.metrics_port import MetricsPort, check_metrics
from velaria.flight_server.options import Options
from velaria.flight_server.service import Service
from velaria.flight_server.side import SidePort
from velaria.flight_server.system_tables import register_all
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

CANCEL_WAIT_S = 1.0
CLOSE_WAIT_S = 1.0
DRAIN_LOOK_S = 0.1

_log = structlog.get_logger("velaria.flight_server")

_COLLECTED_AFTER = 5_000
"""Objects that may hold others, made and not freed; 700 by default."""


class RunningServer:
    """Made by `start`; `wait` blocks until somebody asks for the end, `close` ends it."""

    def __init__(self, options: Options) -> None:
        self._identity = check_listeners(options)
        if options.get("server.side"):
            refuse_bad_address(options.get("server.side"), "the side port")
        if options.get("metrics.listen"):
            off_loopback = options.get("metrics.off_loopback")
            check_metrics(options.get("metrics.listen"), off_loopback=off_loopback)
        allowed_folders(options, data_dir_of(options))
        refuse_clashes(options)
        refuse_taken_addresses(options)
        self._last = contextlib.ExitStack()
        self._fronts: list[Front] = []
        self.side: SidePort | None = None
        try:
            self._open(options)
        except BaseException:
            self._leave(is_clean=self._shut_fronts())
            raise

    def _open(self, options: Options) -> None:
        self.data_dir = self._take_data_dir(options.get("server.data_dir"))
        # Entered after the folder, so it closes before a private folder goes: the ledger writes
        # its journal there until its end.
        self._undo = self._last.enter_context(contextlib.ExitStack())
        self._undo.enter_context(_lock_or_refuse(self.data_dir))
        has_identity = self._identity.asks_for_identity(data_dir_of(options))
        reach = file_reach(options, self.data_dir, has_identity=has_identity)
        proofs = self._identity.read_proofs(self.data_dir) if has_identity else None
        self.ledger: Ledger = open_ledger(options.get("postgres.dsn"), self.data_dir)
        self._undo.callback(self.ledger.close)
        session = _kernel.Session(
            threads=options.get("server.threads"),
            allowed_roots=[str(root) for root in reach.roots],
            closed_paths=[str(path) for path in reach.closed],
            memory_limit_bytes=options.get("limits.query_memory_bytes") or None,
        )
        self._undo.callback(session.close)
        gate = None if proofs is None else open_gate(proofs, self.ledger)
        if gate is not None:
            self._undo.callback(gate.close)
        self.service = Service(session, self.ledger, options, self.data_dir, gate)
        self._undo.callback(self.service.sessions.close_all)
        tracer = self.service.tracer
        if tracer is not None:
            self._undo.callback(lambda: _within(CLOSE_WAIT_S, tracer.close))
        self._undo.callback(self.service.transactions.held.end_all)
        self._undo.callback(self.service.held.close_all)
        self._last.callback(self.service.shared.close)
        register_all(self.service)
        registry.load_all()
        self.service.watcher.start()
        self._undo.callback(self.service.watcher.close)
        self.service.limits.start()
        self._undo.callback(self.service.limits.close)
        self.service.health.start()
        self._undo.callback(self.service.health.close)
        for uri in options.get("server.listen"):
            front, address = open_front(self.service, uri, self._identity.tls)
            self._fronts.append(front)
            self.service.flight_uris.append(address)
        side = options.get("server.side")
        if side:
            self.side = SidePort(side, self.service.health)
            self.side.start()
        metrics = options.get("metrics.listen")
        self.metrics_port = MetricsPort(self.service, metrics) if metrics else None
        if self.metrics_port is not None:
            self.metrics_port.start()
            self._undo.callback(self.metrics_port.stop)

    def _take_data_dir(self, asked: str) -> Path:
        if not asked:
            folder = Path(tempfile.mkdtemp(prefix="velaria-"))
            self._last.callback(shutil.rmtree, folder, ignore_errors=True)
            return folder
        return make_data_dir(Path(asked))

    def ready_line(self) -> dict[str, Any]:
        metrics = {"metrics": self.metrics_port.address} if self.metrics_port else {}
        return metrics | {
            "event": "ready",
            "flight": self.service.flight_uris,
            "side": self.side.address if self.side else None,
            "data_dir": str(self.data_dir),
            "durable_tables": self.service.is_durable,
            "pid": os.getpid(),
            "version": _kernel.__version__,
        }

    def wait(self) -> None:
        """On the main thread, which alone runs the handlers of signals: it looks by itself, since a
        signal may come to another thread, and a handler that sets what it waits for may find its
        lock taken by the waiting."""
        while not self.service.drain_requested.is_set():
            time.sleep(DRAIN_LOOK_S)

    def close(self) -> bool:
        """True when everything ended by itself; False when a call had to be left behind."""
        self.service.health.tell_change()
        if not self.service.watcher.wait_idle(self.service.drain_wait_s):
            _log.info("cancelling calls", calls=self.service.watcher.count())
        self.service.watcher.cancel_all()
        self.service.streams.stop_all()
        self.service.watcher.wait_idle(CANCEL_WAIT_S)
        is_clean = self._shut_fronts()
        self.service.streams.wait_ended(CLOSE_WAIT_S)
        self._leave(is_clean=is_clean)
        return is_clean

    def _shut_fronts(self) -> bool:
        """False when a call does not let one go."""
        left = [front for front in self._fronts if not _within(CLOSE_WAIT_S, front.shutdown)]
        return not left

    def _leave(self, *, is_clean: bool) -> None:
        """What is left to close; of a server that could not start, as much as it had opened."""
        if self.side is not None:
            self.side.stop()
        if not is_clean:
            self._undo.pop_all()
            self.ledger.close()
        self._last.close()


def _lock_or_refuse(folder: Path) -> IO[str]:
    """A second server on the folder is refused."""
    lock = open_lock(folder, "server.lock")
    if lock is None:
        raise VelariaError(
            codes.BAD_SETTING,
            f"another server uses the data directory: {folder}",
            hint="Stop the other server, or give this one a folder of its own by --data-dir.",
        )
    return lock


def _within(timeout_s: float, action: Callable[[], None]) -> bool:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(timeout_s)
    return not thread.is_alive()


def _reload(options: Options) -> None:
    try:
        options.reload()
    except VelariaError as error:
        _log.error("settings not reloaded", code=error.code, error=error.message, hint=error.hint)


def _spare_collections() -> None:
    """Python's collector leaves alone what the start has loaded: a full collection would look at
    all of it, for 0.1 s with the interpreter's lock. And it looks less often: a call leaves some
    twenty objects to it, which by default are looked at again every few dozen calls."""
    gc.freeze()
    gc.set_threshold(_COLLECTED_AFTER, *gc.get_threshold()[1:])


def run_until_signal(options: Options) -> None:
    """Serve, print the ready line, and end the process with status 0 when asked to."""
    server = RunningServer(options)
    _spare_collections()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.service.request_drain())
    # On a thread of its own: a second signal may come while the first reload holds its lock.
    signal.signal(
        signal.SIGHUP, lambda *_: threading.Thread(target=_reload, args=(options,)).start()
    )
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
