"""Books of what a client holds on the server by a handle: prepared statements, transactions.

A handle is 16 bytes, 12 of them random, so nobody guesses one; a handle of another principal is
answered like one that was never given. What no call has used for its idle time is ended, and so is
what belongs to a session that ends. Expiry is looked at whenever the book is asked and, for items
that keep others' memory, by the watchdog; what a call uses is never ended by it.
"""

import itertools
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from velaria.flight_server.idle import Idle
from velaria.flight_server.limits.shares import Holding, Shares, share_of
from velaria.flight_server.options import Options
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.calls import Call
    from velaria.flight_server.limits.watchdog import Watchdog

HANDLE_BYTES = 16

EXPIRED_IN_MAX = 10_000
"""Sessions that are remembered for what has expired in them; of more the first is forgotten."""

ENDED_MAX = 10_000
"""Handles that are remembered for having ended by themselves; of more the first is forgotten."""

_PROCESS = secrets.token_bytes(4)
"""How each handle of this process begins: what begins otherwise is of another server."""

Item = TypeVar("Item")


@dataclass(slots=True)
class _Held(Generic[Item]):
    item: Item
    number: int
    owner: str | None
    session_id: str | None
    holding: Holding


class HandleBook(Generic[Item]):
    """`what` names an item in errors, `advice` is what to do without it, `held_max` the setting of
    how many there may be; `on_end` ends one, outside the lock. The clock is given, so that tests
    need not wait."""

    def __init__(
        self,
        what: str,
        options: Options,
        held_max: str,
        idle_s: float,
        on_end: Callable[[Item], None],
        clock_s: Callable[[], float] = time.monotonic,
        advice: str = "",
    ) -> None:
        self._what, self._advice = what, advice
        self._options, self._held_max = options, held_max
        self._idle_s = idle_s
        self._on_end = on_end
        self._lock = threading.Lock()
        self._shares = Shares(
            f"handles are open, each a {what}",
            "Close those that are not used, or wait until they expire.",
        )
        self._idle: Idle[bytes] = Idle(clock_s)
        self._held: dict[bytes, _Held[Item]] = {}
        self._of_session: dict[str, dict[bytes, Item]] = {}
        self._expired_in: dict[str, None] = {}  # sessions, in order
        self._ended: dict[bytes, str | None] = {}  # by themselves: the owners, in order
        self._handles: dict[int, bytes] = {}
        self._numbers = itertools.count(1)
        self._watchdog: Watchdog | None = None

    def be_watched(self, watchdog: "Watchdog") -> None:
        """Items end when their idle time is over, though nobody asks the book any more."""
        self._watchdog = watchdog

    def add(self, make: Callable[[], Item], call: "Call") -> bytes:
        """The handle of a new item of the call's client and session. VEL5002 when there are too
        many, in all or of this client; then none is made."""
        self.end_idle()
        client, count_max = call.client, self._options.get(self._held_max)
        holding = self._shares.enter(client.holder, count_max, share_of(self._options))
        try:
            item = make()
        except Exception:
            holding.leave()
            raise
        handle = _PROCESS + secrets.token_bytes(HANDLE_BYTES - len(_PROCESS))
        with self._lock:
            if not self._held and self._watchdog is not None:
                self._watchdog.watch(self)
            held = _Held(item, next(self._numbers), client.name, call.session_id, holding)
            self._held[handle], self._handles[held.number] = held, handle
            self._idle.add(handle, self._idle_s)
            if held.session_id is not None:
                self._of_session.setdefault(held.session_id, {})[handle] = item
        return handle

    def use(self, handle: bytes, call: "Call") -> Item:
        """The item, in use until the call ends. VEL1011 when there is none for this caller."""
        self.end_idle()
        with self._lock:
            held = self._find(handle, call)
            self._idle.enter(handle)
        call.on_end(lambda _: self._leave(handle))
        return held.item

    def remove(self, handle: bytes, call: "Call") -> Item:
        """Take the item out without ending it; VEL1011 when there is none for this caller."""
        with self._lock:
            self._find(handle, call)
            return self._forget(handle)

    def has_ended(self, handle: bytes, call: "Call") -> bool:
        """Whether the caller's item of that handle has ended without being taken out: by its idle
        time, with its session, or with the server that it was of."""
        self.end_idle()
        if len(handle) == HANDLE_BYTES and not handle.startswith(_PROCESS):
            return True
        with self._lock:
            return handle in self._ended and call.client.owns(self._ended[handle])

    def use_number(self, number: int, call: "Call") -> Item:
        """As `use`, by what number_of said."""
        with self._lock:
            handle = self._handles.get(number, b"")
        return self.use(handle, call)

    def session_of(self, number: int) -> str | None:
        """In which the item of that number was made; None when it is over, too."""
        with self._lock:
            held = self._held.get(self._handles.get(number, b""))
        return held.session_id if held is not None else None

    def number_of(self, handle: bytes) -> int:
        with self._lock:
            held = self._held.get(handle)
        return held.number if held is not None else 0

    def of_session(self, session_id: str) -> dict[bytes, Item]:
        """What was made in that session, oldest first."""
        with self._lock:
            return dict(self._of_session.get(session_id, {}))

    def has_expired_in(self, session_id: str) -> bool:
        """Whether an item of that session has since `forget_expired` not been used for its time."""
        self.end_idle()
        with self._lock:
            return session_id in self._expired_in

    def forget_expired(self, session_id: str) -> None:
        with self._lock:
            self._expired_in.pop(session_id, None)

    def expire_in_session(self, session_id: str) -> None:
        """As if what belongs to the session had not been used for its idle time."""
        with self._lock:
            ended = self._expire(list(self._of_session.get(session_id, ())))
        self._end(ended)

    def end_of_session(self, session_id: str) -> None:
        with self._lock:
            self._expired_in.pop(session_id, None)
            ended = self._forget_all(list(self._of_session.get(session_id, ())))
        self._end(ended)

    def end_idle(self) -> None:
        with self._lock:
            ended = self._expire(self._idle.take_over())
        self._end(ended)

    def look(self, _now_s: float) -> None:
        """As the watchdog does."""
        self.end_idle()
        with self._lock:
            if not self._held and self._watchdog is not None:
                self._watchdog.drop(self)

    def end_all(self) -> None:
        with self._lock:
            ended = self._forget_all(list(self._held))
        self._end(ended)

    def count(self) -> int:
        return self._shares.count()

    def _find(self, handle: bytes, call: "Call") -> _Held[Item]:
        held = self._held.get(handle)
        if held is None or not call.client.owns(held.owner):
            raise VelariaError(
                codes.UNKNOWN_HANDLE,
                f"no {self._what} of that handle",
                hint="It was closed, or not used for its idle time, or is of another server."
                + self._advice,
            )
        return held

    def _expire(self, handles: list[bytes]) -> list[Item]:
        sessions = (self._held[handle].session_id for handle in handles)
        self._expired_in |= {session: None for session in sessions if session is not None}
        _drop_first(self._expired_in, EXPIRED_IN_MAX)
        return self._forget_all(handles)

    def _forget(self, handle: bytes) -> Item:
        held = self._held.pop(handle)
        del self._handles[held.number]
        self._idle.drop(handle)
        if held.session_id is not None:
            beside = self._of_session[held.session_id]
            del beside[handle]
            if not beside:
                del self._of_session[held.session_id]
        held.holding.leave()
        return held.item

    def _forget_all(self, handles: list[bytes]) -> list[Item]:
        self._ended |= {handle: self._held[handle].owner for handle in handles}
        _drop_first(self._ended, ENDED_MAX)
        return [self._forget(handle) for handle in handles]

    def _end(self, items: list[Item]) -> None:
        for item in items:
            self._on_end(item)

    def _leave(self, handle: bytes) -> None:
        with self._lock:
            self._idle.leave(handle)


def _drop_first(remembered: dict[Any, Any], count_max: int) -> None:
    while len(remembered) > count_max:
        del remembered[next(iter(remembered))]
