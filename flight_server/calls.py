"""One call from its first byte to its last, and the watcher that notices a client that went away.

gRPC tells a cancelled call only to who asks `is_cancelled()`. So the watcher asks under the call's
lock, and `call_completed` takes that lock and takes the context away: no context is touched after
its end. Each call has a lock of its own, so that none waits while the watcher asks hundreds of
others. What a cancellation sets off runs outside the locks.
"""

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa
import pyarrow.flight as flight
import structlog

from velaria._kernel import Connection
from velaria.flight_server.call_context import CallFacts
from velaria.flight_server.errors import error_reply_of, refusal_boundary
from velaria.flight_server.identity.clients import Client
from velaria.flight_server.identity.principals import Principal
from velaria.flight_server.logs import writes_debug
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.sessions import SESSION_COOKIE, SESSION_HEADER
from velaria.flight_server.traces import Tracer
from velaria.flight_server.turns import Turn
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.identity.gate import Admission, Gate
    from velaria.flight_server.permitted import Judged

POLL_INTERVAL_S = 0.05
# Asking polls gRPC, takes up to 0.1 ms and holds the interpreter's lock. So many are asked at once,
# and then others have a turn: 1,000 calls are asked every second.
ASKED_AT_ONCE = 2
PAUSE_S = 0.002
KNOWN_FOR_S = 5.0
"""How long a call counts as from whom it came before that is looked up again."""
_AUTHORIZATION = "authorization"

_log = structlog.get_logger("velaria.flight_server")


class Context(Protocol):
    """What a front tells of an RPC, and takes for its answer, until the RPC has ended."""

    @property
    def call(self) -> "Call": ...
    def is_cancelled(self) -> bool: ...
    def peer(self) -> str: ...
    def add_header(self, name: str, value: str, /) -> None: ...
    def add_trailer(self, name: str, value: str | bytes, /) -> None: ...


