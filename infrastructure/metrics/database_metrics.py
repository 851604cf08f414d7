"""Tells Prometheus what the database knows, and never waits long for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any

import psycopg
import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily

from domain.circuit_breaker import State
from infrastructure.metrics.database_snapshot import Told

FRESH = 5.0
"""Seconds an answer is told again instead of asking anew."""
STALE = 60.0
"""Seconds after which an old answer is better left out."""
PATIENCE = 1.0
"""Seconds a scrape waits for the database."""

Ask = Callable[[], Awaitable[Told]]
log = structlog.get_logger()


class DatabaseMetrics:
    """The newest answers; several scrapes at once ask once."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask
        self._told: Told | None = None
        self._at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    async def refresh(self) -> None:
        """Ask again when the last answer is old; returns after a second at the latest."""
        if time.monotonic() - self._at < FRESH:
            return
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._refresh())
        # Not called off after that: a late answer serves the next scrape.
        await asyncio.wait({self._asking}, timeout=PATIENCE)

    async def close(self) -> None:
        """Ask no more."""
        if self._asking:
            self._asking.cancel()
            await asyncio.wait({self._asking})

    async def _refresh(self) -> None:
        try:
            self._told = await self._ask()
            self._at = time.monotonic()
        except psycopg.Error as error:
            log.warning("metrics_without_database", reason=type(error).__name__)

    def collect(self) -> Iterator[Metric]:
        """The families; those whose answer is missing or stale have no samples."""
        age = time.monotonic() - self._at
        is_up = float(age < FRESH + PATIENCE)
        yield _gauge("easeboard_database_up", "1 while the database answers", is_up)
        told = self._told if age < STALE else None
        yield from _of_queue(told)
        yield from _of_read_models(told.read_models if told else [])
        yield _of_keys(told.keys if told else [])
        yield _of_hosts(told.hosts if told else {})


def _of_queue(told: Told | None) -> Iterator[Metric]:
    queue = told and told.queue
    yield _gauge(
        "easeboard_queue_depth", "Runs that wait for a worker", queue and float(queue.waiting)
    )
    yield _gauge("easeboard_queue_taken", "Runs a worker holds", queue and float(queue.doing))
    yield _gauge(
        "easeboard_queue_oldest_seconds",
        "Seconds the oldest waiting run has waited",
        queue and max(0.0, queue.oldest),
    )
    yield _gauge("easeboard_workers", "Processes that take runs on", told and float(told.workers))


PROJECTIONS: tuple[tuple[str, str, Callable[[dict[str, Any]], float]], ...] = (
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


def _of_read_models(rows: list[dict[str, Any]]) -> Iterator[Metric]:
    for name, text, look in PROJECTIONS:
        family = GaugeMetricFamily(f"easeboard_projection_{name}", text, labels=["projection"])
        for row in rows:
            family.add_metric([row["name"]], float(look(row)))
        yield family


def _of_keys(rows: list[tuple[str, str, int]]) -> Metric:
    text = "Records sealed with a master key"
    family = GaugeMetricFamily("easeboard_sealed_records", text, labels=["kind", "key_id"])
    for kind, key_id, many in rows:
        family.add_metric([kind, key_id], many)
    return family


def _of_hosts(hosts: Mapping[State, int]) -> Metric:
    text = "Canvas hosts that do not answer: left alone, or being tried again"
    family = GaugeMetricFamily("easeboard_canvas_hosts_silent", text, labels=["state"])
    for state, many in hosts.items():
        family.add_metric([state], many)
    return family


def _gauge(name: str, text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, text)
    if value is not None:
        family.add_metric([], value)
    return family
