"""What is bounded in number, and how much of it each client holds: nobody has more than a share, so
that one who takes much keeps nobody else out.

All that is bounded so is counted here as it comes and goes, whichever book keeps it.
"""

import math
import threading
from collections import Counter
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.options import Options

_HINT = "Wait until some have ended, or end some that are not needed."


def share_of(options: "Options") -> float:
    """The part of what is bounded that one client may have."""
    percent: int = options.get("limits.share_percent")
    return percent / 100


class Holding(AbstractContextManager["Holding"]):
    """One of what a client holds. Made by Shares.enter only."""

    __slots__ = ("_has_left", "_holder", "_shares")

    def __init__(self, shares: "Shares", holder: str) -> None:
        self._shares = shares
        self._holder = holder
        self._has_left = False

    def leave(self) -> None:
        """It is given back once, however often this is called; from any thread."""
        self._shares._leave(self)

    def __exit__(self, *_: object) -> None:
        self.leave()


class Shares:
    """All of one kind; `what` is what a refusal says there are too many of, `hint` what to do then.
    A holder is what Client.holder says; the empty one is bounded by the number of all only. Any
    thread may ask."""

    def __init__(self, what: str, hint: str = _HINT) -> None:
        self._what = what
        self._hint = hint
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()
        self._count = 0

    def enter(self, holder: str, count_max: int, share: float) -> Holding:
        """One more of the holder's, until it leaves. VEL5002 where that is too many: there are
        `count_max`, or the holder has its `share` of them, a part of 1, and always one."""
        with self._lock:
            self._refuse_beyond(holder, count_max, share)
            self._count += 1
            if holder:
                self._held[holder] += 1
        return Holding(self, holder)

    def refuse_when_full(self, holder: str, count_max: int, share: float) -> None:
        """VEL5002 where enter would say it now."""
        with self._lock:
            self._refuse_beyond(holder, count_max, share)

    def count(self) -> int:
        with self._lock:
            return self._count

    def holders(self) -> int:
        with self._lock:
            return len(self._held)

    def _refuse_beyond(self, holder: str, count_max: int, share: float) -> None:
        own = self._held.get(holder, 0)
        if self._count >= count_max:
            raise self._refusal("", self._count)
        if own >= max(1, math.floor(count_max * share)):
            raise self._refusal(" for this client", own)

    def _refusal(self, whose: str, count: int) -> VelariaError:
        return VelariaError(
            codes.OVERLOADED, f"too many {self._what}{whose}: {count}", hint=self._hint
        )

    def _leave(self, holding: Holding) -> None:
        with self._lock:
            if holding._has_left:
                return
            holding._has_left = True
            self._count -= 1
            holder = holding._holder
            if holder:
                self._held[holder] -= 1
                if not self._held[holder]:
                    del self._held[holder]
