"""A query is ended in one way, which reaches whoever waits for it or works on it."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.calls import call_on
from tests.server_process import until
from velaria import _kernel
from velaria.control.ledger import open_ledger
from velaria.flight_server.actions import registry
from velaria.flight_server.calls import Call, CallWatcher
from velaria.flight_server.limits.admission import Place
from velaria.flight_server.limits.limits import Limits
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.options import Options
from velaria.flight_server.queries import QueryBook, TrackedQuery
from velaria.flight_server.service import Service
from velaria.schemas.errors import VelariaError
from velaria.schemas.run import RunRef

DEADLINE_S = 10


@pytest.fixture
def session() -> _kernel.Session:
    return _kernel.Session()


@pytest.fixture
def tracked(session: _kernel.Session, tmp_path: Path) -> TrackedQuery:
    book = QueryBook(open_ledger("none", tmp_path), session=session)
    return book.start("q-1", "query", "SELECT 1")


class OnePlace:
    """Limits whose one place another client holds."""

    def __init__(self) -> None:
        self.limits = Limits(Options({"limits.statements_running": 1}), Metrics(), frozenset)
        self.other: Place = self.limits.admission.enter("another")
        self.faults: list[VelariaError] = []

    def waiting(self, wait: Callable[[], object]) -> threading.Thread:
        """Of who waits in vain, from the moment when he waits."""

        def run() -> None:
            try:
                wait()
            except VelariaError as fault:
                self.faults.append(fault)

        thread = threading.Thread(target=run)
        thread.start()
        assert until(lambda: self.limits.admission.counts()["waiting"] == 1)
        return thread

    def codes_of(self, thread: threading.Thread) -> list[str]:
        thread.join(DEADLINE_S)
        assert not thread.is_alive()
        return [fault.code for fault in self.faults]


@pytest.fixture
def full() -> Iterator[OnePlace]:
    place = OnePlace()
    yield place
    place.other.leave()


@pytest.fixture
def call() -> Call:
    return call_on(CallWatcher())


def test_all_who_wait_are_told_while_they_wait(tracked: TrackedQuery) -> None:
    told: list[str] = []
    with tracked.cancelled_with(lambda: told.append("first")):
        with tracked.cancelled_with(lambda: told.append("no longer")):
            pass
        with tracked.cancelled_with(lambda: told.append("second")):
            tracked.ask_cancel()
    assert told == ["first", "second"]
    with tracked.cancelled_with(lambda: told.append("late")):
        assert told[2:] == ["late"], "the cancellation has come before"
    tracked.ask_cancel()
    assert len(told) == 3


def test_the_kernel_ends_what_it_runs(session: _kernel.Session, tracked: TrackedQuery) -> None:
    result = session.execute("SELECT count(*) FROM range(1000000) a, range(1000000) b", None, "q-1")
    assert tracked.ask_cancel() == result.state == "cancelled"
    assert tracked.ask_cancel() == "cancelled", "once more"


def test_what_the_kernel_does_not_know_is_ended_by_who_runs_it(tracked: TrackedQuery) -> None:
    assert tracked.ask_cancel() is None
    with pytest.raises(VelariaError, match="VEL3010"):
        tracked.refuse_when_cancelled()


def test_a_reason_of_the_server_is_how_the_query_ends(tracked: TrackedQuery) -> None:
    told: list[str] = []
    with tracked.cancelled_with(lambda: told.append("cancelled")):
        tracked.give_up(VelariaError("VEL5009", "silent"))
        tracked.give_up(VelariaError("VEL3011", "too late"))
    with pytest.raises(VelariaError, match="VEL5009"):
        tracked.refuse_when_cancelled()
    tracked.cancel()
    assert (told[0], tracked.state, tracked.error_code) == ("cancelled", "failed", "VEL5009")


def test_a_second_wait_for_a_place_leaves_the_others_who_wait_their_notice(
    full: OnePlace, tracked: TrackedQuery, call: Call
) -> None:
    closed: list[str] = []
    full.other.leave()
    watched = full.limits.statement(call, tracked)
    watched.leave_place()
    full.other = full.limits.admission.enter("another")
    with tracked.cancelled_with(lambda: closed.append("feed")):
        again = full.waiting(lambda: full.limits.again(call, tracked, watched))
        tracked.ask_cancel()
        assert full.codes_of(again) == ["VEL3010"]
    assert closed == ["feed"]
    assert tracked._ended_by_cancel == []


def test_a_second_piece_keeps_its_place_though_the_first_has_given_rows(
    full: OnePlace, tracked: TrackedQuery, call: Call
) -> None:
    full.other.leave()
    limits = full.limits
    watched = limits.statement(call, tracked)
    result: Any = SimpleNamespace(row_count=5, statistics=dict)
    watched.result = result
    limits.watchdog.tick()
    assert limits.admission.counts()["running"] == 0
    limits.again(call, tracked, watched)
    limits.watchdog.tick()
    assert limits.admission.counts()["running"] == 1
    watched.result = result
    limits.watchdog.tick()
    assert limits.admission.counts()["running"] == 0


@pytest.mark.parametrize("is_awaited", [True, False])
def test_the_waiting_of_a_query_that_outlives_its_call_ends_with_who_awaits_it(
    full: OnePlace, tracked: TrackedQuery, call: Call, is_awaited: bool
) -> None:
    waiting = full.waiting(
        lambda: full.limits.lasting(call, tracked, is_awaited=is_awaited).leave_place()
    )
    call.cancel()
    if not is_awaited:
        full.other.leave()
    assert full.codes_of(waiting) == (["VEL3010"] if is_awaited else [])
    tracked.refuse_when_cancelled()  # other readers may come


@pytest.mark.parametrize("way", ["its call", "its id"])
def test_a_statement_that_waits_is_cancelled_by(
    full: OnePlace, tracked: TrackedQuery, call: Call, way: str
) -> None:
    waiting = full.waiting(lambda: full.limits.statement(call, tracked))
    {"its call": call.cancel, "its id": tracked.ask_cancel}[way]()
    assert full.codes_of(waiting) == ["VEL3010"]
    with pytest.raises(VelariaError, match="VEL3010"):
        tracked.refuse_when_cancelled()


def test_a_run_that_is_over_does_not_end_the_query_that_has_its_id_now(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    registry.load_all()
    cancel_run = registry.ACTIONS["run.cancel"].handler
    monkeypatch.setattr("velaria.flight_server.queries.ENDED_KEPT_MAX", 0)
    ledger = open_ledger("none", tmp_path)
    with closing(ledger), closing(_kernel.Session()) as session:
        service = Service(session, ledger, Options(), tmp_path)
        call = call_on(service.watcher)
        first = service.queries.start("mine", "query", "SELECT 1")
        first.finish(1)
        second = service.queries.start("mine", "query", "SELECT 2")
        with pytest.raises(VelariaError, match="VEL4010"):
            cancel_run(service, call, RunRef(run_id=str(first.run_id)))
        second.refuse_when_cancelled()
        cancel_run(service, call, RunRef(run_id=str(second.run_id)))
        with pytest.raises(VelariaError, match="VEL3010"):
            second.refuse_when_cancelled()
        second.cancel()
        service.shared.close()
