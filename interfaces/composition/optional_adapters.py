"""Adapters that a setting selects: their libraries are imported only if it is set.

The libraries are large, or belong to an extra that need not be installed.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from infrastructure.observability.spans import use_exporter
from infrastructure.rate_limiting.counters import RequestCounters

EXPORTER_MISSING = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, but no traces are exported, because the extra 'telemetry' "
    "is not installed: run pip install 'easeboard[telemetry]', or unset the variable."
)

logger = structlog.get_logger()


@contextmanager
def export_telemetry(endpoint: str | None) -> Iterator[None]:
    """Export the spans of the block to an OTLP endpoint, if one is set.

    If the extra `telemetry` is not installed, a warning is logged and nothing is exported.
    """
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


async def probe_redis(redis_url: str) -> str | None:
    """Return why Redis cannot be used, in words without its address; None if it responds."""
    from infrastructure.rate_limiting.redis_counters import check_redis  # noqa: PLC0415  # as below

    return await check_redis(redis_url)


def new_request_counters(redis_url: str | None) -> RequestCounters:
    """Return counters of requests, shared with other processes through Redis if a URL is set."""
    if redis_url is None:
        return RequestCounters()
    from infrastructure.rate_limiting.redis_counters import RedisCounters  # noqa: PLC0415  # imports for 0.3 s

    return RequestCounters(RedisCounters(redis_url))
