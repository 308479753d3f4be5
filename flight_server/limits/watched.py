"""What the watchdog looks at: a statement from its place to its last byte, and a client that must
send or read.

Who is silent for too long is given up in two steps. First its work ends, with VEL5009 in the run
history; a client that comes back now is told so. Later its connection is cut, for Arrow's server
cannot end a call that waits for its client.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol

from velaria.flight_server.limits.admission import Place
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria._kernel import QueryResult

CUT_AFTER_S = 5.0
_LOOKS_PER_IDLE = 20


class Tracked(Protocol):
    """The part of a TrackedQuery that is needed here."""

    def give_up(self, reason: VelariaError) -> None: ...


class Ways(NamedTuple):
    """What is done about a call that is silent: it is counted, and later its connection is cut.
    Neither may block."""

    count_idle: Callable[[], object]
    cut: Callable[[], object]


class _Idle:
    """Tells a client that does nothing from its last sign of life."""

    def __init__(self, now_s: float) -> None:
        self.moved_s = now_s
        self.given_up_s: float | None = None

    def look(self, now_s: float, idle_s: float, give_up: Callable[[], None], ways: Ways) -> None:
        """`idle_s` 0: no limit. `give_up` runs once, the cut a while after it."""
        if self.given_up_s is None:
            if 0 < idle_s <= now_s - self.moved_s:
                self.given_up_s = now_s
                give_up()
                ways.count_idle()
        elif now_s - self.given_up_s >= CUT_AFTER_S:
            self.given_up_s = float("inf")
            ways.cut()


class WatchedStatement:
    """`idle_s` is asked at every look, since it is shorter while memory is short. `deadline_s` is a
    moment of the watchdog's clock; None: no limit."""

    def __init__(
        self,
        tracked: Tracked,
        place: Place | None,
        ways: Ways,
        now_s: float,
        query_s: float,
        idle_s: Callable[[], float],
        on_close: Callable[["WatchedStatement"], object],
    ) -> None:
        self.result: QueryResult | None = None
        self.query_s = query_s
        self._deadline_s = now_s + query_s if query_s > 0 else None
        self._tracked = tracked
        self._place = place
        self._on_close = on_close
        self._ways = ways
        self._idle_s = idle_s
        self._idle = _Idle(now_s)
        self._looked_s = now_s
        self._progress: tuple[int, float] | None = None

    def take_place(self, place: Place) -> None:
        """For what works again after it had left; then `result` is what it works for now."""
        self._place = place

    def leave_place(self) -> None:
        """When there is something to send, or nothing more to do."""
        place, self._place = self._place, None
        if place is not None:
            place.leave()

    def close(self) -> None:
        """Nothing is to be watched any more. From any thread, once or more."""
        self._on_close(self)
        self.leave_place()

    def look(self, now_s: float) -> None:
        if self._deadline_s is not None and now_s >= self._deadline_s:
            self._deadline_s = None
            self._tracked.give_up(too_late(self.query_s))
        result = self.result
        if result is None or result.row_count == 0:
            return  # it computes, which is not the client's fault
        self.leave_place()
        idle_s = self._idle_s()
        if idle_s <= 0:
            return
        if now_s - self._looked_s >= idle_s / _LOOKS_PER_IDLE:
            self._looked_s = now_s
            progress = (result.row_count, float(result.statistics().get("cpu_ms", 0.0)))
            if progress != self._progress:
                self._progress = progress
                self._idle.moved_s = now_s
        self._idle.look(now_s, idle_s, lambda: self._tracked.give_up(unread(idle_s)), self._ways)


class WatchedClient:
    """A client that must do its part: between `waits` and `moved` the server waits for it. `fault`
    is why it was given up, once it was: what `silent` says of its time; `give_up` is then told."""

    def __init__(
        self,
        silent: Callable[[float], VelariaError],
        give_up: Callable[[VelariaError], object],
        ways: Ways,
        clock_s: Callable[[], float],
        idle_s: Callable[[], float],
    ) -> None:
        self.fault: VelariaError | None = None
        self._silent = silent
        self._tell = give_up
        self._ways = ways
        self._clock_s = clock_s
        self._idle_s = idle_s
        self._idle = _Idle(clock_s())
        self._is_waiting = False

    def waits(self) -> None:
        self._idle.moved_s = self._clock_s()
        self._is_waiting = True

    def moved(self) -> None:
        self._is_waiting = False

    def awaited(self) -> "Awaited":
        return Awaited(self)

    def lives(self) -> None:
        """It has done something else meanwhile."""
        self._idle.moved_s = self._clock_s()

    def refuse_when_given_up(self) -> None:
        if self.fault is not None:
            raise self.fault.anew()

    def look(self, now_s: float) -> None:
        if self._is_waiting:
            idle_s = self._idle_s()
            self._idle.look(now_s, idle_s, lambda: self._give_up(idle_s), self._ways)

    def _give_up(self, idle_s: float) -> None:
        self.fault = self._silent(idle_s)
        self._tell(self.fault)


class Awaited(AbstractContextManager[None]):
    """From `waits` to `moved`; raises `fault` however the waiting ended, once it is there."""

    def __init__(self, client: WatchedClient) -> None:
        self._client = client

    def __enter__(self) -> None:
        self._client.waits()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.moved()
        if fault is None or isinstance(fault, Exception):
            self._client.refuse_when_given_up()


class WatchedPut(WatchedClient):
    """A client that brings rows."""

    def __init__(
        self,
        give_up: Callable[[VelariaError], object],
        ways: Ways,
        clock_s: Callable[[], float],
        idle_s: Callable[[], float],
    ) -> None:
        super().__init__(unsent, give_up, ways, clock_s, idle_s)


def unsent(idle_s: float) -> VelariaError:
    return VelariaError(
        codes.CALL_IDLE,
        f"no batch has come for {idle_s:g} s",
        hint="Open a DoPut when its rows are there, and close it after the last.",
    )


def unread(idle_s: float) -> VelariaError:
    return VelariaError(
        codes.CALL_IDLE,
        f"the client has read nothing of its result for {idle_s:g} s",
        hint="Read results as they come, or select less.",
    )


def too_late(query_s: float) -> VelariaError:
    return VelariaError(
        codes.DEADLINE_EXCEEDED,
        f"the statement ran longer than it may: {query_s:g} s",
        hint="Ask for less, or have limits.query_s raised.",
    )
