"""UUIDs of version 7 (RFC 9562, section 5.7): 48 bits of Unix milliseconds first, so ids sort by
time.
"""

import os
import threading
import time
import uuid
from collections.abc import Callable

_VERSION_AND_VARIANT = (7 << 76) | (2 << 62)
MS_PER_DAY = 86_400_000


class Uuid7Source:
    """Makes strictly increasing ids, also when the clock stands still or jumps back.

    The 12 bits after the version hold the fraction of the millisecond (method 3 of section 6.2). An
    id that would not be larger than the last one takes the last one's 60 time bits plus one.
    """

    def __init__(self, clock_ns: Callable[[], int] = time.time_ns) -> None:
        self._clock_ns = clock_ns
        self._lock = threading.Lock()
        self._last_ticks = 0

    def __call__(self) -> uuid.UUID:
        ms, ns = divmod(self._clock_ns(), 1_000_000)
        ticks = (ms << 12) | (ns * 4096 // 1_000_000)
        random_bits = int.from_bytes(os.urandom(8), "big") >> 2
        with self._lock:
            if ticks <= self._last_ticks:
                ticks = self._last_ticks + 1
            self._last_ticks = ticks
        high, low = ticks >> 12, ticks & 0xFFF
        return uuid.UUID(int=(high << 80) | (low << 64) | _VERSION_AND_VARIANT | random_bits)


def unix_ms_of(value: uuid.UUID) -> int:
    """The millisecond a version 7 id was made in."""
    return value.int >> 80


def day_of(value: uuid.UUID) -> int:
    """Days since 1970-01-01 UTC of a version 7 id; the number of its partition."""
    return unix_ms_of(value) // MS_PER_DAY


def first_of_day(day: int) -> uuid.UUID:
    """The smallest id a day can hold: an inclusive lower bound for it, an exclusive upper one for
    the day before.
    """
    return uuid.UUID(int=(day * MS_PER_DAY) << 80)
