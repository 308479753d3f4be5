"""The memory of the whole process: its cap, and the mark above which new work is refused.

Arrow's allocator, from which queries and unpacked batches have their memory, is bounded when the
process starts, so that a batch that unpacks to too much fails alone. Memory of the C library, which
gRPC receives into, has no bound of its own; the mark takes it in.
"""

import ctypes
import os
import sys
import threading
import time
from collections.abc import Callable, MutableMapping

import pyarrow as pa

from velaria.flight_server.machine import LOOK_EVERY_S, memory_cap_bytes
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

POOL_PART = 0.75
"""The part of the cap that Arrow's allocator may take."""
HIGH_PART = 0.85
"""The part of the cap above which memory is short, by what the process has."""
POOL_HIGH_PART = 0.5
"""The same by what Arrow's allocator has given out. What is left of its own part must do for all
that run already, and a good deal of it is lost between pieces of different sizes."""
MACHINE_PART = 0.75
"""The part of the machine's memory that is the cap when none is set."""
_RELEASE_EVERY_S = 1.0
_MIB = 1 << 20


def cap_bytes(asked: int) -> int:
    """What was asked for, else a part of the machine's memory, or of its container's."""
    return asked or int(memory_cap_bytes() * MACHINE_PART)


def pool_variables(cap: int) -> dict[str, str]:
    """What makes mimalloc, Arrow's default allocator, take so much from the system and no more."""
    pool_mib = max(1, int(cap * POOL_PART) // _MIB)
    return {
        "MIMALLOC_RESERVE_OS_MEMORY": f"{pool_mib}MiB",
        "MIMALLOC_ARENA_MAX_OBJECT_SIZE": f"{pool_mib}MiB",
        "MIMALLOC_DISALLOW_OS_ALLOC": "1",
    }


def bound_pool(cap: int, environ: MutableMapping[str, str] = os.environ) -> None:
    """Start this program anew with a bounded allocator, unless it is that already.

    mimalloc reads its options once, when Arrow is loaded, which is before any setting is known. The
    children of the process do not get them. Who has set one himself is left alone.
    """
    wanted = pool_variables(cap)
    if all(environ.get(name) == value for name, value in wanted.items()):
        for name in wanted:
            del environ[name]
    elif not any(name in environ for name in wanted):
        environ.update(wanted)
        os.execve(sys.executable, sys.orig_argv, dict(environ))


class _Resident:
    """Read from a file that stays open, so that it is told when no more files can be opened."""

    def __init__(self) -> None:
        self._file = os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
        self._page_bytes = os.sysconf("SC_PAGE_SIZE")

    def __call__(self) -> int:
        return int(os.pread(self._file, 200, 0).split()[1]) * self._page_bytes


def _release_freed() -> None:
    """Give memory that is held but not used back to the system."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


class MemoryGuard:
    """Knows whether memory is short: the process's, or that of Arrow's allocator. The figures'
    sources are given for tests."""

    def __init__(
        self,
        cap: int,
        resident: Callable[[], int] | None = None,
        allocated: Callable[[], int] = pa.total_allocated_bytes,
        release: Callable[[], None] = _release_freed,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self.cap = cap
        self._resident = resident or _Resident()
        self._allocated = allocated
        self._release = release
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._looked_s = self._released_s = float("-inf")
        self._bytes = 0
        self._spare: Callable[[], object] | None = None
        self._spared_s = float("-inf")

    def spare(self, let_go: Callable[[], object]) -> None:
        """What gives memory back that is held for convenience; asked first when memory is short."""
        self._spare = let_go

    def resident_bytes(self) -> int:
        """As of a moment ago."""
        with self._lock:
            now_s = self._clock_s()
            if now_s - self._looked_s >= LOOK_EVERY_S:
                self._bytes = self._resident()
                self._looked_s = now_s
            return self._bytes

    def is_high(self) -> bool:
        return bool(self.shortage())

    def shortage(self) -> str:
        """What is nearly used up; "" when memory is not short. What can be spared is let go of, and
        freed memory that the process keeps for its next batches does not count."""
        told = self._shortage()
        return self._shortage() if told and self._has_spared() else told

    def _has_spared(self) -> bool:
        with self._lock:
            now_s = self._clock_s()
            if self._spare is None or now_s - self._spared_s < _RELEASE_EVERY_S:
                return False
            self._spared_s = now_s
            self._released_s = float("-inf")
        self._spare()
        return True

    def _shortage(self) -> str:
        allocated = self._allocated()
        if allocated > self.cap * POOL_HIGH_PART:
            return f"{allocated // _MIB} of {self.cap // _MIB} MiB allocated"
        mark = self.cap * HIGH_PART
        if self.resident_bytes() <= mark:
            return ""
        with self._lock:
            now_s = self._clock_s()
            if now_s - self._released_s >= _RELEASE_EVERY_S:
                self._released_s = now_s
                self._release()
                self._bytes = self._resident()
                self._looked_s = now_s
            if self._bytes <= mark:
                return ""
            return f"{self._bytes // _MIB} of {self.cap // _MIB} MiB used"

    def refuse_when_high(self, what: str) -> None:
        """VEL5002 above the mark; `what` is refused."""
        if self.is_high():
            raise VelariaError(
                codes.OVERLOADED,
                f"the server's memory is nearly used up, so it takes no new {what}",
                hint="Try again in some seconds; drop tables that are not needed, or raise"
                " limits.memory_bytes.",
            )
