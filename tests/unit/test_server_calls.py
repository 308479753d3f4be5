"""The watcher: sees a client that went away, and touches no context after its call has ended."""

import threading
from typing import Any

import pytest

from tests.server_process import until
from velaria.flight_server.calls import Call, CallFactory, CallWatcher
from velaria.flight_server.metrics import Metrics

DEADLINE_S = 5


class Context:
    """Stands in for a front's context, which nobody may ask after the call's end."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.has_ended = False
        self.client_went = threading.Event()
        self.asked = threading.Event()
        self.faults: list[str] = []

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"

    def is_cancelled(self) -> bool:
        if self.has_ended:
            self.faults.append("asked after the end")
        self.asked.set()
        return self.client_went.is_set()


def entered(watcher: CallWatcher) -> tuple[Call, Any]:
    call = Call(watcher, Metrics(), "do_get")
    context = Context(call)
    watcher.enter(context)
    return call, context


def test_a_client_that_goes_sets_off_the_calls_cancel_actions() -> None:
    watcher = CallWatcher()
    watcher.start()
    call, context = entered(watcher)
    cancelled = threading.Event()
    call.on_cancel(cancelled.set)
    context.client_went.set()
    assert cancelled.wait(DEADLINE_S)
    assert call.is_cancelled
    watcher.close()


def test_an_action_added_after_the_cancellation_runs_at_once() -> None:
    watcher = CallWatcher()
    call, _ = entered(watcher)
    watcher.cancel_all()
    ran = []
    call.on_cancel(lambda: ran.append(1))
    assert ran == [1]


def test_no_context_is_asked_after_its_call_has_ended() -> None:
    watcher = CallWatcher()
    watcher.start()
    contexts = []
    for _ in range(300):
        call, context = entered(watcher)
        contexts.append(context)
        if len(contexts) % 50 == 0:
            assert context.asked.wait(DEADLINE_S)
        call.call_completed(None)
        context.has_ended = True
    watcher.close()
    assert not [fault for context in contexts for fault in context.faults]


def test_the_watcher_sleeps_on_after_a_call_that_was_over_at_once() -> None:
    watcher = CallWatcher()
    watcher.start()
    for _ in range(20):
        assert until(lambda: watcher._sleeps)
        entered(watcher)[0].call_completed(None)
    assert until(lambda: watcher._sleeps)
    _, context = entered(watcher)
    assert context.asked.wait(DEADLINE_S)
    watcher.close()


def test_a_failing_action_does_not_stop_the_next_one() -> None:
    watcher = CallWatcher()
    call, _ = entered(watcher)
    ran = []
    call.on_cancel(lambda: 1 / 0)
    call.on_cancel(lambda: ran.append("cancel"))
    watcher.cancel_all()
    call.on_end(lambda _: 1 / 0)
    call.on_end(lambda _: ran.append("end"))
    call.call_completed(None)
    assert ran == ["cancel", "end"]


def test_the_end_of_a_call_tells_what_ended_it() -> None:
    metrics = Metrics()
    watcher = CallWatcher()
    call = Call(watcher, metrics, "do_get")
    faults: list[object] = []
    call.on_end(faults.append)
    fault = ValueError()
    call.call_completed(fault)
    assert faults == [fault]
    assert metrics.read()["errors_total"] == 1


def test_waiting_for_idle_ends_with_the_last_call() -> None:
    watcher = CallWatcher()
    call, _ = entered(watcher)
    assert not watcher.wait_idle(0.01)
    threading.Timer(0.05, lambda: call.call_completed(None)).start()
    assert watcher.wait_idle(DEADLINE_S)
    assert watcher.count() == 0


@pytest.mark.parametrize(
    ("headers", "session"),
    [
        ([("velaria-session", "s-1")], "s-1"),
        ([("cookie", "a=b; arrow_flight_session_id=s-2; c=d")], "s-2"),
        ([("cookie", b"arrow_flight_session_id=s-3")], "s-3"),
        ([("cookie", "a=b"), ("cookie", 'arrow_flight_session_id="s-4"')], "s-4"),
        ([("cookie", "arrow_flight_session_id=s-5"), ("velaria-session", "s-6")], "s-6"),
        (
            [
                ("cookie", "arrow_flight_session_id="),
                ("cookie", "not_arrow_flight_session_id=s-7"),
                ("cookie", ";;="),
            ],
            None,
        ),
        ([("cookie", "")], None),
        ([], None),
    ],
)
def test_a_session_is_named_by_header_or_cookie(
    headers: list[tuple[str, str | bytes]], session: str | None
) -> None:
    factory = CallFactory(CallWatcher(), Metrics())
    assert factory.start_call("DoGet", headers).session_id == session
