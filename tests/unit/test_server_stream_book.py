"""Continuous queries as the server keeps them: under the promised id, with their parameters, and
ended without holding up anybody else.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pytest

from tests.unit.test_server_calls import DEADLINE_S, Context
from velaria._kernel import Session
from velaria.control.ledger import open_ledger
from velaria.flight_server import statements
from velaria.flight_server.calls import Call, CallWatcher
from velaria.flight_server.metrics import Metrics
from velaria.flight_server.options import Options
from velaria.flight_server.queries import QueryBook
from velaria.flight_server.streams import StreamBook
from velaria.schemas.errors import VelariaError


class SlowQuery:
    """A streaming query whose stop takes as long as the test wants."""

    name = "slow"
    status = "stopped"

    def __init__(self) -> None:
        self.stop_asked = threading.Event()
        self.may_stop = threading.Event()

    def subscribe(self) -> Any:
        return SimpleNamespace(schema=pa.schema([("n", pa.int64())]), close=lambda: None)

    def start(self) -> None: ...

    def progress(self) -> dict[str, Any]:
        return {"rows_out": 0}

    def await_termination(self, timeout_ms: int | None) -> bool:
        return self.may_stop.wait()

    def stop(self, mode: str) -> dict[str, Any]:
        self.stop_asked.set()
        self.may_stop.wait()
        return {}


class KernelOfOne:
    """Stands in for the kernel's session; remembers how the query was started."""

    def __init__(self, query: SlowQuery, fault: Exception | None = None) -> None:
        self.query = query
        self.fault = fault
        self.told: dict[str, Any] = {}

    def start_stream(
        self,
        sql: str,
        name: str | None = None,
        options: Mapping[str, Any] | None = None,
        parameters: Sequence[Any] | None = None,
        query_id: str | None = None,
    ) -> SlowQuery:
        self.told = {"options": options, "parameters": parameters, "query_id": query_id}
        if self.fault is not None:
            raise self.fault
        return self.query

    def streaming_query(self, id_or_name: str) -> SlowQuery:
        return self.query


@pytest.fixture
def watcher() -> Iterator[CallWatcher]:
    started = CallWatcher()
    started.start()
    yield started
    started.close()


@pytest.fixture
def queries(tmp_path: Path) -> QueryBook:
    return QueryBook(open_ledger("none", tmp_path))


def entered(watcher: CallWatcher) -> tuple[Call, Any]:
    call = Call(watcher, Metrics(), "do_get")
    context = Context(call)
    watcher.enter(context)
    return call, context


def test_a_slow_stop_does_not_keep_other_calls_from_being_cancelled(
    watcher: CallWatcher, queries: QueryBook
) -> None:
    query = SlowQuery()
    kernel = KernelOfOne(query)
    streams = StreamBook(kernel, queries, Options())  # type: ignore[arg-type]
    service: Any = SimpleNamespace(
        streams=streams,
        connection=lambda call: kernel,
        limits=SimpleNamespace(count_result=lambda call: None, check_statement=lambda sql: None),
    )
    reading, reading_context = entered(watcher)
    statements._open_continuous(service, reading, "SELECT ?", [7], "q-promised")
    assert kernel.told == {
        "options": {"start": False},
        "parameters": [7],
        "query_id": "q-promised",
    }
    other, other_context = entered(watcher)
    cancelled = threading.Event()
    other.on_cancel(cancelled.set)
    try:
        reading_context.client_went.set()
        assert query.stop_asked.wait(DEADLINE_S)
        other_context.client_went.set()
        assert cancelled.wait(DEADLINE_S)
    finally:
        query.may_stop.set()
    service.streams.wait_ended(DEADLINE_S)
    assert [(t.query_id, t.state) for t in queries.all()] == [("q-promised", "finished")]


def test_a_query_that_cannot_start_is_a_failed_run_under_its_promised_id(
    queries: QueryBook,
) -> None:
    kernel = KernelOfOne(SlowQuery(), VelariaError("VEL2101", "needs the end of its input"))
    streams = StreamBook(kernel, queries, Options())  # type: ignore[arg-type]
    with pytest.raises(VelariaError):
        streams.start_subscribed(kernel, "SELECT 1", None, "q-promised")  # type: ignore[arg-type]
    assert [(t.query_id, t.state, t.error_code) for t in queries.all()] == [
        ("q-promised", "failed", "VEL2101")
    ]


class Unstartable(SlowQuery):
    """Fails at the step that is named, as the kernel may."""

    def __init__(self, step: str) -> None:
        super().__init__()
        self.may_stop.set()
        self._step = step

    def subscribe(self) -> Any:
        self._refuse("subscribe")
        return super().subscribe()

    def start(self) -> None:
        self._refuse("start")

    def _refuse(self, step: str) -> None:
        if step == self._step:
            raise VelariaError("VEL4011", f"cannot {step}")


@pytest.mark.parametrize("step", ["start", "subscribe"])
def test_a_query_that_fails_after_it_was_made_is_taken_back(queries: QueryBook, step: str) -> None:
    query = Unstartable(step)
    kernel: Any = KernelOfOne(query)
    streams = StreamBook(kernel, queries, Options({"limits.streams_running": 1}))
    for query_id in ("q-1", "q-2"):
        with pytest.raises(VelariaError, match=f"cannot {step}"):
            streams.start_subscribed(kernel, "SELECT 1", None, query_id)
    assert query.stop_asked.is_set()
    assert [(t.query_id, t.state, t.error_code) for t in queries.all()] == [
        ("q-1", "failed", "VEL4011"),
        ("q-2", "failed", "VEL4011"),
    ]
    streams.wait_ended(DEADLINE_S)


def test_a_query_that_cannot_be_followed_is_taken_back(
    queries: QueryBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session()
    session.execute("CREATE STREAM s (a INT)")
    streams = StreamBook(session, queries, Options())

    def refused(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as scarce:
        scarce.setattr(threading.Thread, "start", refused)
        with pytest.raises(VelariaError):
            streams.start(session, "SELECT a FROM s", "lost", query_id="q-lost")
    assert [(t.query_id, t.state) for t in queries.all()] == [("q-lost", "failed")]
    assert all(query.status != "running" for query in streams.all())
    streams.start(session, "SELECT a FROM s", "found", query_id="q-found").stop("now")
    streams.wait_ended(DEADLINE_S)
    assert queries.all()[-1].state == "finished"
