"""All metrics of /metrics by name: those that documents, dashboards and alerts may use."""

from collections.abc import Iterator

from prometheus_client import Metric

from infrastructure.metrics.database_metrics import DatabaseMetrics
from infrastructure.metrics.database_statistics import DatabaseStatistics, PartSize, QueueCounts
from infrastructure.metrics.pool_metrics import PoolMetrics
from infrastructure.observability.instruments import PROCESS_REGISTRY
from infrastructure.projection_engine.status import OwnershipStatus
from infrastructure.seals.seal_lag import SealLag
from infrastructure.seals.witness_client.witness_status import WitnessProblems

SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}

READ_MODEL_STATUS = {
    "lag_events": 3,
    "lag_seconds": 1.5,
    "state": "live",
    "dead_letters": 2,
    "rebuild": None,
}
STATISTICS = DatabaseStatistics(
    QueueCounts(waiting=2, running=1, oldest_seconds=9.5),
    4,
    [{"name": "courses", "events_per_second": 7.0, **READ_MODEL_STATUS}],
    [("canvas_token", "k1", 5)],
    {"open": 2, "half_open": 1},
    {"exact": 8, "different": 1, "unknown": 3},
    [PartSize("log", 4096, 0), PartSize("queue", 1024, 12)],
    is_syncing=True,
    losses=2,
    seals=SealLag(size=70, lag_events=4, lag_seconds=1.5),
    witnesses=WitnessProblems(problem_seconds=90.5, contradictions=1),
    ownership=[OwnershipStatus("courses", unowned_seconds=2.5, sample_differences=1)],
)


async def collected_database_metrics() -> DatabaseMetrics:
    """Return the collector of database metrics, with statistics."""

    async def load_statistics() -> DatabaseStatistics:
        return STATISTICS

    metrics = DatabaseMetrics(load_statistics)
    await metrics.refresh()
    return metrics


async def metric_families() -> tuple[list[Metric], list[Metric]]:
    """Return the metric families of a process, and those that it reads from the database."""
    process_metrics = [*PROCESS_REGISTRY.collect(), *PoolMetrics([]).collect()]
    return process_metrics, list((await collected_database_metrics()).collect())


async def sample_names() -> set[str]:
    """Return the names of all samples that can be published."""
    process_metrics, database_metrics = await metric_families()
    return {
        name for family in process_metrics + database_metrics for name in names_of_family(family)
    }


def names_of_family(family: Metric) -> Iterator[str]:
    """Return the sample names of a family."""
    return (family.name + suffix for suffix in SUFFIXES[family.type])
