"""Metrics that are queried from the database; a scrape waits for it one second at most."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from domain.circuit_breaker import CircuitState
from infrastructure.metrics.database_statistics import DatabaseStatistics
from infrastructure.postgres.errors import DATABASE_ERRORS

STATISTICS_MAX_AGE_SECONDS = 5.0
"""Seconds for which statistics are published without a new query."""
STATISTICS_EXPIRY_SECONDS = 60.0
"""Seconds after which statistics are too old to be published."""
REFRESH_TIMEOUT_SECONDS = 1.0
"""Seconds a scrape waits for the database."""

LoadStatistics = Callable[[], Awaitable[DatabaseStatistics]]
logger = structlog.get_logger()


class DatabaseMetrics:
    """A collector that publishes the newest statistics; concurrent scrapes share one query."""

    def __init__(self, load_statistics: LoadStatistics) -> None:
        self._load_statistics = load_statistics
        self._statistics: DatabaseStatistics | None = None
        self._taken_at = float("-inf")
        self._refresh_task: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Load new statistics if the last ones are old; returns after one second at the latest."""
        if time.monotonic() - self._taken_at < STATISTICS_MAX_AGE_SECONDS:
            return
        if self._refresh_task is None or self._refresh_task.done():
            self._refresh_task = asyncio.create_task(self._refresh())
        # Not cancelled after the timeout: late statistics serve the next scrape.
        await asyncio.wait({self._refresh_task}, timeout=REFRESH_TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Cancel a query that is still running."""
        if self._refresh_task:
            self._refresh_task.cancel()
            await asyncio.wait({self._refresh_task})

    async def _refresh(self) -> None:
        try:
            self._statistics = await self._load_statistics()
            self._taken_at = time.monotonic()
        except DATABASE_ERRORS as error:
            logger.warning("metrics_without_database", reason=type(error).__name__)

    def collect(self) -> Iterator[Metric]:
        """Yield the families; without recent statistics they have no samples."""
        age = time.monotonic() - self._taken_at
        is_up = float(age < STATISTICS_MAX_AGE_SECONDS + REFRESH_TIMEOUT_SECONDS)
        yield _gauge("easeboard_database_up", "1 while the database responds, otherwise 0", is_up)
        statistics = self._statistics if age < STATISTICS_EXPIRY_SECONDS else None
        yield from _queue_metrics(statistics)
        yield from _read_model_metrics(statistics.read_models if statistics else [])
        yield _key_metrics(statistics.keys if statistics else [])
        yield _host_metrics(statistics.hosts if statistics else {})
        yield _exact_metrics(statistics.exact if statistics else {})


def _queue_metrics(statistics: DatabaseStatistics | None) -> Iterator[Metric]:
    queue = statistics and statistics.queue
    yield _gauge(
        "easeboard_queue_depth", "Runs that wait for a worker", queue and float(queue.waiting)
    )
    yield _gauge(
        "easeboard_queue_taken",
        "Runs that are assigned to a worker",
        queue and float(queue.running),
    )
    yield _gauge(
        "easeboard_queue_oldest_seconds",
        "Seconds that the oldest waiting run has waited",
        queue and max(0.0, queue.oldest_seconds),
    )
    yield _gauge(
        "easeboard_workers",
        "Live processes with the role worker",
        statistics and float(statistics.workers),
    )


PROJECTION_GAUGES: tuple[tuple[str, str, Callable[[dict[str, Any]], float]], ...] = (
    (
        "lag_events",
        "Positions of the log that a read model has not applied",
        lambda row: row["lag_events"],
    ),
    (
        "lag_seconds",
        "Age in seconds of the oldest event that a read model has not applied",
        lambda row: row["lag_seconds"],
    ),
    (
        "failing",
        "1 while a read model cannot apply an event, otherwise 0",
        lambda row: row["state"] == "failing",
    ),
    (
        "dead_letters",
        "Events that a read model cannot apply, and that the later ones of their streams wait for",
        lambda row: row["dead_letters"],
    ),
    (
        "rebuilding",
        "1 while a new version of a read model is built, otherwise 0",
        lambda row: row["rebuild"] is not None,
    ),
    (
        "events_per_second",
        "Events that a read model applies per second",
        lambda row: row["events_per_second"],
    ),
)


def _read_model_metrics(rows: list[dict[str, Any]]) -> Iterator[Metric]:
    for name, help_text, value_of in PROJECTION_GAUGES:
        family = GaugeMetricFamily(f"easeboard_projection_{name}", help_text, labels=["projection"])
        for row in rows:
            family.add_metric([row["name"]], float(value_of(row)))
        yield family


def _key_metrics(rows: list[tuple[str, str, int]]) -> Metric:
    help_text = "Records that are encrypted with a master key"
    family = GaugeMetricFamily("easeboard_sealed_records", help_text, labels=["kind", "key_id"])
    for kind, key_id, count in rows:
        family.add_metric([kind, key_id], count)
    return family


def _host_metrics(hosts: Mapping[CircuitState, int]) -> Metric:
    help_text = "Canvas hosts that do not respond, by the state of their circuit breaker"
    family = GaugeMetricFamily("easeboard_canvas_hosts_silent", help_text, labels=["state"])
    for state, count in hosts.items():
        family.add_metric([state], count)
    return family


def _exact_metrics(counts: Mapping[str, int]) -> Metric:
    help_text = "Courses, at most 20,000, by whether our calculation gives the totals of Canvas"
    family = GaugeMetricFamily("easeboard_course_totals", help_text, labels=["result"])
    for result, count in counts.items():
        family.add_metric([result], count)
    return family


def _gauge(name: str, help_text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, help_text)
    if value is not None:
        family.add_metric([], value)
    return family
