"""What the process uses and what the machine has left, read from Linux's own books.

What is asked while the server runs opens no file: it is asked most when no more can be opened.
"""

import os
import resource
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from velaria.flight_server.spare_file import OUT_OF_FILES

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_CGROUP_FILES = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
_STAT_STARTTIME = 19  # of /proc/self/stat, counted from the field after the command's name

LOOK_EVERY_S = 0.05

Told = TypeVar("Told")


class Glance(Generic[Told]):
    """What `look` tells, as of LOOK_EVERY_S ago at most: for books that are asked by every call and
    change slowly."""

    def __init__(
        self, look: Callable[[], Told], clock_s: Callable[[], float] = time.monotonic
    ) -> None:
        self._look = look
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._seen: tuple[float, Told] | None = None

    def __call__(self) -> Told:
        with self._lock:
            now_s = self._clock_s()
            if self._seen is None or now_s - self._seen[0] >= LOOK_EVERY_S:
                self._seen = now_s, self._look()
            return self._seen[1]


def thread_count() -> int:
    return os.stat("/proc/self/task").st_nlink - 2  # a folder for each, beside . and ..


def open_file_count() -> int:
    counted = os.stat("/proc/self/fd").st_size  # since Linux 6.2; 0 before
    if counted:
        return counted
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError as fault:
        if fault.errno not in OUT_OF_FILES:
            raise
        return open_file_max()


def open_file_max() -> int:
    """What the process may open by its soft limit."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def cpu_seconds() -> float:
    return time.process_time()


def _start_since_boot_s() -> float:
    stat = Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()
    return int(stat[_STAT_STARTTIME]) / _TICKS_PER_S


_START_SINCE_BOOT_S = _start_since_boot_s()


def start_unix_s() -> float:
    """When the process began: its age by the system's clock, from now on back."""
    age_s = time.clock_gettime(time.CLOCK_BOOTTIME) - _START_SINCE_BOOT_S
    return time.time() - age_s


def memory_cap_bytes() -> int:
    """The least of the machine's memory, its control group's limit and the process' own."""
    caps = [os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES]
    for path in _CGROUP_FILES:
        try:
            text = path.read_text("ascii").strip()
        except OSError:
            continue
        if text.isdecimal():
            caps.append(int(text))
    own = resource.getrlimit(resource.RLIMIT_AS)[0]
    if own != resource.RLIM_INFINITY:
        caps.append(own)
    return min(caps)


def free_disk_bytes(folder: Path) -> int:
    """What this user can still write there."""
    return shutil.disk_usage(folder).free
