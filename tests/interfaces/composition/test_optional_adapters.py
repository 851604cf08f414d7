import subprocess
import sys
import time

import pytest
from structlog.testing import capture_logs

from infrastructure.observability.spans import span
from infrastructure.rate_limiting.redis_counters import RedisCounters
from interfaces.composition.optional_adapters import export_telemetry, new_request_counters
from tests.deadlines import scaled


@pytest.mark.process
@pytest.mark.parametrize("library", ["opentelemetry.sdk", "redis"])
def test_an_optional_library_is_not_imported_unless_configured(library: str) -> None:
    # FastAPI itself imports the API of OpenTelemetry, which is small; its SDK is large.
    script = f"import sys, interfaces.composition.run_roles; print({library!r} in sys.modules)"
    completed = subprocess.run(  # noqa: S603  # our own program
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=True,
        timeout=scaled(60),
    )
    assert completed.stdout.strip() == "False"


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "infrastructure.observability.otel_exporter", None)
    with (
        capture_logs() as lines,
        export_telemetry("http://127.0.0.1:4318"),
        span("append") as null_span,
    ):
        assert null_span.trace is None
    (line,) = lines
    assert line["log_level"] == "warning"
    assert "pip install 'easeboard[telemetry]'" in line["reason"]


def test_without_an_endpoint_nothing_is_exported() -> None:
    with export_telemetry(None), span("append") as null_span:
        assert null_span.trace is None


def test_an_unavailable_collector_delays_shutdown_only_briefly() -> None:
    started_at = time.monotonic()
    with export_telemetry("http://127.0.0.1:9"), span("append") as started_span:
        assert started_span.trace
    assert time.monotonic() - started_at < scaled(30)


async def test_counters_are_shared_only_with_a_redis_url() -> None:
    assert new_request_counters(None)._shared is None
    async with new_request_counters("redis://127.0.0.1:9") as counters:
        assert isinstance(counters._shared, RedisCounters)
        assert counters.status == {
            "rate_limits": "Redis is not available: each process counts on its own; check REDIS_URL"
        }
