"""Exports spans with the SDK of OpenTelemetry, which the extra `telemetry` installs."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from infrastructure.observability.spans import Attributes, Span, StartSpan, TraceContext

FLUSH_TIMEOUT_SECONDS = 3.0
"""Seconds to export the last spans when the process stops."""


class OtelSpan:
    """A span of OpenTelemetry."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def trace(self) -> TraceContext:
        """The ids of the trace and the span."""
        context = self._span.get_span_context()
        return TraceContext(
            f"{context.trace_id:032x}", f"{context.span_id:016x}", f"{context.trace_flags:02x}"
        )

    def rename(self, name: str) -> None:
        """Replace the name, for example when the route is known."""
        self._span.update_name(name)

    def set_attributes(self, attributes: Attributes) -> None:
        """Add attributes."""
        self._span.set_attributes(dict(attributes))


@contextmanager
def export_to_endpoint(endpoint: str) -> Iterator[StartSpan]:
    """Export spans to an OTLP endpoint over HTTP.

    Other environment variables of the SDK apply as well, such as OTEL_EXPORTER_OTLP_HEADERS.
    """
    with export_spans(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")) as start_span:
        yield start_span


@contextmanager
def export_spans(exporter: SpanExporter) -> Iterator[StartSpan]:
    """Export spans in batches; the last batch is exported when the context ends."""
    resource = Resource({"service.name": "easeboard"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield _span_starter(provider.get_tracer("easeboard"))
    finally:
        # The SDK would wait 30 s for a collector that does not respond.
        shutdown_thread = Thread(target=provider.shutdown, name="telemetry", daemon=True)
        shutdown_thread.start()
        shutdown_thread.join(FLUSH_TIMEOUT_SECONDS)
        if shutdown_thread.is_alive():
            exporter.shutdown()


def _span_starter(tracer: trace.Tracer) -> StartSpan:
    @contextmanager
    def start_span(
        name: str, attributes: Attributes, kind: str, parent: str | None
    ) -> Iterator[Span]:
        with tracer.start_as_current_span(
            name,
            context=_PROPAGATOR.extract({"traceparent": parent}) if parent else None,
            kind=trace.SpanKind[kind.upper()],
            attributes=dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield OtelSpan(span)
            except Exception as error:
                # Only the type: the text of an exception may contain personal data.
                span.set_status(trace.StatusCode.ERROR, type(error).__name__)
                raise

    return start_span


_PROPAGATOR = TraceContextTextMapPropagator()
