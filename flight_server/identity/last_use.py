"""When each entry of the token file was last used, and which of them a server has seen.

    identity/last_use.json   written by the server only, so that the token file has one writer

It is written at most once a minute and at the end: a crash loses the last minute's uses.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from velaria.flight_server.identity.tokens import FOLDER, Entry, write_private

FILE = "last_use.json"
WRITE_INTERVAL_S = 60.0
NEW_USE_AFTER_S = 3600.0

_log = structlog.get_logger("velaria.flight_server")


class _Kept(msgspec.Struct, kw_only=True):
    used_s: dict[str, int] = {}
    seen: dict[str, bool] = {}  # id -> whether it was revoked


class LastUse:
    """Notes uses in memory; `changes` tells what became of the token file since it last looked."""

    def __init__(self, data_dir: Path, clock_s: Callable[[], float] = time.time) -> None:
        self._path = data_dir / FOLDER / FILE
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._kept = _read(self._path)
        self._noted: dict[str, float] = {}
        self._written_s = clock_s()
        self._is_changed = False

    def note(self, entry_id: str) -> bool:
        """True for the first use in this server's life, and after an hour without one."""
        now_s = self._clock_s()
        with self._lock:
            before_s = self._noted.get(entry_id, 0.0)
            self._noted[entry_id] = now_s
            self._kept.used_s[entry_id] = int(now_s)
            self._is_changed = True
            is_due = now_s - self._written_s >= WRITE_INTERVAL_S
        if is_due:
            self.write()
        return now_s - before_s > NEW_USE_AFTER_S

    def changes(self, entries: list[Entry]) -> list[tuple[str, Entry]]:
        """`created` and `revoked` entries that no server on this directory has seen as such."""
        found: list[tuple[str, Entry]] = []
        with self._lock:
            seen = self._kept.seen
            for entry in entries:
                is_revoked = entry.revoked_s is not None
                if entry.id not in seen:
                    found.append(("created", entry))
                if is_revoked and not seen.get(entry.id, False):
                    found.append(("revoked", entry))
            self._kept.seen = {entry.id: entry.revoked_s is not None for entry in entries}
            self._is_changed = self._is_changed or bool(found)
        if found:
            self.write()
        return found

    def write(self) -> None:
        with self._lock:
            if not self._is_changed:
                return
            self._is_changed = False
            self._written_s = self._clock_s()
            content = msgspec.json.encode(self._kept)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_private(self._path, content)
        except OSError as fault:
            _log.warning("last uses are not written", reason=fault.strerror)


def read_last_use(data_dir: Path) -> dict[str, int]:
    """id -> second of its last use."""
    return _read(data_dir / FOLDER / FILE).used_s


def _read(path: Path) -> _Kept:
    """What can be lost without harm is taken as empty when it is not there or damaged."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Kept)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError):
        return _Kept()
