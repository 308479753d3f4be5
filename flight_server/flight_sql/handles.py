"""Books of what a client holds on the server by a handle: prepared statements, transactions.

A handle is 16 random bytes, so nobody guesses one; a handle of another principal is answered like
one that was never given. What no call has used for its idle time is ended. Expiry is looked at
whenever the book is asked, so that no thread is needed; what a call uses is never ended by it.
"""

import itertools
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from velaria.flight_server.identity.principals import caller_client
from velaria.flight_server.limits.shares import held_by, refuse_beyond, share_of
from velaria.flight_server.options import Options
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.calls import Call

HANDLE_BYTES = 16

Item = TypeVar("Item")


def owner_of(call: "Call") -> str | None:
    """The name of him whose handles a call may use; None where nobody is asked who he is."""
    return None if call.principal is None else call.principal.name


@dataclass
class _Held(Generic[Item]):
    item: Item
    number: int
    owner: str | None
    last_used_s: float
    client: str
    calls: int = 0


class HandleBook(Generic[Item]):
    """`what` names an item in errors, `held_max` the setting of how many there may be; `on_end`
    ends one, outside the lock. The clock is given, so that tests need not wait."""

    def __init__(
        self,
        what: str,
        options: Options,
        held_max: str,
        idle_s: float,
        on_end: Callable[[Item], None],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what = what
        self._options, self._held_max = options, held_max
        self._idle_s = idle_s
        self._on_end = on_end
        self._clock_s = clock_s
        self._lock = threading.Lock()
        self._held: dict[bytes, _Held[Item]] = {}
        self._handles: dict[int, bytes] = {}
        self._numbers = itertools.count(1)

    def add(self, make: Callable[[], Item], owner: str | None) -> bytes:
        """The handle of a new item. VEL5002 when there are too many, in all or of this client; then
        none is made."""
        self.end_idle()
        client = caller_client()
        with self._lock:
            self._refuse_when_full(client)
        item = make()
        handle = secrets.token_bytes(HANDLE_BYTES)
        try:
            with self._lock:
                self._refuse_when_full(client)
                held = _Held(item, next(self._numbers), owner, self._clock_s(), client)
                self._held[handle], self._handles[held.number] = held, handle
        except VelariaError:
            self._on_end(item)
            raise
        return handle

    def use(self, handle: bytes, call: "Call") -> Item:
        """The item, in use until the call ends. VEL1011 when there is none for this caller."""
        self.end_idle()
        with self._lock:
            held = self._find(handle, owner_of(call))
            held.calls += 1
        call.on_end(lambda _: self._leave(held))
        return held.item

    def remove(self, handle: bytes, call: "Call") -> Item:
        """Take the item out without ending it; VEL1011 when there is none for this caller."""
        with self._lock:
            held = self._find(handle, owner_of(call))
            self._forget(handle)
        return held.item

    def use_number(self, number: int, call: "Call") -> Item:
        """As `use`, by what number_of said."""
        with self._lock:
            handle = self._handles.get(number, b"")
        return self.use(handle, call)

    def number_of(self, handle: bytes) -> int:
        with self._lock:
            held = self._held.get(handle)
        return held.number if held is not None else 0

    def items(self) -> dict[bytes, Item]:
        with self._lock:
            return {handle: held.item for handle, held in self._held.items()}

    def end_where(self, concerns: Callable[[Item], bool]) -> None:
        with self._lock:
            handles = [handle for handle, held in self._held.items() if concerns(held.item)]
            ended = [self._forget(handle) for handle in handles]
        for held in ended:
            self._on_end(held.item)

    def end_idle(self) -> None:
        now_s = self._clock_s()
        with self._lock:
            idle = [
                handle
                for handle, held in self._held.items()
                if held.calls == 0 and now_s - held.last_used_s > self._idle_s
            ]
            ended = [self._forget(handle) for handle in idle]
        for held in ended:
            self._on_end(held.item)

    def end_all(self) -> None:
        self.end_where(lambda _: True)

    def count(self) -> int:
        with self._lock:
            return len(self._held)

    def _find(self, handle: bytes, owner: str | None) -> _Held[Item]:
        held = self._held.get(handle)
        if held is None or held.owner != owner:
            raise VelariaError(
                codes.UNKNOWN_HANDLE,
                f"no {self._what} of that handle",
                hint="It was closed, or not used for its idle time, or is of another server.",
            )
        return held

    def _forget(self, handle: bytes) -> _Held[Item]:
        held = self._held.pop(handle)
        del self._handles[held.number]
        return held

    def _refuse_when_full(self, client: str) -> None:
        refuse_beyond(
            f"handles are open, each a {self._what}",
            len(self._held),
            held_by(client, (held.client for held in self._held.values())),
            self._options.get(self._held_max),
            share_of(self._options),
            "Close those that are not used, or wait until they expire.",
        )

    def _leave(self, held: _Held[Item]) -> None:
        with self._lock:
            held.calls -= 1
            held.last_used_s = self._clock_s()
