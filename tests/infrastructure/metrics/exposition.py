"""All that /metrics can tell, by name: what documents, dashboards and alerts may speak of."""

from collections.abc import Iterator

from prometheus_client import Metric

from infrastructure.metrics.database_metrics import DatabaseMetrics
from infrastructure.metrics.database_snapshot import Queue, Told
from infrastructure.metrics.pool_metrics import PoolMetrics
from infrastructure.observability.instruments import PROCESS

SUFFIXES = {"counter": ["_total"], "gauge": [""], "histogram": ["_bucket", "_sum", "_count"]}

MODEL = {"lag_events": 3, "lag_seconds": 1.5, "state": "live", "rebuild": None}
TOLD = Told(
    Queue(waiting=2, doing=1, oldest=9.5),
    4,
    [{"name": "courses", "events_per_second": 7.0, **MODEL}],
    [("canvas_token", "k1", 5)],
    {"open": 2, "half_open": 1},
)


async def database_metrics() -> DatabaseMetrics:
    """Metrics of a database that has answered."""

    async def ask() -> Told:
        return TOLD

    metrics = DatabaseMetrics(ask)
    await metrics.refresh()
    return metrics


async def families() -> tuple[list[Metric], list[Metric]]:
    """What a process tells of itself, and what it asked the database."""
    own = [*PROCESS.collect(), *PoolMetrics([]).collect()]
    return own, list((await database_metrics()).collect())


async def samples() -> set[str]:
    """The name of every sample there may be."""
    own, asked = await families()
    return {name for family in own + asked for name in names(family)}


def names(family: Metric) -> Iterator[str]:
    """The names of a family's samples."""
    return (family.name + suffix for suffix in SUFFIXES[family.type])
