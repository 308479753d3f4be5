"""How long the run history is kept: when to look for days that are over, and what is told of those
that the store does not let go of.

A day is kept whole or dropped whole. Nothing here is on the way of a query: the writer's thread
looks, and a day that cannot be dropped is told, and stays.
"""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from velaria.control.run_store import DayEnd, DayRefused, RunStore

S_PER_DAY = 86_400
LOOK_S = float(S_PER_DAY)
REFUSED_RETRY_S = 3_600.0
PASSING_RETRY_S = 60.0
PASSING_TOLD_S = 3_600.0
"""A reason that should pass is told when it has not passed for so long."""


def _awake_or_not_s() -> float:
    """Of the monotonic clocks the one that counts the time in which the machine sleeps, too."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class Retention:
    """keep_for() may be called by any thread, drop_old() by the writer's alone. Nothing is dropped
    before keep_for() was called.

    `unix_s` tells which day is over, `clock_s`, which never jumps, when to look. What is dropped is
    gone, so a system clock that runs ahead of the time that has passed is not believed.
    """

    def __init__(
        self,
        clock_s: Callable[[], float] = _awake_or_not_s,
        unix_s: Callable[[], float] = time.time,
    ) -> None:
        self._clock_s = clock_s
        self._unix_s = unix_s
        self._unix_ahead_s = unix_s() - clock_s()
        self._keep_days = 0
        self._asked = threading.Event()
        self._look_at_s = float("inf")
        self._passing_since_s: float | None = None
        self.reason = ""
        """Why a day that is over is still there; empty when none is."""

    def keep_for(self, days: int) -> None:
        """Keep what began in the last `days` days, 0 for all, and look at once."""
        self._keep_days = days
        self._asked.set()

    def wait_s(self) -> float:
        """How long until drop_old() is due."""
        return 0.0 if self._asked.is_set() else max(0.0, self._look_at_s - self._clock_s())

    def drop_old(self, store: RunStore, log: Any, between: Callable[[], bool]) -> None:
        """Drop the days that are over. StoreAway when the store has gone meanwhile.

        `between` is called after each day; False leaves the others for the next time.
        """
        self._asked.clear()
        # Also for a store that goes away every time: it shall not be tried in a loop.
        self._look_at_s = self._clock_s() + REFUSED_RETRY_S
        ends: dict[DayEnd, list[str]] = {end: [] for end in DayEnd}
        refused: tuple[str, DayRefused] | None = None
        for day in self._old_days(store):
            try:
                ends[store.drop_day(day)].append(_date(day))
            except DayRefused as refusal:
                refused = refused or (_date(day), refusal)
                if refusal.passes:
                    break  # It would be waited for at each day.
            if not between():
                break
        if ends[DayEnd.DROPPED]:
            log.info(
                "run_history_days_dropped",
                days=ends[DayEnd.DROPPED],
                kept_for_running=ends[DayEnd.RUNNING],
            )
        self._conclude(refused, log)

    def _old_days(self, store: RunStore) -> list[int]:
        keep_days = self._keep_days
        now_s = min(self._unix_s(), self._clock_s() + self._unix_ahead_s)
        return store.old_days(int(now_s) // S_PER_DAY, keep_days) if keep_days else []

    def _conclude(self, refused: tuple[str, DayRefused] | None, log: Any) -> None:
        now_s = self._clock_s()
        if refused is None:
            self._look_at_s = now_s + LOOK_S
            self._passing_since_s = None
            self.reason = ""
            return
        day, refusal = refused
        if refusal.passes:
            self._look_at_s = now_s + PASSING_RETRY_S
            if self._passing_since_s is None:
                self._passing_since_s = now_s
            if now_s - self._passing_since_s < PASSING_TOLD_S:
                return
        reason = f"{day} is over and cannot be dropped: {refusal}"
        if reason != self.reason:
            log.warning(
                "run_history_day_refused", reason=reason, detail=refusal.detail, hint=refusal.hint
            )
        self.reason = reason


def _date(day: int) -> str:
    return f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day):%Y-%m-%d}"
