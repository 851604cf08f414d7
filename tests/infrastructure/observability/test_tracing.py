import re

import pytest
from structlog.contextvars import get_contextvars

from infrastructure.observability.tracing import continue_trace, current_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def test_a_trace_is_continued_and_passed_on() -> None:
    assert current_traceparent() is None
    with continue_trace("request", f"00-{TRACE}-{SPAN}-00"):
        bound = get_contextvars()
        assert bound["trace_id"] == TRACE
        assert bound["span_id"] != SPAN
        assert current_traceparent() == f"00-{TRACE}-{bound['span_id']}-00"
        with continue_trace("inside", current_traceparent()):
            assert get_contextvars()["trace_id"] == TRACE
        assert get_contextvars() == bound
    assert current_traceparent() is None
    assert get_contextvars() == {}


def test_a_later_traceparent_version_may_have_more_fields() -> None:
    with continue_trace("request", f"cc-{TRACE}-{SPAN}-01-another-field"):
        assert get_contextvars()["trace_id"] == TRACE


@pytest.mark.parametrize(
    "traceparent",
    [
        None,
        "",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"00-{TRACE}-{SPAN}-01\n",
        f"{TRACE}",
    ],
)
def test_an_invalid_traceparent_starts_a_new_trace(traceparent: str | None) -> None:
    with continue_trace("request", traceparent):
        bound = get_contextvars()
    assert re.fullmatch("[0-9a-f]{32}", bound["trace_id"])
    assert re.fullmatch("[0-9a-f]{16}", bound["span_id"])
    assert bound["trace_id"] != TRACE
