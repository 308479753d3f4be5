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
from velaria.control.ledger import open_ledger
from velaria.flight_server import statements
from velaria.flight_server.calls import Call, CallWatcher
from velaria.flight_server.metrics import Metrics
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
    streams = StreamBook(kernel, queries)  # type: ignore[arg-type]
    service: Any = SimpleNamespace(streams=streams, connection=lambda call: kernel)
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
    streams = StreamBook(kernel, queries)  # type: ignore[arg-type]
    with pytest.raises(VelariaError):
        streams.start_subscribed(kernel, "SELECT 1", None, "q-promised")  # type: ignore[arg-type]
    assert [(t.query_id, t.state, t.error_code) for t in queries.all()] == [
        ("q-promised", "failed", "VEL2101")
    ]
