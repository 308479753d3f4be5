"""A bounded queue before the places in which statements run.

A statement needs a place while the server works for it and has nothing to send yet; what is being
read, metadata, cancelling and health need none. Each client has a queue of its own, first come
first served. A free place goes to the client that has the fewest, and nobody has more than its
share, so that one who sends much delays mostly himself.
"""

import math
import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from velaria.flight_server.limits.shares import share_of
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.options import Options

RUNNING_PER_CORE = 4
RUNNING_MIN = 8
RUNNING_UNASKED = max(RUNNING_MIN, RUNNING_PER_CORE * (os.cpu_count() or 1))
"""Each running statement delays a short one by one turn of the kernel's (5 ms and less), so there
are few; but more than cores, since some wait for files."""


@dataclass(frozen=True)
class Bounds:
    """`share` is the part of the places, and of the queue, that one client may have."""

    running_max: int
    waiting_max: int
    wait_s: float
    share: float = 1.0

    def places_each(self) -> int:
        return max(1, math.floor(self.running_max * self.share))

    def waiting_each(self) -> int:
        return max(1, math.floor(self.waiting_max * self.share))


_SETTINGS = (
    "limits.statements_running",
    "limits.statements_waiting",
    "limits.wait_s",
    "limits.share_percent",
)


def bounds_of(options: "Options") -> Bounds:
    """As they are now."""
    running, waiting, wait_s, _ = (options.get(name) for name in _SETTINGS)
    return Bounds(running or RUNNING_UNASKED, waiting, wait_s, share_of(options))


class Place:
    """One statement's right to run, or its turn in the queue. Made by Admission.request only."""

    def __init__(self, admission: "Admission", client: str, turn: int) -> None:
        self.client = client
        self.turn = turn
        self.settled: threading.Event | None = None
        """Of who must wait: set when the place was granted, or the waiting given up."""
        self.is_granted = False
        self.has_waited = False
        self._admission = admission

    def leave(self) -> None:
        """Give the place back, or stop waiting for it. Whoever comes first does it; from any
        thread."""
        self._admission.leave(self)


class Admission:
    """All places. Safe from every thread; never calls out while it holds its lock. Who runs keeps
    his place when a reload leaves fewer."""

    def __init__(self, options: "Options") -> None:
        self._lock = threading.Lock()
        self._options = options
        self._running: Counter[str] = Counter()
        self._held: set[Place] = set()
        self._queues: dict[str, OrderedDict[int, Place]] = {}
        self._waiting_count = 0
        self._next_turn = 0
        for name in _SETTINGS:
            options.on_change(name, lambda _: self._look_again())

    def enter(
        self,
        client: str,
        while_waiting: Callable[
            [Callable[[], object]], AbstractContextManager[None]
        ] = lambda give_up: nullcontext(),
    ) -> Place:
        """A granted place, waited for when need be. VEL5002 when the queue is full or the wait too
        long, VEL3010 when the waiting was given up.

        `while_waiting` is entered for the time of the waiting, with what gives it up, to be called
        when nobody wants it any more.
        """
        place = self.request(client)
        if not place.is_granted:
            place.has_waited = True
            with while_waiting(lambda: self._give_up(place)):
                self._await(place)
        return place

    def request(self, client: str) -> Place:
        """A place, granted at once where there is room, else in the queue. VEL5002 when that is
        full."""
        with self._lock:
            place = Place(self, client, self._next_turn)
            self._next_turn += 1
            bounds = bounds_of(self._options)
            # Who waits already could not be let in when something last changed.
            if client not in self._queues and self._has_room(client, bounds):
                self._take(place)
                return place
            place.settled = threading.Event()
            self._queues.setdefault(client, OrderedDict())[place.turn] = place
            self._waiting_count += 1
            full = self._waiting_count > bounds.waiting_max
            is_over = full or len(self._queues[client]) > bounds.waiting_each()
            if is_over:
                self._forget(place)
        if is_over:
            raise VelariaError(
                codes.OVERLOADED,
                "too many statements wait"
                + ("" if full else " for this client")
                + f": {bounds.waiting_max if full else bounds.waiting_each()}",
                hint="Send fewer statements at once, or try again in some seconds.",
            )
        return place

    def leave(self, place: Place) -> None:
        with self._lock:
            if place in self._held:
                self._held.discard(place)
                self._running[place.client] -= 1
                if not self._running[place.client]:
                    del self._running[place.client]
                self._grant()
            else:
                self._forget(place)

    def counts(self) -> dict[str, Any]:
        with self._lock:
            return {"running": len(self._held), "waiting": self._waiting_count}

    def _await(self, place: Place) -> None:
        wait_s: float = self._options.get("limits.wait_s")
        assert place.settled is not None
        place.settled.wait(wait_s)
        with self._lock:
            if place.is_granted:
                return
            was_given_up = place.settled.is_set()
            self._forget(place)
        if was_given_up:
            raise VelariaError(codes.CANCELLED, "the statement was cancelled before its turn")
        raise VelariaError(
            codes.OVERLOADED,
            f"the statement waited too long for its turn: {wait_s:g} s",
            hint=f"The server is busy. Try again in some {max(1, round(wait_s))} seconds.",
        )

    def _give_up(self, place: Place) -> None:
        """Nothing happens to one that was granted: it ends as running statements do."""
        with self._lock:
            if not place.is_granted and place.settled is not None:
                self._forget(place)
                place.settled.set()

    def _forget(self, place: Place) -> None:
        queue = self._queues.get(place.client)
        if queue is None or queue.pop(place.turn, None) is None:
            return
        self._waiting_count -= 1
        if not queue:
            del self._queues[place.client]

    def _has_room(self, client: str, bounds: Bounds) -> bool:
        if len(self._held) >= bounds.running_max:
            return False
        return self._running[client] < bounds.places_each()

    def _look_again(self) -> None:
        with self._lock:
            self._grant()

    def _take(self, place: Place) -> None:
        self._held.add(place)
        self._running[place.client] += 1
        place.is_granted = True

    def _grant(self) -> None:
        """Under the lock: hand out what is free."""
        if not self._queues:
            return
        bounds = bounds_of(self._options)
        while self._queues:
            heads = [
                next(iter(queue.values()))
                for client, queue in self._queues.items()
                if self._has_room(client, bounds)
            ]
            if not heads:
                return
            first = min(heads, key=lambda head: (self._running[head.client], head.turn))
            self._forget(first)
            self._take(first)
            if first.settled is not None:
                first.settled.set()
