"""Spans for OpenTelemetry, where OTEL_EXPORTER_OTLP_ENDPOINT asks for them; imported only then.

An attribute is a name, a number or one of our own ids: never a query, a body or a parameter.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple, Protocol

import structlog

Attributes = Mapping[str, str | int | float]
NO_ATTRIBUTES: Attributes = {}
MISSING = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, but nothing exports: pip install 'easeboard[telemetry]'"
)

log = structlog.get_logger()


class Trace(NamedTuple):
    """Where in a trace something happens: 32 and 16 hex digits, and W3C's flags."""

    trace_id: str
    span_id: str
    flags: str = "01"


class Span(Protocol):
    """A piece of work while it goes on."""

    @property
    def trace(self) -> Trace | None:
        """Its ids; None where nobody exports."""

    def name(self, name: str) -> None:
        """Name it better than when it began."""

    def tell(self, attributes: Attributes) -> None:
        """Say more about it."""


class Unseen:
    """A span nobody looks at."""

    trace = None

    def name(self, name: str) -> None:
        """Say nothing."""

    def tell(self, attributes: Attributes) -> None:
        """Say nothing."""


Begin = Callable[[str, Attributes, str, str | None], AbstractContextManager[Span]]
"""Begins a span: its name, attributes, kind, and the `traceparent` it goes on from."""


class _Telemetry:
    begin: Begin | None = None


_TELEMETRY = _Telemetry()
_UNSEEN = Unseen()


@contextmanager
def span(
    name: str,
    attributes: Attributes = NO_ATTRIBUTES,
    *,
    kind: str = "internal",
    parent: str | None = None,
) -> Iterator[Span]:
    """Show what is done inside, to whoever asked for it."""
    if _TELEMETRY.begin is None:
        yield _UNSEEN
        return
    with _TELEMETRY.begin(name, attributes, kind, parent) as begun:
        yield begun


@contextmanager
def telemetry(endpoint: str | None) -> Iterator[None]:
    """Export the spans begun inside to an OTLP endpoint, and the last of them at the end."""
    if not endpoint:
        yield
        return
    try:
        from infrastructure.observability.otel_exporter import exporter  # noqa: PLC0415  # an extra
    except ImportError:
        log.warning("telemetry_missing", reason=MISSING)
        yield
        return
    with exporter(endpoint) as begin, exporting(begin):
        yield


@contextmanager
def exporting(begin: Begin) -> Iterator[None]:
    """Let `begin` have every span inside."""
    before, _TELEMETRY.begin = _TELEMETRY.begin, begin
    try:
        yield
    finally:
        _TELEMETRY.begin = before
