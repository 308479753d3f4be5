"""Traces: each call and each query has one span, with its parent; without an endpoint there is
nothing."""

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pyarrow.flight as flight
import pytest

from tests.server_process import act, until
from velaria.flight_server import service as service_module
from velaria.flight_server.call_context import CallFacts
from velaria.flight_server.options import Options
from velaria.flight_server.running import RunningServer
from velaria.flight_server.traces import Tracer, open_tracer
from velaria.schemas.errors import VelariaError

TRACE_ID, SPAN_ID = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"
SETTINGS = {
    "server.listen": ["grpc://127.0.0.1:0"],
    "server.side": "",
    "server.threads": 1,
    "postgres.dsn": "none",
}


class Recorder:
    """Stands where a Tracer does; a span is a list of what happened to it."""

    def __init__(self) -> None:
        self.spans: list[list[Any]] = []

    def begin_call(self, method: str, headers: dict[str, Any]) -> list[Any]:
        self.spans.append(["call", method, headers.get("traceparent")])
        return self.spans[-1]

    def end_call(self, span: list[Any], facts: CallFacts, status: str) -> None:
        span += ["ended", facts.action, facts.query_id, status]

    def begin_query(self, parent: list[Any] | None, query: Any) -> list[Any]:
        self.spans.append(["query", query.kind, parent])
        return self.spans[-1]

    def end_query(self, span: list[Any], query: Any) -> None:
        span += ["ended", query.query_id, query.state, query.row_count, query.error_code]

    def close(self) -> None:
        self.spans.append(["closed"])


def serve(tracer: Any, monkeypatch: pytest.MonkeyPatch, front: str = "native") -> RunningServer:
    monkeypatch.setattr(service_module, "open_tracer", lambda options: tracer)
    return RunningServer(Options({**SETTINGS, "server.front": front}))


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def traced(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningServer]:
    server = serve(recorder, monkeypatch)
    yield server
    server.close()
    assert recorder.spans[-1] == ["closed"]


def ask(server: RunningServer, sql: str) -> None:
    options = flight.FlightCallOptions(headers=[(b"traceparent", TRACEPARENT.encode())])
    with flight.connect(server.service.flight_uris[0]) as client:
        client.do_get(flight.Ticket(sql.encode()), options).read_all()


def test_a_call_and_its_query_have_spans_that_end(
    traced: RunningServer, recorder: Recorder
) -> None:
    ask(traced, "SELECT 1 UNION ALL SELECT 2")
    assert until(lambda: recorder.spans[0][3:4] == ["ended"])
    call, query = recorder.spans
    assert call[:3] == ["call", "DoGet", [TRACEPARENT]]
    assert query[:2] == ["query", "query"]
    assert query[2] is call
    assert query[5:] == ["finished", 2, None]
    assert call[3:] == ["ended", "", query[4], "ok"]


def test_a_call_that_fails_ends_with_its_code(traced: RunningServer, recorder: Recorder) -> None:
    with pytest.raises(flight.FlightError):
        ask(traced, "SELECT no_such_column")
    assert until(lambda: recorder.spans[0][-1] == "VEL2012")
    assert recorder.spans[1][5:] == ["failed", 0, "VEL2012"]
    with flight.connect(traced.service.flight_uris[0]) as client:
        act(client, "server.info")
    assert until(lambda: recorder.spans[-1][3:5] == ["ended", "server.info"])


def test_without_an_endpoint_nothing_is_traced_or_imported() -> None:
    """In a process of its own: another test may have imported OpenTelemetry."""
    program = f"""
import sys
from velaria.flight_server.options import Options
from velaria.flight_server.running import RunningServer
server = RunningServer(Options({SETTINGS!r}))
assert server.service.tracer is None
server.close()
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_an_endpoint_without_the_extra_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", None)
    with pytest.raises(VelariaError, match="OpenTelemetry is not installed") as caught:
        open_tracer(Options({"traces.endpoint": "http://127.0.0.1:4318/v1/traces"}))
    assert caught.value.code == "VEL1007"
    assert "velaria[otel]" in caught.value.hint


@pytest.mark.parametrize("front", ["native", "grpcio"])
def test_the_spans_are_opentelemetrys(front: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real SDK, its exporter in memory; a client's own span is the parent by Flight headers."""
    sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="the extra otel is not installed")
    export = pytest.importorskip("opentelemetry.sdk.trace.export")
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
    kept = memory.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.SimpleSpanProcessor(kept))
    server = serve(Tracer(provider), monkeypatch, front)
    try:
        ask(server, "SELECT 1")
        assert until(lambda: len(kept.get_finished_spans()) == 2)
        with pytest.raises(flight.FlightError):
            ask(server, "SELECT no_such_column")
        assert until(lambda: len(kept.get_finished_spans()) == 4)
        with flight.connect(server.service.flight_uris[0]) as client:
            bad = flight.FlightCallOptions(headers=[(b"traceparent", b"nonsense")])
            list(client.do_action(flight.Action("server.info", b""), bad))
        assert until(lambda: len(kept.get_finished_spans()) == 5)
        spans = kept.get_finished_spans()
    finally:
        server.close()
    query, call, failed_query, failed_call, info = spans
    assert format(call.context.trace_id, "032x") == TRACE_ID
    assert format(call.parent.span_id, "016x") == SPAN_ID
    assert query.parent.span_id == call.context.span_id
    assert query.attributes["velaria.row_count"] == 1
    assert query.attributes["velaria.query_id"] == call.attributes["velaria.query_id"]
    assert call.status.is_ok or call.status.is_unset
    assert failed_call.attributes["velaria.code"] == "VEL2012"
    assert not failed_query.status.is_ok
    assert info.parent is None
    assert info.name == "DoAction server.info"
    assert not any("SELECT" in str(span.attributes) for span in spans)
