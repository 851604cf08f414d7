"""One trace through everything that a request sets off, and its ids on every line of the log.

W3C Trace Context: https://www.w3.org/TR/trace-context/#traceparent-header
"""

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from structlog.contextvars import bound_contextvars

from infrastructure.observability.spans import Span, Trace, span

TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}"
    r"-(?P<trace_id>(?!0{32})[0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-(?P<flags>[0-9a-f]{2})"
)

_TRACE: ContextVar[Trace | None] = ContextVar("trace", default=None)


@contextmanager
def traced(name: str, traceparent: str | None = None, *, kind: str = "internal") -> Iterator[Span]:
    """Do everything inside in the trace of a `traceparent`, or in a new one where it is none."""
    parent = _valid(traceparent)
    with span(name, kind=kind, parent=parent and traceparent) as begun:
        trace = begun.trace or _next(parent)
        token = _TRACE.set(trace)
        try:
            with bound_contextvars(trace_id=trace.trace_id, span_id=trace.span_id):
                yield begun
        finally:
            _TRACE.reset(token)


def traceparent() -> str | None:
    """What to hand on, so that whoever works on it next goes on with the trace."""
    trace = _TRACE.get()
    return f"00-{trace.trace_id}-{trace.span_id}-{trace.flags}" if trace else None


def _valid(traceparent: str | None) -> re.Match[str] | None:
    found = TRACEPARENT.match(traceparent or "")
    if found is None or traceparent is None:
        return None
    rest = traceparent[found.end() :]
    # The version of today has four fields; a later one may have more.
    return found if not rest or (rest[0] == "-" and traceparent[:2] != "00") else None


def _next(parent: re.Match[str] | None) -> Trace:
    trace_id = parent["trace_id"] if parent else secrets.token_hex(16)
    return Trace(trace_id, secrets.token_hex(8), parent["flags"] if parent else "01")
