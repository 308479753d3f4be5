"""One call from its first byte to its last, and the watcher that notices a client that went away.

pyarrow tells a cancelled call only to who asks `is_cancelled()`, and asking after the call has
ended kills the process. So the watcher asks under a lock, and the call's middleware takes the
same lock in `call_completed` and takes the call out: no context is ever touched after its end.
What a cancellation sets off runs outside the lock.
"""

import threading
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.flight as flight
import structlog

from velaria._kernel import Connection
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.sessions import SESSION_HEADER

POLL_INTERVAL_S = 0.05
MIDDLEWARE_KEY = "velaria-call"

_log = structlog.get_logger("velaria.flight_server")


class Call(flight.ServerMiddleware):  # type: ignore[misc]
    """The server's side of one RPC; `context` is valid only while the call is watched."""

    def __init__(
        self,
        watcher: "CallWatcher",
        metrics: Metrics,
        method: str,
        session_id: str | None = None,
    ) -> None:
        super().__init__()
        self.method = method
        self.session_id = session_id
        self.connection: Connection | None = None  # of the session, once it was asked for
        self.context: flight.ServerCallContext | None = None
        self.is_cancelled = False
        self._watcher = watcher
        self._metrics = metrics
        self._on_cancel: list[Callable[[], object]] = []
        self._on_end: list[Callable[[pa.ArrowException | None], None]] = []

    def on_cancel(self, action: Callable[[], object]) -> None:
        """Run `action` on the watcher's thread when the client goes away or the server gives up."""
        if self._watcher.add_cancel_action(self, action):
            action()

    def on_end(self, action: Callable[[pa.ArrowException | None], None]) -> None:
        """Run `action` after the last byte, with the error that ended the call, if any."""
        self._on_end.append(action)

    def has_lost_client(self) -> bool:
        """Ask now; only from the call's own handler."""
        return self._watcher.has_lost_client(self)

    def call_completed(self, exception: pa.ArrowException | None) -> None:
        self._watcher.leave(self)
        if exception is not None:
            self._metrics.add("errors_total")
        for action in self._on_end:
            try:
                action(exception)
            except Exception:  # noqa: BLE001 (one action must not stop the next)
                _log.exception("end of a call", method=self.method)


class CallFactory(flight.ServerMiddlewareFactory):  # type: ignore[misc]
    def __init__(self, watcher: "CallWatcher", metrics: Metrics) -> None:
        super().__init__()
        self._watcher = watcher
        self._metrics = metrics

    def start_call(self, info: flight.CallInfo, headers: dict[str, Any]) -> Call:
        self._metrics.add("calls_total")
        named = [value for name, value in headers.items() if name.lower() == SESSION_HEADER]
        return Call(self._watcher, self._metrics, str(info.method), _text_of(named))


def _text_of(values: list[Any]) -> str | None:
    """The header's first value; a client may send anything."""
    if not values or not values[0]:
        return None
    first = values[0][0]
    return first.decode("utf-8", "replace") if isinstance(first, bytes) else str(first)


class CallWatcher:
    """All calls under way. Owns the polling thread between start() and close()."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: dict[int, Call] = {}
        self._has_calls = threading.Condition(self._lock)
        self._is_idle = threading.Condition(self._lock)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._poll, name="call-watcher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def enter(self, context: flight.ServerCallContext) -> Call:
        """The call of a context; called first thing in every method that may take long."""
        call: Call = context.get_middleware(MIDDLEWARE_KEY)
        with self._lock:
            call.context = context
            self._calls[id(call)] = call
            self._has_calls.notify()
        return call

    def leave(self, call: Call) -> None:
        with self._lock:
            call.context = None
            self._calls.pop(id(call), None)
            if not self._calls:
                self._is_idle.notify_all()

    def add_cancel_action(self, call: Call, action: Callable[[], object]) -> bool:
        """False when kept for later; True when the call is cancelled already."""
        with self._lock:
            if not call.is_cancelled:
                call._on_cancel.append(action)
            return call.is_cancelled

    def has_lost_client(self, call: Call) -> bool:
        with self._lock:
            return call.is_cancelled or _client_went(call)

    def count(self) -> int:
        with self._lock:
            return len(self._calls)

    def cancel_all(self) -> None:
        with self._lock:
            cancelled = [call for call in self._calls.values() if not call.is_cancelled]
            for call in cancelled:
                call.is_cancelled = True
        self._run_actions(cancelled)

    def wait_idle(self, timeout_s: float) -> bool:
        """True when no call is under way, waited for at most that long."""
        with self._lock:
            return self._is_idle.wait_for(lambda: not self._calls, timeout_s)

    def close(self) -> None:
        self._closing.set()
        with self._lock:
            self._has_calls.notify_all()
        if self._thread.is_alive():
            self._thread.join()

    def _poll(self) -> None:
        while not self._closing.wait(POLL_INTERVAL_S):
            with self._lock:
                self._has_calls.wait_for(lambda: self._closing.is_set() or bool(self._calls))
                cancelled = [call for call in self._calls.values() if _client_went(call)]
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


def _client_went(call: Call) -> bool:
    return not call.is_cancelled and call.context is not None and bool(call.context.is_cancelled())
