"""Sessions of clients: each is a kernel connection that calls name by the header velaria-session,
or by Flight SQL's cookie.

A session that no call has used for its idle time is closed, which rolls its transaction back and
drops its temporary tables. Expiry is looked at whenever a session is asked for, so that no thread
is needed; a session with a call under way is never closed by it.
"""

import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from velaria._kernel import Connection, Session
from velaria.flight_server.call_context import caller
from velaria.flight_server.idle import Idle
from velaria.flight_server.limits.shares import Holding, Shares, share_of
from velaria.flight_server.turns import Turn
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.calls import Call
    from velaria.flight_server.options import Options

SESSION_HEADER = "velaria-session"
SESSION_COOKIE = "arrow_flight_session_id"


@dataclass
class _Held:
    connection: Connection
    number: int
    owner: str | None
    holding: Holding
    query_s: float | None = None
    turn: Turn = field(default_factory=Turn)

    def is_callers(self) -> bool:
        """A session's id opens it to its owner only."""
        return caller().owns(self.owner)


class SessionBook:
    """All open sessions, by id. The clock is given, so that tests need not wait."""

    def __init__(
        self,
        session: Session,
        options: "Options",
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._session = session
        self._options = options
        self._lock = threading.Lock()
        self._shares = Shares(
            "sessions are open", "Close sessions that are not used, or wait until they expire."
        )
        self._idle: Idle[str] = Idle(clock_s)
        self._held: dict[str, _Held] = {}
        self._ids: dict[int, str] = {}
        self._numbers = itertools.count(1)
        self._on_end: list[Callable[[str], object]] = []

    def on_end(self, action: Callable[[str], object]) -> None:
        """Run `action` with the id of every session that ends, before its connection is closed."""
        self._on_end.append(action)

    def open(self, idle_s: float | None = None, query_s: float | None = None) -> str:
        """The id of a new session, by default of the idle time that sessions.idle_s says now.
        VEL5002 when there are too many, in all or of this client."""
        self.close_idle()
        client, get = caller(), self._options.get
        session_id = f"s-{secrets.token_hex(16)}"
        holding = self._shares.enter(
            client.holder, get("sessions.open_max"), share_of(self._options)
        )
        try:
            connection = self._session.connect()
        except Exception:
            holding.leave()
            raise
        with self._lock:
            number = next(self._numbers)
            held = _Held(connection, number, client.name, holding, query_s)
            self._held[session_id], self._ids[number] = held, session_id
            self._idle.add(session_id, idle_s or get("sessions.idle_s"))
        return session_id

    def use(self, session_id: str, call: "Call") -> Connection:
        """The session's connection, in use until the call ends. VEL1006 when there is none."""
        self.close_idle()
        with self._lock:
            held = self._held.get(session_id)
            if held is None or not held.is_callers():
                raise _unknown(session_id)
            self._idle.enter(session_id)
        call.query_s, call.turn = held.query_s, held.turn
        call.on_end(lambda _: self._leave(session_id))
        return held.connection

    def set(self, session_id: str, idle_s: float | None, query_s: float | None) -> None:
        """None leaves a time as it is. VEL1006 when there is no such session."""
        with self._lock:
            held = self._held.get(session_id)
            if held is None or not held.is_callers():
                raise _unknown(session_id)
            held.query_s = query_s or held.query_s
            if idle_s is not None:
                self._idle.change(session_id, idle_s)

    def query_s_of(self, session_id: str | None) -> float | None:
        """How long a statement of the session may run; None where it has set itself no limit."""
        with self._lock:
            held = self._held.get(session_id or "")
        return held.query_s if held is not None else None

    def number_of(self, session_id: str) -> int:
        """What names the session in tickets, which are signed but not secret; 0 for none."""
        with self._lock:
            held = self._held.get(session_id)
        return held.number if held is not None else 0

    def id_of(self, number: int) -> str | None:
        """None for a session of another principal, too."""
        with self._lock:
            session_id = self._ids.get(number, "")
            held = self._held.get(session_id)
        return session_id if held is not None and held.is_callers() else None

    def holds(self, session_id: str) -> bool:
        """Whether it was opened here and not closed since; not whose it is."""
        self.close_idle()
        with self._lock:
            return session_id in self._held

    def close(self, session_id: str) -> None:
        """A statement under way ends as it would have; its effects in a transaction are gone."""
        with self._lock:
            held = self._held.get(session_id)
            if held is None or not held.is_callers():
                raise _unknown(session_id)
            held = self._forget(session_id)
        self._end(session_id, held)

    def close_abandoned(self, session_ids: list[str]) -> None:
        """Those whose clients are gone, whoever they were."""
        with self._lock:
            ended = self._forget_all(self._held.keys() & set(session_ids))
        self._end_all(ended)

    def close_idle(self) -> None:
        with self._lock:
            ended = self._forget_all(self._idle.take_over())
        self._end_all(ended)

    def close_all(self) -> None:
        with self._lock:
            ended = self._forget_all(list(self._held))
        self._end_all(ended)

    def count(self) -> int:
        return self._shares.count()

    def _forget(self, session_id: str) -> _Held:
        held = self._held.pop(session_id)
        del self._ids[held.number]
        self._idle.drop(session_id)
        held.holding.leave()
        return held

    def _forget_all(self, session_ids: Iterable[str]) -> dict[str, _Held]:
        return {session_id: self._forget(session_id) for session_id in session_ids}

    def _end_all(self, ended: dict[str, _Held]) -> None:
        for session_id, held in ended.items():
            self._end(session_id, held)

    def _end(self, session_id: str, held: _Held) -> None:
        for action in self._on_end:
            action(session_id)
        held.connection.close()

    def _leave(self, session_id: str) -> None:
        with self._lock:
            self._idle.leave(session_id)


def _unknown(session_id: str) -> VelariaError:
    shown = "".join(c if c.isprintable() else "?" for c in session_id[:64])
    return VelariaError(
        codes.BAD_PARAMETER,
        f"no session of that id: {shown}",
        hint="It was closed, or not used for its idle time. Open a new one by session.open.",
    )
