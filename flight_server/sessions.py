"""Sessions of clients: each is a kernel connection that calls name by the header velaria-session,
or by Flight SQL's cookie.

A session that no call has used for its idle time is closed, which rolls its transaction back and
drops its temporary tables. The watchdog looks for such while sessions are open, and so does whoever
asks for one; a session with a call under way is never closed by it.

One that had nothing to lose when it expired sleeps instead: it costs no more than its id, and the
next call that names it has a new connection without noticing. So VEL1011 always tells of a loss.
"""

import itertools
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from velaria._kernel import Connection, KernelError, Session
from velaria.flight_server.call_context import caller
from velaria.flight_server.idle import Idle
from velaria.flight_server.limits.shares import Holding, Shares, share_of
from velaria.flight_server.turns import Turn
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.calls import Call
    from velaria.flight_server.limits.watchdog import Watchdog
    from velaria.flight_server.options import Options

SESSION_HEADER = "velaria-session"
SESSION_COOKIE = "arrow_flight_session_id"

ASLEEP_MAX = 10_000
"""Of more the one that fell asleep first is over, and its client is told."""

_TEMPORARY = "SHOW TABLES FROM temp"  # views, too
_MAIN_SCHEMA = "main"


@dataclass(frozen=True)
class _Told:
    """What was told when a session was opened, and is so when it has slept."""

    number: int
    owner: str | None
    idle_s: float
    query_s: float | None

    def is_callers(self) -> bool:
        """A session's id opens it to its owner only."""
        return caller().owns(self.owner)


