from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from infrastructure.observability.otel_exporter import export_spans
from infrastructure.observability.spans import span, use_exporter
from infrastructure.observability.tracing import continue_trace, current_traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """The exported spans, complete when `export_spans` has ended."""
    memory = InMemorySpanExporter()
    yield memory
    memory.clear()


def test_spans_are_exported_as_one_trace(exported: InMemorySpanExporter) -> None:
    with (
        export_spans(exported) as start_span,
        use_exporter(start_span),
        continue_trace("request", f"00-{TRACE}-{SPAN}-01", kind="server") as request,
        span("append", {"easeboard.events": 3}),
    ):
        request.rename("GET /somewhere")
        request.set_attributes({"http.response.status_code": 200})
        passed_on = current_traceparent()
    inner, outer = exported.get_finished_spans()
    assert (inner.name, outer.name) == ("append", "GET /somewhere")
    assert inner.parent
    assert outer.parent
    assert {outer.parent.trace_id, inner.parent.trace_id} == {int(TRACE, 16)}
    assert (outer.parent.span_id, inner.parent) == (int(SPAN, 16), outer.context)
    assert passed_on == f"00-{TRACE}-{inner.parent.span_id:016x}-01"
    assert inner.attributes == {"easeboard.events": 3}
    assert outer.resource.attributes["service.name"] == "easeboard"


def test_a_span_records_only_the_type_of_an_error(exported: InMemorySpanExporter) -> None:
    with (
        export_spans(exported) as start_span,
        use_exporter(start_span),
        pytest.raises(ValueError, match="private"),
        span("append"),
    ):
        raise ValueError("something private")
    (exported_span,) = exported.get_finished_spans()
    assert (exported_span.status.is_ok, exported_span.status.description) == (False, "ValueError")
    assert not exported_span.events
    assert "private" not in exported_span.to_json()


def test_an_unsampled_trace_is_not_exported(exported: InMemorySpanExporter) -> None:
    with (
        export_spans(exported) as start_span,
        use_exporter(start_span),
        continue_trace("request", f"00-{TRACE}-{SPAN}-00"),
    ):
        assert (current_traceparent() or "").endswith("-00")
    assert exported.get_finished_spans() == ()
