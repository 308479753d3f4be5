"""How often a client may call: the generic cell rate algorithm (ITU-T I.371).

For each client one number is kept, the time at which all its calls so far would have been due had
they come evenly. A call may come `burst` - 1 intervals before it is due, no earlier.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.options import Options

CLIENTS_KEPT_MAX = 10_000


class RateLimiter:
    """As limits.calls_per_s and limits.calls_burst say. The clock is given, so that tests need not
    wait."""

    def __init__(self, options: "Options", clock_s: Callable[[], float] = time.monotonic) -> None:
        self._options = options
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._due_s: OrderedDict[str, float] = OrderedDict()

    @property
    def per_s(self) -> float:
        """0 lets everything through."""
        per_s: float = self._options.get("limits.calls_per_s")
        return per_s

    def wait_s(self, client: str) -> float:
        """0 when the call may come now, and is counted; else the time until one may, and it is
        not."""
        per_s, burst = self.per_s, self._options.get("limits.calls_burst")
        if per_s <= 0:
            return 0.0
        interval_s = 1.0 / per_s
        now_s = self._clock_s()
        with self._lock:
            due_s = max(now_s, self._due_s.get(client, now_s))
            early_s: float = due_s - (burst - 1) * interval_s - now_s
            if early_s > 1e-9:
                return early_s
            self._due_s[client] = due_s + interval_s
            self._due_s.move_to_end(client)
            while len(self._due_s) > CLIENTS_KEPT_MAX:
                self._due_s.popitem(last=False)
        return 0.0

    def check(self, client: str) -> None:
        """VEL5008 with the time to wait in its hint."""
        wait_s = self.wait_s(client)
        if wait_s > 0:
            raise VelariaError(
                codes.RATE_LIMITED,
                f"too many calls per second; the limit is {self.per_s:g}",
                hint=f"Try again in {max(1, round(wait_s * 1000))} ms.",
            )
