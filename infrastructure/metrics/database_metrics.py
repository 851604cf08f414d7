"""Metrics that are queried from the database; a scrape waits for it one second at most."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

import structlog
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from domain.circuit_breaker import CircuitState
from infrastructure.metrics.database_statistics import DatabaseStatistics, PartSize
from infrastructure.postgres.errors import DATABASE_ERRORS
from infrastructure.projection_engine.status import OwnershipStatus
from infrastructure.seals.seal_lag import SealLag
from infrastructure.seals.witness_client.witness_status import WitnessProblems

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
        yield from _ownership_metrics(statistics.ownership if statistics else [])
        yield _key_metrics(statistics.keys if statistics else [])
        yield _host_metrics(statistics.hosts if statistics else {})
        yield _exact_metrics(statistics.exact if statistics else {})
        yield from _size_metrics(statistics.sizes if statistics else [])
        yield _gauge(
            "easeboard_syncing",
            "1 while this database may sync, otherwise 0",
            statistics and float(statistics.is_syncing),
        )
        yield _gauge(
            "easeboard_log_losses",
            "What the database has of events that the log does not have; 0 is right",
            statistics and float(statistics.losses),
        )
        yield from _seal_metrics(statistics and statistics.seals)
        yield from _witness_metrics(statistics and statistics.witnesses)


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


SIZE_GAUGES: tuple[tuple[str, str, Callable[[PartSize], float]], ...] = (
    (
        "bytes",
        "Bytes of a part of the database: log, read models, queue, or service for the rest",
        lambda size: size.total_bytes,
    ),
    (
        "dead_rows",
        "Rows of a part of the database that are deleted or replaced, until a vacuum",
        lambda size: size.dead_rows,
    ),
)


def _read_model_metrics(rows: list[dict[str, Any]]) -> Iterator[Metric]:
    for name, help_text, value_of in PROJECTION_GAUGES:
        family = GaugeMetricFamily(f"easeboard_projection_{name}", help_text, labels=["projection"])
        for row in rows:
            family.add_metric([row["name"]], float(value_of(row)))
        yield family


def _ownership_metrics(rows: Sequence[OwnershipStatus]) -> Iterator[Metric]:
    seconds = CounterMetricFamily(
        "easeboard_projection_unowned_seconds",
        "Seconds in which no process was the owner of a read model",
        labels=["projection"],
    )
    differences = GaugeMetricFamily(
        "easeboard_projection_sample_differences",
        "People and events of the last nightly sample whose rows are not those of the log",
        labels=["projection"],
    )
    for row in rows:
        seconds.add_metric([row.name], row.unowned_seconds)
        differences.add_metric([row.name], float(row.sample_differences))
    yield seconds
    yield differences


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


def _size_metrics(sizes: Sequence[PartSize]) -> Iterator[Metric]:
    for name, help_text, value_of in SIZE_GAUGES:
        family = GaugeMetricFamily(f"easeboard_database_{name}", help_text, labels=["part"])
        for size in sizes:
            family.add_metric([size.part], value_of(size))
        yield family


def _seal_metrics(lag: SealLag | None) -> Iterator[Metric]:
    yield _gauge("easeboard_seal_size", "Events that a signed checkpoint covers", lag and lag.size)
    yield _gauge(
        "easeboard_seal_lag_events",
        "Positions of the log that no signed checkpoint covers",
        lag and lag.lag_events,
    )
    yield _gauge(
        "easeboard_seal_lag_seconds",
        "Age in seconds of the oldest event that no signed checkpoint covers",
        lag and lag.lag_seconds,
    )


def _witness_metrics(problems: WitnessProblems | None) -> Iterator[Metric]:
    yield _gauge(
        "easeboard_witness_problem_seconds",
        "Seconds for which a witness has not signed the newest checkpoints, at most; 0 is right",
        problems and problems.problem_seconds,
    )
    yield _gauge(
        "easeboard_witness_contradictions",
        "Witnesses that have signed another history than the one of the log; 0 is right",
        problems and float(problems.contradictions),
    )


def _gauge(name: str, help_text: str, value: float | None) -> Metric:
    family = GaugeMetricFamily(name, help_text)
    if value is not None:
        family.add_metric([], value)
    return family