class Call:
    """The server's side of one RPC; `context` is valid only while the call is watched."""

    def __init__(
        self,
        watcher: "CallWatcher",
        metrics: Metrics,
        method: str,
        session_id: str | None = None,
        tracer: Tracer | None = None,
        admission: "Admission | None" = None,
    ) -> None:
        self.method = method
        # None on a server without identity, which lets everybody do everything.
        self.principal: Principal | None = admission.principal if admission else None
        self._admission = admission
        self._known_until_s = time.monotonic() + KNOWN_FOR_S
        self.facts = CallFacts(method, self.principal.name if self.principal else None)
        self._began_s = time.perf_counter()
        self.session_id = session_id
        self.is_named_by_cookie = False  # that session
        self.connection: Connection | None = None  # of the session, once it was asked for
        self.turn: Turn | None = None  # of that connection: one statement at a time
        self.judged: Judged | None = None  # the statement it has described and not started yet
        self.query_s: float | None = None  # how long a statement of the session may run
        self.context: Context | None = None
        self.is_cancelled = False
        self.waits_for_client = False
        """While its handler reads: that ends by itself when the client goes, so nobody asks."""
        self.end_silent: Callable[[VelariaError], object] | None = None
        """Of a front that can end a call which waits for its client: tells the error as the call's
        end, from any thread, without blocking."""
        self.heard: Callable[[], None] | None = None
        """To be called when the first message is there, where the front waits for it."""
        self._context_lock = threading.Lock()
        self._watcher = watcher
        self._metrics = metrics
        self._tracer = tracer
        self._on_cancel: list[Callable[[], object]] = []
        self._on_end: list[Callable[[pa.ArrowException | None], None]] = []

    @property
    def client(self) -> Client:
        return self.facts.client

    def answering_headers(self) -> dict[str, str]:
        """What the first headers of the answer carry: a bearer, for who came with name and
        password."""
        bearer = self._admission.answer if self._admission else None
        return {} if bearer is None else {_AUTHORIZATION: bearer}

    def on_cancel(self, action: Callable[[], object]) -> None:
        """Run `action` on the watcher's thread when the client goes away or the server gives up."""
        if self._watcher.add_cancel_action(self, action):
            action()

    def on_end(self, action: Callable[[pa.ArrowException | None], None]) -> None:
        """Run `action` after the last byte, with the error that ended the call, if any."""
        self._on_end.append(action)

    def set_cookie(self, session_id: str | None) -> None:
        """The client's cookie of its session from now on; None: it is to forget the one it has."""
        told = f"{session_id}; Path=/; HttpOnly" if session_id else "; Path=/; Max-Age=0"
        if self.context is not None:
            self.context.add_header("set-cookie", f"{SESSION_COOKIE}={told}")

    def has_lost_client(self) -> bool:
        """Ask now; only from the call's own handler."""
        return self._watcher.has_lost_client(self)

    def cancel(self) -> None:
        """For who is told that the client went away, and need not wait for the watcher."""
        self._watcher.cancel(self)

    def client_went(self) -> bool:
        with self._context_lock:
            return self.context is not None and bool(self.context.is_cancelled())

    def refuse_when_unknown(self) -> None:
        """VEL1009 some seconds after what the call came with has ended: for calls that go on as
        long as their client likes, which ask again and again."""
        now_s = time.monotonic()
        if self._admission is None or now_s < self._known_until_s:
            return
        self._known_until_s = now_s + KNOWN_FOR_S
        if not self._admission.is_live():
            raise VelariaError(
                codes.UNAUTHENTICATED,
                "the token, password or certificate that the call came with has ended",
                hint="Call again with one that is good.",
            )

    def call_completed(self, exception: pa.ArrowException | None) -> None:
        self._watcher.leave(self)
        seconds = time.perf_counter() - self._began_s
        for action in self._on_end:
            try:
                action(exception)
            except Exception:  # noqa: BLE001 (one action must not stop the next)
                _log.exception("end of a call", **self.facts.log_fields())
        self._tell_end(exception, seconds)

    def _tell_end(self, exception: pa.ArrowException | None, seconds: float) -> None:
        facts, status = self.facts, "ok"
        if exception is not None:
            reply = error_reply_of(exception)
            status = reply.code if reply else facts.code or "unknown"
            self._metrics.add("errors_total")
        self._metrics.observe("call_seconds", seconds, method=facts.method)
        self._metrics.add(
            "calls_ended_total", method=facts.method, action=facts.action, status=status
        )
        if self._tracer is not None:
            self._tracer.end_call(facts.span, facts, status)
        if exception is not None or writes_debug():
            log = _log.debug if exception is None else _log.info
            log("call ended", status=status, seconds=round(seconds, 6), **facts.log_fields())


class CallFactory:
    """Begins every call of either front. With a gate a stranger's ends here, by a Flight error."""

    def __init__(
        self,
        watcher: "CallWatcher",
        metrics: Metrics,
        tracer: Tracer | None = None,
        gate: "Gate | None" = None,
    ) -> None:
        self._watcher = watcher
        self._metrics = metrics
        self._tracer = tracer
        self._gate = gate

    def start_call(
        self, method: str, headers: Iterable[tuple[str, str | bytes]], subject: str = ""
    ) -> Call:
        """Of a method by gRPC's name for it; `headers` are small in case, and may come again.
        `subject` is that of the client's certificate."""
        self._metrics.add("calls_total")
        tracer = self._tracer
        named: dict[str, list[str | bytes]] = {}
        for name, value in headers:
            named.setdefault(name, []).append(value)
        admission = self._admitted(self._gate, method, named, subject) if self._gate else None
        header = _header(named, SESSION_HEADER)
        session_id = header or _cookie_of(named)
        call = Call(self._watcher, self._metrics, method, session_id, tracer, admission)
        call.is_named_by_cookie = session_id is not None and not header
        if tracer is not None:
            call.facts.span = tracer.begin_call(method, named)
        return call

    def _admitted(
        self, gate: "Gate", method: str, named: dict[str, Any], subject: str
    ) -> "Admission":
        try:
            with refusal_boundary():
                return gate.admit(_header(named, _AUTHORIZATION), subject)
        except flight.FlightError as refusal:
            reply = error_reply_of(refusal)
            status = reply.code if reply else "unknown"
            self._metrics.add("errors_total")
            self._metrics.add("calls_ended_total", method=method, action="", status=status)
            raise


