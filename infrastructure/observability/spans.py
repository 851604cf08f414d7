"""Spans, which are exported to OpenTelemetry if the composition root passes an exporter in.

An attribute is a name, a number or one of our own ids: never a query, a body or a parameter.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import NamedTuple, Protocol

Attributes = Mapping[str, str | int | float]
NO_ATTRIBUTES: Attributes = {}


class TraceContext(NamedTuple):
    """The ids of a trace and a span (32 and 16 hex digits), and the trace flags of W3C."""

    trace_id: str
    span_id: str
    flags: str = "01"


class Span(Protocol):
    """A piece of work that is being traced."""

    @property
    def trace(self) -> TraceContext | None:
        """The ids of the span; None if spans are not exported."""

    def rename(self, name: str) -> None:
        """Replace the name, for example when the route is known."""

    def set_attributes(self, attributes: Attributes) -> None:
        """Add attributes."""


class NullSpan:
    """A span that is not exported."""

    trace = None

    def rename(self, name: str) -> None:
        """Do nothing."""

    def set_attributes(self, attributes: Attributes) -> None:
        """Do nothing."""


StartSpan = Callable[[str, Attributes, str, str | None], AbstractContextManager[Span]]
"""Starts a span with a name, attributes, a kind, and the `traceparent` of its parent."""


class _Telemetry:
    start_span: StartSpan | None = None


_TELEMETRY = _Telemetry()
_NO_SPAN: AbstractContextManager[Span] = nullcontext(NullSpan())


def are_spans_exported() -> bool:
    """Return whether an exporter is in use, so that spans are more than nothing."""
    return _TELEMETRY.start_span is not None


def span(
    name: str,
    attributes: Attributes = NO_ATTRIBUTES,
    *,
    kind: str = "internal",
    parent: str | None = None,
) -> AbstractContextManager[Span]:
    """Trace the work inside the context, if an exporter is in use."""
    if _TELEMETRY.start_span is None:
        return _NO_SPAN
    return _TELEMETRY.start_span(name, attributes, kind, parent)


@contextmanager
def use_exporter(start_span: StartSpan) -> Iterator[None]:
    """Start every span inside the context with `start_span`."""
    previous, _TELEMETRY.start_span = _TELEMETRY.start_span, start_span
    try:
        yield
    finally:
        _TELEMETRY.start_span = previous
