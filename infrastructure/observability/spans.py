"""Spans for OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT asks for them; imported only then.

An attribute is a name, a number or one of our own ids: never a query, a body or a parameter.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol

import structlog

Attributes = Mapping[str, str | int | float]
NO_ATTRIBUTES: Attributes = {}
EXPORTER_MISSING = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, but nothing exports: pip install 'easeboard[telemetry]'"
)

logger = structlog.get_logger()


class TraceContext(NamedTuple):
    """Where in a trace something happens: 32 and 16 hex digits, and W3C's flags."""

    trace_id: str
    span_id: str
    flags: str = "01"


class Span(Protocol):
    """A piece of work while it goes on."""

    @property
    def trace(self) -> TraceContext | None:
        """Its ids; None where nobody exports."""

    def rename(self, name: str) -> None:
        """Name it better than when it began."""

    def set_attributes(self, attributes: Attributes) -> None:
        """Say more about it."""


class NullSpan:
    """A span nobody looks at."""

    trace = None

    def rename(self, name: str) -> None:
        """Say nothing."""

    def set_attributes(self, attributes: Attributes) -> None:
        """Say nothing."""


StartSpan = Callable[[str, Attributes, str, str | None], AbstractContextManager[Span]]
"""Begins a span: its name, attributes, kind, and the `traceparent` it goes on from."""


class _Telemetry:
    start_span: StartSpan | None = None


_TELEMETRY = _Telemetry()
_NULL_SPAN = NullSpan()


@contextmanager
def span(
    name: str,
    attributes: Attributes = NO_ATTRIBUTES,
    *,
    kind: str = "internal",
    parent: str | None = None,
) -> Iterator[Span]:
    """Show what is done inside, to whoever asked for it."""
    if _TELEMETRY.start_span is None:
        yield _NULL_SPAN
        return
    with _TELEMETRY.start_span(name, attributes, kind, parent) as started_span:
        yield started_span


@contextmanager
def export_telemetry(endpoint: str | None) -> Iterator[None]:
    """Export the spans begun inside to an OTLP endpoint, and the last of them at the end."""
    if not endpoint:
        yield
        return
    try:
        from infrastructure.observability.otel_exporter import export_to_endpoint  # noqa: PLC0415  # an extra
    except ImportError:
        logger.warning("telemetry_missing", reason=EXPORTER_MISSING)
        yield
        return
    with export_to_endpoint(endpoint) as start_span, use_exporter(start_span):
        yield


@contextmanager
def use_exporter(start_span: StartSpan) -> Iterator[None]:
    """Let `start_span` have every span inside."""
    previous, _TELEMETRY.start_span = _TELEMETRY.start_span, start_span
    try:
        yield
    finally:
        _TELEMETRY.start_span = previous
