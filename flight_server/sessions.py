"""Sessions of clients: each is a kernel connection that calls name by the header velaria-session.

A session that no call has used for its idle time is closed, which rolls its transaction back and
drops its temporary tables. Expiry is looked at whenever a session is asked for, so that no thread
is needed; a session with a call under way is never closed by it.
"""

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from velaria._kernel import Connection, Session
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.calls import Call

SESSION_HEADER = "velaria-session"
IDLE_S = 1800.0
SESSIONS_MAX = 1000


@dataclass
class _Held:
    connection: Connection
    idle_s: float
    last_used_s: float
    calls: int = 0


class SessionBook:
    """All open sessions, by id. The clock is given, so that tests need not wait."""

    def __init__(
        self,
        session: Session,
        clock_s: Callable[[], float] = time.monotonic,
        sessions_max: int = SESSIONS_MAX,
    ) -> None:
        self._session = session
        self._clock_s = clock_s
        self._sessions_max = sessions_max
        self._lock = threading.Lock()
        self._held: dict[str, _Held] = {}

    def open(self, idle_s: float | None = None) -> str:
        """The id of a new session. VEL5002 when there are too many."""
        self.close_idle()
        session_id = f"s-{secrets.token_hex(16)}"
        with self._lock:
            if len(self._held) >= self._sessions_max:
                raise VelariaError(
                    codes.OVERLOADED,
                    f"too many sessions are open: {len(self._held)}",
                    hint="Close sessions that are not used, or wait until they expire.",
                )
            held = _Held(self._session.connect(), idle_s or IDLE_S, self._clock_s())
            self._held[session_id] = held
        return session_id

    def use(self, session_id: str, call: "Call") -> Connection:
        """The session's connection, in use until the call ends. VEL1006 when there is none."""
        self.close_idle()
        with self._lock:
            held = self._held.get(session_id)
            if held is None:
                raise _unknown(session_id)
            held.calls += 1
        call.on_end(lambda _: self._leave(held))
        return held.connection

    def close(self, session_id: str) -> None:
        """A statement under way ends as it would have; its effects in a transaction are gone."""
        with self._lock:
            held = self._held.pop(session_id, None)
        if held is None:
            raise _unknown(session_id)
        held.connection.close()

    def close_idle(self) -> None:
        now_s = self._clock_s()
        with self._lock:
            idle = [
                session_id
                for session_id, held in self._held.items()
                if held.calls == 0 and now_s - held.last_used_s > held.idle_s
            ]
            ended = [self._held.pop(session_id) for session_id in idle]
        for held in ended:
            held.connection.close()

    def close_all(self) -> None:
        with self._lock:
            ended, self._held = list(self._held.values()), {}
        for held in ended:
            held.connection.close()

    def count(self) -> int:
        with self._lock:
            return len(self._held)

    def _leave(self, held: _Held) -> None:
        with self._lock:
            held.calls -= 1
            held.last_used_s = self._clock_s()


def _unknown(session_id: str) -> VelariaError:
    shown = "".join(c if c.isprintable() else "?" for c in session_id[:64])
    return VelariaError(
        codes.BAD_PARAMETER,
        f"no session of that id: {shown}",
        hint="It was closed, or not used for its idle time. Open a new one by session.open.",
    )
