"""Assembles all metrics of a process, and renders them for Prometheus."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from psycopg_pool import AsyncConnectionPool

from infrastructure.metrics.database_metrics import DatabaseMetrics
from infrastructure.metrics.database_statistics import CountExact, load_database_statistics
from infrastructure.metrics.pool_metrics import Pool, PoolMetrics
from infrastructure.observability.instruments import BUILD_INFO, PROCESS_REGISTRY

MetricsRenderer = Callable[[], Awaitable[bytes]]
"""Renders all metrics in the text format of Prometheus."""


def new_process_registry() -> CollectorRegistry:
    """Return a registry of what the process measures: instruments, memory, garbage collection."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
    BUILD_INFO.labels(version("easeboard")).set(1)
    registry = CollectorRegistry()
    registry.register(PROCESS_REGISTRY)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


@asynccontextmanager
async def open_registry(
    read_pool: AsyncConnectionPool[Any], other_pools: Sequence[Pool], count_exact: CountExact
) -> AsyncIterator[MetricsRenderer]:
    """Yield a renderer of the metrics of the process, its pools and the database."""
    registry, database = (
        new_process_registry(),
        DatabaseMetrics(partial(load_database_statistics, read_pool, count_exact)),
    )
    registry.register(PoolMetrics([read_pool, *other_pools]))
    registry.register(database)

    async def render() -> bytes:
        await database.refresh()
        return generate_latest(registry)

    try:
        yield render
    finally:
        await database.close()


async def render_process_metrics() -> bytes:
    """Render the metrics of a process that has no database."""
    return generate_latest(new_process_registry())
