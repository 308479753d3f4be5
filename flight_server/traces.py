"""OpenTelemetry traces: a span for each call and each query, under the client's own when headers
name one (W3C Trace Context: traceparent, tracestate).

Nothing of OpenTelemetry is imported unless `traces.endpoint` is set; then the extra `otel` must be
installed. Spans carry ids, counts and codes, never a statement's text or a value.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from velaria import _kernel
from velaria.flight_server.call_context import CallFacts
from velaria.schemas import errors as codes
from velaria.schemas.errors import VelariaError

if TYPE_CHECKING:
    from velaria.flight_server.options import Options
    from velaria.flight_server.queries import TrackedQuery

EXPORT_S_MAX = 5.0
HEADERS = ("traceparent", "tracestate")
FLIGHT_SERVICE = "arrow.flight.protocol.FlightService"

Span = Any


def open_tracer(options: "Options") -> "Tracer | None":
    """None when no endpoint is set. VEL1007 when one is and the extra is not installed."""
    endpoint = options.get("traces.endpoint")
    if not endpoint:
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
        from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
    except ImportError:
        raise VelariaError(
            codes.BAD_SETTING,
            "traces.endpoint is set and OpenTelemetry is not installed",
            hint="Install the extra: pip install 'velaria[otel]'.",
        ) from None
    resource = {"service.name": "velaria", "service.version": _kernel.__version__}
    provider = TracerProvider(
        resource=Resource.create(resource),
        sampler=ParentBased(TraceIdRatioBased(options.get("traces.sample_ratio"))),
    )
    exporter = OTLPSpanExporter(endpoint=endpoint, timeout=EXPORT_S_MAX)
    # Its queue is bounded, and spans that find it full are dropped: no call waits for a collector.
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracer(provider)


class Tracer:
    """Begins and ends spans. A span may end on another thread than it began on."""

    def __init__(self, provider: Any) -> None:
        from opentelemetry import trace
        from opentelemetry.context import Context
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        self._trace = trace
        self._no_context = Context()
        self._provider = provider
        self._tracer = provider.get_tracer("velaria", _kernel.__version__)
        self._headers = TraceContextTextMapPropagator()

    def begin_call(self, method: str, headers: Mapping[str, Any]) -> Span:
        """Headers that do not parse begin a trace of their own."""
        carrier = {name: _first(headers[name]) for name in HEADERS if name in headers}
        return self._tracer.start_span(
            method,
            context=self._headers.extract(carrier, context=self._no_context),
            kind=self._trace.SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": FLIGHT_SERVICE, "rpc.method": method},
        )

    def end_call(self, span: Span, facts: CallFacts, status: str) -> None:
        span.set_attributes({f"velaria.{k}": v for k, v in facts.log_fields().items()})
        if facts.action:
            span.update_name(f"{facts.method} {facts.action}")
        self._end(span, None if status == "ok" else status)

    def begin_query(self, parent: Span | None, query: "TrackedQuery") -> Span:
        context = self._no_context
        if parent is not None:
            context = self._trace.set_span_in_context(parent, context)
        told = {"velaria.query_id": query.query_id, "velaria.kind": query.kind}
        return self._tracer.start_span(query.kind, context=context, attributes=told)

    def end_query(self, span: Span, query: "TrackedQuery") -> None:
        span.set_attributes({"velaria.state": query.state, "velaria.row_count": query.row_count})
        self._end(span, query.error_code)

    def close(self) -> None:
        """Send what is left. May take as long as the collector does."""
        self._provider.shutdown()

    def _end(self, span: Span, code: str | None) -> None:
        if code is not None:
            span.set_attribute("velaria.code", code)
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR, code))
        span.end()


def _first(values: list[Any]) -> str:
    """A header's first value as text."""
    value = values[0]
    return value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