def _header(named: dict[str, Any], wanted: str) -> str | None:
    """The header's first value; a client may send anything."""
    values = named.get(wanted)
    return _text(values[0]) if values else None


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _cookie_of(named: dict[str, Any]) -> str | None:
    """The session that Flight SQL's cookie names, among whatever other cookies."""
    for value in named.get("cookie", ()):
        for pair in _text(value).split(";"):
            key, _, told = pair.strip().partition("=")
            if key == SESSION_COOKIE and told:
                return told.strip('"')
    return None


class CallWatcher:
    """All calls under way. Owns the polling thread between start() and close()."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._has_calls = threading.Condition(self._lock)
        self._sleeps = False  # the polling thread, until it is told that there is a call
        self._is_idle = threading.Condition(self._lock)
        self._idle_awaited = 0
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="call-watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def enter(self, context: Context) -> Call:
        """The call of a context; called first thing in every method that may take long."""
        call = context.call
        call.facts.peer = context.peer()
        with self._lock:
            call.context = context
            self._calls[id(call)] = call
            if self._sleeps:
                self._sleeps = False
                self._has_calls.notify()
        return call

    def leave(self, call: Call) -> None:
        with call._context_lock:
            call.context = None
        with self._lock:
            self._calls.pop(id(call), None)
            if self._idle_awaited and not self._calls:
                self._is_idle.notify_all()

    def add_cancel_action(self, call: Call, action: Callable[[], object]) -> bool:
        """False when kept for later; True when the call is cancelled already."""
        with self._lock:
            if not call.is_cancelled:
                call._on_cancel.append(action)
            return call.is_cancelled

    def has_lost_client(self, call: Call) -> bool:
        return call.is_cancelled or call.client_went()

    def count(self) -> int:
        with self._lock:
            return len(self._calls)

    def cancel(self, call: Call) -> None:
        """Nothing happens when the call has ended or is cancelled."""
        with self._lock:
            if id(call) not in self._calls or call.is_cancelled:
                return
            call.is_cancelled = True
        self._run_actions([call])

    def cancel_all(self) -> None:
        with self._lock:
            cancelled = [call for call in self._calls.values() if not call.is_cancelled]
            for call in cancelled:
                call.is_cancelled = True
        self._run_actions(cancelled)

    def wait_idle(self, timeout_s: float) -> bool:
        """True when no call is under way, waited for at most that long."""
        with self._lock:
            self._idle_awaited += 1
            try:
                return self._is_idle.wait_for(lambda: not self._calls, timeout_s)
            finally:
                self._idle_awaited -= 1

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            self._has_calls.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _poll(self) -> None:
        while not self._closing.wait(POLL_INTERVAL_S):
            with self._lock:
                while not self._calls and not self._closing.is_set():
                    self._sleeps = True  # anew: the call that ended the sleep may be over
                    self._has_calls.wait()
                calls = [call for call in self._calls.values() if not call.waits_for_client]
            for first in range(0, len(calls), ASKED_AT_ONCE):
                if first and self._closing.wait(PAUSE_S):
                    return
                self._ask(calls[first : first + ASKED_AT_ONCE])

    def _ask(self, calls: list[Call]) -> None:
        went = [call for call in calls if not call.is_cancelled and call.client_went()]
        with self._lock:
            cancelled = [call for call in went if not call.is_cancelled]
            for call in cancelled:
                call.is_cancelled = True
        self._run_actions(cancelled)

    def _run_actions(self, cancelled: list[Call]) -> None:
        for call in cancelled:
            actions, call._on_cancel = call._on_cancel, []
            for action in actions:
                try:
                    action()
                except Exception:  # noqa: BLE001 (the watcher must live on)
                    _log.exception("cancelling a call", method=call.method)
