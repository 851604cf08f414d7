"""Carries one trace through everything that a request causes, with its ids in log messages.

W3C Trace Context: https://www.w3.org/TR/trace-context/#traceparent-header
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from structlog.contextvars import bind_contextvars, reset_contextvars

from infrastructure.observability.spans import Span, TraceContext, span

TRACEPARENT_PATTERN = re.compile(
    r"(?!ff)[0-9a-f]{2}"
    r"-(?P<trace_id>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})"
)

MAX_TRACEPARENT_LENGTH = 512
"""Version 00 has 55 characters; what a later version may append is passed on to the exporter."""

_TRACE: ContextVar[TraceContext | None] = ContextVar("trace", default=None)


@contextmanager
def continue_trace(
    name: str, traceparent: str | None = None, *, kind: str = "internal", **log_context: str
) -> Iterator[Span]:
    """Continue the trace of a `traceparent`; start a new one if it is missing or invalid.

    Log messages have its ids and `log_context`.
    """
    parent = _parse(traceparent)
    with span(name, kind=kind, parent=parent and traceparent) as started_span:
        trace = started_span.trace or _new_context(parent)
        token = _TRACE.set(trace)
        ids = {"trace_id": trace.trace_id, "span_id": trace.span_id}
        log_tokens = bind_contextvars(**log_context, **ids)
        try:
            yield started_span
        finally:
            reset_contextvars(**log_tokens)
            _TRACE.reset(token)


def current_traceparent() -> str | None:
    """Return the `traceparent` for the next process, so that it continues this trace."""
    trace = _TRACE.get()
    return f"00-{trace.trace_id}-{trace.span_id}-{trace.flags}" if trace else None


def _parse(traceparent: str | None) -> re.Match[str] | None:
    if traceparent is None or len(traceparent) > MAX_TRACEPARENT_LENGTH:
        return None
    match = TRACEPARENT_PATTERN.match(traceparent)
    if match is None:
        return None
    remainder = traceparent[match.end() :]
    # Version 00 has four fields; later versions may append more.
    return match if not remainder or (remainder[0] == "-" and traceparent[:2] != "00") else None


def _new_context(parent: re.Match[str] | None) -> TraceContext:
    if parent:
        return TraceContext(parent["trace_id"], secrets.token_hex(8), parent["flags"])
    ids = secrets.token_hex(24)
    return TraceContext(ids[:32], ids[32:])
