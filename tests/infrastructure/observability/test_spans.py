import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from structlog.testing import capture_logs

from infrastructure.observability.otel_exporter import exporter_to
from infrastructure.observability.spans import exporting, span, telemetry
from infrastructure.observability.tracing import traced, traceparent

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture
def exported() -> Iterator[InMemorySpanExporter]:
    """What was exported, once `exporting` is over."""
    memory = InMemorySpanExporter()
    yield memory
    memory.clear()


def test_spans_are_exported_as_one_trace(exported: InMemorySpanExporter) -> None:
    with (
        exporter_to(exported) as begin,
        exporting(begin),
        traced("request", f"00-{TRACE}-{SPAN}-01", kind="server") as request,
        span("append", {"easeboard.events": 3}),
    ):
        request.name("GET /somewhere")
        request.tell({"http.response.status_code": 200})
        handed_on = traceparent()
    inner, outer = exported.get_finished_spans()
    assert (inner.name, outer.name) == ("append", "GET /somewhere")
    assert inner.parent
    assert outer.parent
    assert {outer.parent.trace_id, inner.parent.trace_id} == {int(TRACE, 16)}
    assert (outer.parent.span_id, inner.parent) == (int(SPAN, 16), outer.context)
    assert handed_on == f"00-{TRACE}-{inner.parent.span_id:016x}-01"
    assert inner.attributes == {"easeboard.events": 3}
    assert outer.resource.attributes["service.name"] == "easeboard"


def test_an_error_is_told_by_its_kind_alone(exported: InMemorySpanExporter) -> None:
    with (
        exporter_to(exported) as begin,
        exporting(begin),
        pytest.raises(ValueError, match="private"),
        span("append"),
    ):
        raise ValueError("something private")
    (kept,) = exported.get_finished_spans()
    assert (kept.status.is_ok, kept.status.description) == (False, "ValueError")
    assert not kept.events
    assert "private" not in kept.to_json()


def test_who_asks_not_to_be_sampled_is_not(exported: InMemorySpanExporter) -> None:
    with (
        exporter_to(exported) as begin,
        exporting(begin),
        traced("request", f"00-{TRACE}-{SPAN}-00"),
    ):
        assert (traceparent() or "").endswith("-00")
    assert exported.get_finished_spans() == ()


def test_nothing_is_imported_unless_asked_for() -> None:
    # FastAPI imports the interface by itself where it is installed; the weight is in the rest.
    script = (
        "import sys, interfaces.composition.run_roles; print('opentelemetry.sdk' in sys.modules)"
    )
    done = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "infrastructure.observability.otel_exporter", None)
    with capture_logs() as lines, telemetry("http://127.0.0.1:4318"), span("append") as unseen:
        assert unseen.trace is None
    (line,) = lines
    assert line["log_level"] == "warning"
    assert "pip install 'easeboard[telemetry]'" in line["reason"]


def test_a_collector_that_is_away_delays_nobody_for_long() -> None:
    began = time.monotonic()
    with telemetry("http://127.0.0.1:9"), span("append") as seen:
        assert seen.trace
    assert time.monotonic() - began < 30
