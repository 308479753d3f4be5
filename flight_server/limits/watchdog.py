"""One thread that looks at all calls which hold something: time over, client silent, place free."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import structlog

TICK_S = 0.05

_log = structlog.get_logger("velaria.flight_server")


class Watched(Protocol):
    def look(self, now_s: float) -> None:
        """Called every TICK_S or so, on the watchdog's thread; must not block."""


class Watchdog:
    """Owns its thread between start() and close(). The thread sleeps while nothing is watched."""

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self.clock_s = clock_s
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._watched: dict[int, Watched] = {}
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def watch(self, entry: Watched) -> None:
        with self._lock:
            self._watched[id(entry)] = entry
            if len(self._watched) == 1:
                self._changed.notify()

    def drop(self, entry: Watched) -> None:
        with self._lock:
            self._watched.pop(id(entry), None)

    def count(self) -> int:
        with self._lock:
            return len(self._watched)

    def tick(self) -> None:
        now_s = self.clock_s()
        with self._lock:
            entries = list(self._watched.values())
        for entry in entries:
            try:
                entry.look(now_s)
            except Exception:  # noqa: BLE001 (the others must be looked at, too)
                _log.exception("looking at a call")

    def _run(self) -> None:
        while not self._closing.wait(TICK_S):
            with self._lock:
                self._changed.wait_for(lambda: self._closing.is_set() or bool(self._watched))
            self.tick()
