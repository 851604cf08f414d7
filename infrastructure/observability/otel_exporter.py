"""OpenTelemetry's SDK, for those who installed the extra `telemetry`."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from infrastructure.observability.spans import Attributes, Begin, Span, Trace

FLUSH = 3.0
"""Seconds the last spans have to get out when the process stops."""


class Seen:
    """A span as OpenTelemetry keeps it."""

    def __init__(self, kept: trace.Span) -> None:
        self._kept = kept

    @property
    def trace(self) -> Trace:
        """Its ids."""
        ids = self._kept.get_span_context()
        return Trace(f"{ids.trace_id:032x}", f"{ids.span_id:016x}", f"{ids.trace_flags:02x}")

    def name(self, name: str) -> None:
        """Name it better than when it began."""
        self._kept.update_name(name)

    def tell(self, attributes: Attributes) -> None:
        """Say more about it."""
        self._kept.set_attributes(dict(attributes))


@contextmanager
def exporter(endpoint: str) -> Iterator[Begin]:
    """Export to an OTLP endpoint over HTTP; OTEL_EXPORTER_OTLP_HEADERS and others hold as well."""
    with exporter_to(OTLPSpanExporter(f"{endpoint.rstrip('/')}/v1/traces")) as begin:
        yield begin


@contextmanager
def exporter_to(exporter: SpanExporter) -> Iterator[Begin]:
    """Export in batches, and the last one at the end."""
    resource = Resource({"service.name": "easeboard"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    try:
        yield _beginning(provider.get_tracer("easeboard"))
    finally:
        # Its own patience with a collector that is away is half a minute.
        stopping = Thread(target=provider.shutdown, name="telemetry", daemon=True)
        stopping.start()
        stopping.join(FLUSH)
        if stopping.is_alive():
            exporter.shutdown()


def _beginning(tracer: trace.Tracer) -> Begin:
    @contextmanager
    def begin(name: str, attributes: Attributes, kind: str, parent: str | None) -> Iterator[Span]:
        with tracer.start_as_current_span(
            name,
            context=_PROPAGATOR.extract({"traceparent": parent}) if parent else None,
            kind=trace.SpanKind[kind.upper()],
            attributes=dict(attributes),
            record_exception=False,
            set_status_on_exception=False,
        ) as kept:
            try:
                yield Seen(kept)
            except Exception as error:
                # Its kind alone: the words of an exception may be about somebody.
                kept.set_status(trace.StatusCode.ERROR, type(error).__name__)
                raise

    return begin


_PROPAGATOR = TraceContextTextMapPropagator()
