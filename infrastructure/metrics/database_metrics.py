"""Tells Prometheus what the database knows, and never waits long for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import psycopg
import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from domain.circuit_breaker import CircuitState
from infrastructure.metrics.database_snapshot import DatabaseSnapshot

SNAPSHOT_MAX_AGE_SECONDS = 5.0
"""Seconds an answer is told again instead of asking anew."""
SNAPSHOT_EXPIRY_SECONDS = 60.0
"""Seconds after which an old answer is better left out."""
REFRESH_TIMEOUT_SECONDS = 1.0
"""Seconds a scrape waits for the database."""

TakeSnapshot = Callable[[], Awaitable[DatabaseSnapshot]]
logger = structlog.get_logger()


class DatabaseMetrics:
    """The newest answers; several scrapes at once ask once."""

    def __init__(self, take_snapshot: TakeSnapshot) -> None:
        self._take_snapshot = take_snapshot
        self._snapshot: DatabaseSnapshot | None = None
        self._taken_at = float("-inf")
        self._refresh_task: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Ask again when the last answer is old; returns after a second at the latest."""
        if time.monotonic() - self._taken_at < SNAPSHOT_MAX_AGE_SECONDS:
            return
        if self._refresh_task is None or self._refresh_task.done():
            self._refresh_task = asyncio.create_task(self._refresh())
        # Not called off after that: a late answer serves the next scrape.
        await asyncio.wait({self._refresh_task}, timeout=REFRESH_TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Ask no more."""
        if self._refresh_task:
            self._refresh_task.cancel()
            await asyncio.wait({self._refresh_task})

    async def _refresh(self) -> None:
        try:
            self._snapshot = await self._take_snapshot()
            self._taken_at = time.monotonic()
        except psycopg.Error as error:
            logger.warning("metrics_without_database", reason=type(error).__name__)

    def collect(self) -> Iterator[Metric]:
        """The families; those whose answer is missing or stale have no samples."""
        age = time.monotonic() - self._taken_at
        is_up = float(age < SNAPSHOT_MAX_AGE_SECONDS + REFRESH_TIMEOUT_SECONDS)
        yield _gauge("easeboard_database_up", "1 while the database answers", is_up)
        snapshot = self._snapshot if age < SNAPSHOT_EXPIRY_SECONDS else None
        yield from _queue_metrics(snapshot)
        yield from _read_model_metrics(snapshot.read_models if snapshot else [])
        yield _key_metrics(snapshot.keys if snapshot else [])
        yield _host_metrics(snapshot.hosts if snapshot else {})


def _queue_metrics(snapshot: DatabaseSnapshot | None) -> Iterator[Metric]:
    queue = snapshot and snapshot.queue
    yield _gauge(
        "easeboard_queue_depth", "Runs that wait for a worker", queue and float(queue.waiting)
    )
    yield _gauge("easeboard_queue_taken", "Runs a worker holds", queue and float(queue.running))
    yield _gauge(
        "easeboard_queue_oldest_seconds",
        "Seconds the oldest waiting run has waited",
        queue and max(0.0, queue.oldest_seconds),
    )
    yield _gauge(
        "easeboard_workers", "Processes that take runs on", snapshot and float(snapshot.workers)
    )


PROJECTION_GAUGES: tuple[tuple[str, str, Callable[[dict[str, Any]], float]], ...] = (
    ("lag_events", "Positions of the log a read model is behind", lambda row: row["lag_events"]),
    (
        "lag_seconds",
        "Age of the oldest event a read model has not taken in",
        lambda row: row["lag_seconds"],
    ),
    ("failing", "1 while a read model cannot go on", lambda row: row["state"] == "failing"),
    ("rebuilding", "1 while its next version is built", lambda row: row["rebuild"] is not None),
    ("events_per_second", "Events a read model takes in", lambda row: row["events_per_second"]),
)


def _read_model_metrics(rows: list[dict[str, Any]]) -> Iterator[Metric]:
    for name, help_text, value_of in PROJECTION_GAUGES:
        family = GaugeMetricFamily(f"easeboard_projection_{name}", help_text, labels=["projection"])
        for row in rows:
            family.add_metric([row["name"]], float(value_of(row)))
        yield family


def _key_metrics(rows: list[tuple[str, str, int]]) -> Metric:
    help_text = "Records sealed with a master key"
    family = GaugeMetricFamily("easeboard_sealed_records", help_text, labels=["kind", "key_id"])
    for kind, key_id, count in rows:
        family.add_metric([kind, key_id], count)
    return family


def _host_metrics(hosts: Mapping[CircuitState, int]) -> Metric:
    help_text = "Canvas hosts that do not answer: left alone, or being tried again"
    family = GaugeMetricFamily("easeboard_canvas_hosts_silent", help_text, labels=["state"])
    for state, count in hosts.items():
        family.add_metric([state], count)
    return family


def _gauge(name: str, help_text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, help_text)
    if value is not None:
        family.add_metric([], value)
    return family
