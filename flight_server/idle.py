"""Which of many things has not been used for its time, found without a look at all of them.

Neither class has a lock: the book that owns one asks under its own.
"""

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key", str, bytes)

_STALE_MIN = 64


class Dues(Generic[Key]):
    """Keys with the moment after which each is to be looked at."""

    def __init__(self) -> None:
        self._numbers = itertools.count()
        self._last: dict[Key, tuple[float, int, Key]] = {}  # the entry that put each key
        self._heap: list[tuple[float, int, Key]] = []  # and those of moved or dropped keys

    def put(self, key: Key, due_s: float) -> None:
        """Look at it then, and not at the moment that was said before."""
        entry = self._last[key] = (due_s, next(self._numbers), key)
        heapq.heappush(self._heap, entry)
        if len(self._heap) > 2 * len(self._last) + _STALE_MIN:
            self._heap = sorted(self._last.values())

    def drop(self, key: Key) -> None:
        self._last.pop(key, None)

    def take_passed(self, now_s: float) -> list[Key]:
        """Those whose moment is over, the first first, and of one moment the first put; who shall
        be looked at again is put anew."""
        passed = []
        while self._heap and self._heap[0][0] < now_s:
            entry = heapq.heappop(self._heap)
            key = entry[2]
            if self._last.get(key) is entry:
                del self._last[key]
                passed.append(key)
        return passed


@dataclass(slots=True)
class _Use:
    idle_s: float
    last_used_s: float
    calls: int = 0

    def due_s(self, now_s: float) -> float:
        """When it has been idle for its time, as far as that is known now."""
        return (now_s if self.calls else self.last_used_s) + self.idle_s


class Idle(Generic[Key]):
    """How long no call has used each key. One that a call uses is never idle."""

    def __init__(self, clock_s: Callable[[], float]) -> None:
        self._clock_s = clock_s
        self._uses: dict[Key, _Use] = {}
        self._dues: Dues[Key] = Dues()

    def add(self, key: Key, idle_s: float) -> None:
        now_s = self._clock_s()
        self._uses[key] = _Use(idle_s, now_s)
        self._dues.put(key, now_s + idle_s)

    def change(self, key: Key, idle_s: float) -> None:
        use = self._uses[key]
        use.idle_s = idle_s
        self._dues.put(key, use.last_used_s + idle_s)

    def enter(self, key: Key) -> None:
        """A call uses it until it leaves."""
        self._uses[key].calls += 1

    def leave(self, key: Key) -> None:
        """Nothing happens when it was dropped meanwhile."""
        use = self._uses.get(key)
        if use is not None:
            use.calls -= 1
            use.last_used_s = self._clock_s()

    def drop(self, key: Key) -> None:
        self._uses.pop(key, None)
        self._dues.drop(key)

    def enter_over(self) -> list[Key]:
        """Those that were idle for longer than their time. They are in use by who asks, until it
        has let go of each."""
        now_s = self._clock_s()
        over = []
        for key in self._dues.take_passed(now_s):
            use = self._uses[key]
            due_s = use.due_s(now_s)
            if due_s < now_s:
                use.calls += 1
                over.append(key)
            else:
                self._dues.put(key, due_s)
        return over

    def let_go(self, key: Key) -> bool:
        """Whether one that enter_over told of is idle still; it is then dropped. False for one that
        was dropped, or that a call has used meanwhile."""
        use = self._uses.get(key)
        if use is None:
            return False
        use.calls -= 1
        now_s = self._clock_s()
        due_s = use.due_s(now_s)
        if due_s < now_s:
            self.drop(key)
            return True
        self._dues.put(key, due_s)
        return False

    def take_over(self) -> list[Key]:
        """Those that were idle for longer than their time; they are dropped."""
        return [key for key in self.enter_over() if self.let_go(key)]
