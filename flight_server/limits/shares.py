"""What is bounded in number, and how much of it each client holds: nobody has more than a share, so
that one who takes much keeps nobody else out."""

import math
import threading
from collections import Counter
from collections.abc import Iterable
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


def refuse_beyond(
    what: str, count: int, own: int, count_max: int, share: float, hint: str = _HINT
) -> None:
    """VEL5002 where one more is too many: there are `count` of `count_max`, or `own` of the holder,
    who may have its `share` of them, a part of 1, and always one."""
    each_max = max(1, math.floor(count_max * share))
    if count >= count_max:
        raise VelariaError(codes.OVERLOADED, f"too many {what}: {count}", hint=hint)
    if own >= each_max:
        raise VelariaError(codes.OVERLOADED, f"too many {what} for this client: {own}", hint=hint)


def held_by(client: str, clients: Iterable[str]) -> int:
    """How many of the holders are this client; none where nobody is known, outside of calls."""
    return sum(each == client for each in clients) if client else 0


class Shares:
    """All of one kind; `what` is what a refusal says there are too many of. Any thread may ask."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._lock = threading.Lock()
        self._held: Counter[str] = Counter()
        self._count = 0

    def enter(self, holder: str, count_max: int, share: float) -> None:
        """One more of the holder's. VEL5002 as refuse_beyond says."""
        with self._lock:
            own = self._held.get(holder, 0)
            refuse_beyond(self._what, self._count, own, count_max, share)
            self._held[holder] = own + 1
            self._count += 1

    def leave(self, holder: str) -> None:
        with self._lock:
            self._count -= 1
            self._held[holder] -= 1
            if not self._held[holder]:
                del self._held[holder]

    def count(self) -> int:
        with self._lock:
            return self._count

    def holders(self) -> int:
        with self._lock:
            return len(self._held)
