"""What the queries of tickets were bound to, so that each DoGet reads the names and rows that
GetFlightInfo told of.

A pin keeps the versions of the tables that stood then, which later changes have replaced. So pins
end with their tickets' time, and all of them when memory is short.
"""

import heapq
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from velaria._kernel import StatementInfo
from velaria.flight_server.limits.watchdog import Watchdog
from velaria.flight_server.options import Options
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

SPARE_ENDS_MAX = 64
"""Of entries that no longer count, beside as many as there are pins."""


@dataclass
class _Pin:
    described: StatementInfo
    until_unix_ms: int


class Pins:
    """By query id; past tickets.pins_kept the one goes whose time ends first. Those whose time is
    over are looked for by the watchdog.

    `_ends` is a heap of when each ends: a reload may give later tickets less time than earlier
    ones, so that the order of their making says nothing. An entry counts while its pin ends then;
    a renewal leaves one behind.
    """

    def __init__(
        self,
        options: Options,
        clock_unix_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._clock_unix_ms = clock_unix_ms
        self._options = options
        self._lock = threading.Lock()
        self._pins: dict[str, _Pin] = {}
        self._ends: list[tuple[int, str]] = []
        self._watchdog: Watchdog | None = None

    def be_watched(self, watchdog: Watchdog) -> None:
        self._watchdog = watchdog

    def keep(self, query_id: str, described: StatementInfo, until_unix_ms: int) -> None:
        """Keep what a query was bound to. Room is made before: later tickets may have less time."""
        kept_max = self._options.get("tickets.pins_kept")
        with self._lock:
            over = [self._pins.pop(query_id, None)]  # of an earlier query that had the id
            while len(self._pins) >= kept_max:
                over.append(self._pins.pop(self._first_to_end()))
            if not self._pins and self._watchdog is not None:
                self._watchdog.watch(self)
            self._pins[query_id] = _Pin(described, until_unix_ms)
            self._enter_end(query_id, until_unix_ms)
        over.clear()  # as in let_go

    def renew(self, query_id: str, until_unix_ms: int) -> None:
        """VEL1005 when it is gone."""
        with self._lock:
            self._find(query_id).until_unix_ms = until_unix_ms
            self._enter_end(query_id, until_unix_ms)

    def find(self, query_id: str) -> StatementInfo:
        """VEL1005 when it is gone."""
        with self._lock:
            return self._find(query_id).described

    def look(self, _now_s: float) -> None:
        """Let go of those whose time is over."""
        now_unix_ms, over = self._clock_unix_ms(), []
        with self._lock:
            while self._pins:
                query_id = self._first_to_end()
                if self._pins[query_id].until_unix_ms >= now_unix_ms:
                    return
                over.append(self._pins.pop(query_id))  # freed on return, without the lock
            if self._watchdog is not None:
                self._watchdog.drop(self)

    def let_go(self) -> None:
        """Of all; their tickets are refused from now on."""
        with self._lock:
            gone, self._pins, self._ends = self._pins, {}, []
            if self._watchdog is not None:
                self._watchdog.drop(self)
        gone.clear()  # frees the tables' rows, without the lock

    def _enter_end(self, query_id: str, until_unix_ms: int) -> None:
        heapq.heappush(self._ends, (until_unix_ms, query_id))
        if len(self._ends) > 2 * len(self._pins) + SPARE_ENDS_MAX:
            self._ends = [(pin.until_unix_ms, each) for each, pin in self._pins.items()]
            heapq.heapify(self._ends)

    def _first_to_end(self) -> str:
        """Of the pins, of which there is one at least."""
        while True:
            until_unix_ms, query_id = self._ends[0]
            pin = self._pins.get(query_id)
            if pin is not None and pin.until_unix_ms == until_unix_ms:
                return query_id
            heapq.heappop(self._ends)

    def _find(self, query_id: str) -> _Pin:
        pin = self._pins.get(query_id)
        if pin is None:
            raise VelariaError(
                codes.BAD_TICKET,
                f"the rows that the ticket was made for are let go of: {query_id}",
                hint="Ask GetFlightInfo or sql.execute for a new ticket.",
            )
        return pin