@dataclass
class _Held:
    connection: Connection
    told: _Told
    holding: Holding
    turn: Turn = field(default_factory=Turn)
    has_prepared: bool = False


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
        self._asleep: OrderedDict[str, _Told] = OrderedDict()
        self._ids: dict[int, str] = {}
        self._numbers = itertools.count(1)
        self._on_end: list[Callable[[str], object]] = []
        self._on_sleep: list[Callable[[str], object]] = []
        self._watchdog: Watchdog | None = None

    def be_watched(self, watchdog: "Watchdog") -> None:
        self._watchdog = watchdog

    def on_end(self, action: Callable[[str], object]) -> None:
        """Run `action` with the id of every session that is over, before its connection is closed.
        One that sleeps is not."""
        self._on_end.append(action)

    def on_sleep(self, action: Callable[[str], object]) -> None:
        """Run `action` with the id of every session that falls asleep, before its connection is
        closed. Who keeps something for it and ends that tells its client of the loss."""
        self._on_sleep.append(action)

    def open(self, idle_s: float | None = None, query_s: float | None = None) -> str:
        """The id of a new session, by default of the idle time that sessions.idle_s says now.
        VEL5002 when there are too many, in all or of this client."""
        self.close_idle()
        session_id = f"s-{secrets.token_hex(16)}"
        idle_s = idle_s or self._options.get("sessions.idle_s")
        with self._lock:
            self._connect(session_id, _Told(next(self._numbers), caller().name, idle_s, query_s))
        return session_id

    def use(self, session_id: str, call: "Call") -> Connection:
        """The session's connection, in use until the call ends. VEL1011 when there is none, VEL5002
        when there are too many for one that sleeps."""
        self.close_idle()
        with self._lock:
            told = self._told(session_id)
            if told is None or not told.is_callers():
                raise _over(session_id)
            if self._asleep.get(session_id) is not None:
                self._connect(session_id, told)
                del self._asleep[session_id]
            held = self._held[session_id]
            self._idle.enter(session_id)
        call.query_s, call.turn = told.query_s, held.turn
        call.on_end(lambda _: self._leave(session_id))
        return held.connection

    def set(self, session_id: str, idle_s: float | None, query_s: float | None) -> None:
        """None leaves a time as it is. For one that the call uses; VEL1011 when it was closed
        meanwhile."""
        with self._lock:
            held = self._held.get(session_id)
            if held is None or not held.told.is_callers():
                raise _over(session_id)
            told = held.told
            held.told = replace(told, idle_s=idle_s or told.idle_s, query_s=query_s or told.query_s)
            self._idle.change(session_id, held.told.idle_s)

    def touch(self, session_id: str | None, call: "Call") -> None:
        """A call uses what belongs to the session, which is not idle until it ends. Nothing happens
        when there is none for this caller."""
        self.close_idle()
        with self._lock:
            held = self._held.get(session_id or "")
            if session_id is None or held is None or not held.told.is_callers():
                return
            self._idle.enter(session_id)
        call.on_end(lambda _: self._leave(session_id))

    @contextmanager
    def in_use(self, session_id: str | None) -> Iterator[None]:
        """For work in a session that outlives the call which began it: the session is not idle
        within."""
        named = session_id or ""
        with self._lock:
            is_open = named in self._held
            if is_open:
                self._idle.enter(named)
        try:
            yield
        finally:
            if is_open:
                self._leave(named)

    def query_s_of(self, session_id: str | None) -> float | None:
        """How long a statement of the session may run; None where it has set itself no limit."""
        with self._lock:
            told = self._told(session_id or "")
        return told.query_s if told is not None else None

    def number_of(self, session_id: str) -> int:
        """What names the session in tickets, which are signed but not secret; 0 for none."""
        with self._lock:
            told = self._told(session_id)
        return told.number if told is not None else 0

    def id_of(self, number: int) -> str | None:
        """None for a session of another principal, too."""
        with self._lock:
            session_id = self._ids.get(number, "")
            told = self._told(session_id)
        return session_id if told is not None and told.is_callers() else None

    def note_prepared(self, session_id: str | None) -> None:
        """A statement has got a name (PREPARE) in the session, which it would lose when it
        sleeps."""
        with self._lock:
            held = self._held.get(session_id or "")
            if held is not None:
                held.has_prepared = True

    def holds(self, session_id: str) -> bool:
        """Whether it was opened here and is not over; not whose it is."""
        self.close_idle()
        with self._lock:
            return self._told(session_id) is not None

    def close(self, session_id: str) -> None:
        """A statement under way ends as it would have; its effects in a transaction are gone."""
        with self._lock:
            told = self._told(session_id)
            if told is None or not told.is_callers():
                raise _unknown(session_id)
            ended = self._forget_all([session_id])
        self._end_all(ended)

    def close_abandoned(self, session_ids: list[str]) -> None:
        """Those whose clients are gone, whoever they were."""
        with self._lock:
            ended = self._forget_all(
                session_id for session_id in set(session_ids) if self._told(session_id) is not None
            )
        self._end_all(ended)

    def close_idle(self) -> None:
        """One that a call comes for meanwhile stays open."""
        with self._lock:
            over = {session_id: self._held[session_id] for session_id in self._idle.enter_over()}
        for session_id, held in over.items():
            sleeps = not _has_something_to_lose(held)
            with self._lock:
                ended = self._forget_all([session_id] if self._idle.let_go(session_id) else [])
                sleeps = sleeps and bool(ended)
                if sleeps:
                    ended = self._put_to_sleep(session_id, held.told)
            if sleeps:
                for action in self._on_sleep:
                    action(session_id)
                held.connection.close()
            self._end_all(ended)

    def look(self, _now_s: float) -> None:
        """As the watchdog does."""
        self.close_idle()
        with self._lock:
            if not self._held and self._watchdog is not None:
                self._watchdog.drop(self)

    def close_all(self) -> None:
        with self._lock:
            ended = self._forget_all([*self._held, *self._asleep])
        self._end_all(ended)

    def count(self) -> int:
        return self._shares.count()

    def _told(self, session_id: str) -> _Told | None:
        """None when the session is over, or never was."""
        held = self._held.get(session_id)
        return held.told if held is not None else self._asleep.get(session_id)

    def _connect(self, session_id: str, told: _Told) -> None:
        holding = self._shares.enter(
            caller().holder, self._options.get("sessions.open_max"), share_of(self._options)
        )
        try:
            connection = self._session.connect(told.owner)
        except Exception:
            holding.leave()
            raise
        self._held[session_id] = _Held(connection, told, holding)
        self._ids[told.number] = session_id
        self._idle.add(session_id, told.idle_s)
        if self._watchdog is not None:
            self._watchdog.watch(self)

    def _put_to_sleep(self, session_id: str, told: _Told) -> dict[str, _Held | None]:
        """Those that are over, since too many sleep."""
        self._asleep[session_id], self._ids[told.number] = told, session_id
        too_many = max(0, len(self._asleep) - ASLEEP_MAX)
        return self._forget_all(list(itertools.islice(self._asleep, too_many)))

    def _forget(self, session_id: str) -> _Held | None:
        """None for one that sleeps."""
        held = self._held.pop(session_id, None)
        told = self._asleep.pop(session_id) if held is None else held.told
        del self._ids[told.number]
        if held is None:
            return None
        self._idle.drop(session_id)
        held.holding.leave()
        return held

    def _forget_all(self, session_ids: Iterable[str]) -> dict[str, _Held | None]:
        return {session_id: self._forget(session_id) for session_id in session_ids}

    def _end_all(self, ended: Mapping[str, _Held | None]) -> None:
        for session_id, held in ended.items():
            for action in self._on_end:
                action(session_id)
            if held is not None:
                held.connection.close()

    def _leave(self, session_id: str) -> None:
        with self._lock:
            self._idle.leave(session_id)


def _has_something_to_lose(held: _Held) -> bool:
    connection = held.connection
    if held.has_prepared or connection.in_transaction or connection.schema != _MAIN_SCHEMA:
        return True
    try:
        return bool(connection.execute(_TEMPORARY).read_all().num_rows)
    except KernelError:
        return True  # nobody knows


def _unknown(session_id: str) -> VelariaError:
    return VelariaError(
        codes.BAD_PARAMETER,
        f"no session of that id: {_shown(session_id)}",
        hint="It was closed, or not used for its idle time. Open a new one by session.open.",
    )


def _over(session_id: str) -> VelariaError:
    return VelariaError(
        codes.UNKNOWN_HANDLE,
        f"the session of this call is over: {_shown(session_id)}",
        hint="It was closed, not used for its idle time, or is of another server. Its transaction"
        " was rolled back; its current schema and temporary tables are gone. Do again what it had"
        " in a new one.",
    )


def _shown(session_id: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in session_id[:64])
