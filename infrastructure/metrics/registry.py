"""Puts together what Prometheus is told at a scrape."""

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
from infrastructure.metrics.database_snapshot import ask_database
from infrastructure.metrics.pool_metrics import Pool, PoolMetrics
from infrastructure.observability.instruments import BUILD, PROCESS

Scrape = Callable[[], Awaitable[bytes]]
"""Everything there is to tell, in Prometheus's text format."""


def process_registry() -> CollectorRegistry:
    """What the process alone can tell: its instruments, its memory, its threads."""
    disable_created_metrics()  # type: ignore[no-untyped-call]  # the library leaves it unannotated
    BUILD.labels(version("easeboard")).set(1)
    registry = CollectorRegistry()
    registry.register(PROCESS)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


@asynccontextmanager
async def scraping(
    reads: AsyncConnectionPool[Any], others: Sequence[Pool]
) -> AsyncIterator[Scrape]:
    """What the process, its pools and the database can tell."""
    registry, database = process_registry(), DatabaseMetrics(partial(ask_database, reads))
    registry.register(PoolMetrics([reads, *others]))
    registry.register(database)

    async def scrape() -> bytes:
        await database.refresh()
        return generate_latest(registry)

    try:
        yield scrape
    finally:
        await database.close()


async def scrape_process() -> bytes:
    """What an application without a database tells."""
    return generate_latest(process_registry())
