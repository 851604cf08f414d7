"""Metrics of the connection pools, from the statistics that they keep."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from psycopg_pool import AsyncConnectionPool, ConnectionPool

Pool = ConnectionPool[Any] | AsyncConnectionPool[Any]
PoolStats = dict[str, int]

GAUGES: dict[str, tuple[str, Callable[[PoolStats], float]]] = {
    "easeboard_pool_size": ("Database connections in a pool", lambda stats: stats["pool_size"]),
    "easeboard_pool_limit": (
        "Database connections that a pool may have at most",
        lambda stats: stats["pool_max"],
    ),
    "easeboard_pool_idle": (
        "Database connections that are idle",
        lambda stats: stats["pool_available"],
    ),
    "easeboard_pool_waiting": (
        "Requests that wait for a database connection",
        lambda stats: stats["requests_waiting"],
    ),
}
COUNTERS: dict[str, tuple[str, Callable[[PoolStats], float]]] = {
    "easeboard_pool_requests": (
        "Requests for a database connection",
        lambda stats: stats.get("requests_num", 0),
    ),
    "easeboard_pool_wait_seconds": (
        "Seconds that requests waited for a database connection",
        lambda stats: stats.get("requests_wait_ms", 0) / 1000,
    ),
    "easeboard_pool_refusals": (
        "Requests that got no database connection in time",
        lambda stats: stats.get("requests_errors", 0),
    ),
    "easeboard_pool_lost": (
        "Database connections that broke or could not be opened",
        lambda stats: stats.get("connections_lost", 0) + stats.get("connections_errors", 0),
    ),
}


class PoolMetrics:
    """A collector of pool statistics, labelled with the names of the pools."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self._pools = pools

    def collect(self) -> Iterator[Metric]:
        """Yield the families; the statistics are in memory and need no query."""
        stats_by_pool = {pool.name: pool.get_stats() for pool in self._pools}
        for gauge, (help_text, value_of) in GAUGES.items():
            yield _family(
                GaugeMetricFamily(gauge, help_text, labels=["pool"]), stats_by_pool, value_of
            )
        for counter, (help_text, value_of) in COUNTERS.items():
            yield _family(
                CounterMetricFamily(counter, help_text, labels=["pool"]), stats_by_pool, value_of
            )


def _family(
    family: GaugeMetricFamily | CounterMetricFamily,
    stats_by_pool: dict[str, PoolStats],
    value_of: Callable[[PoolStats], float],
) -> Metric:
    for name, stats in stats_by_pool.items():
        family.add_metric([name], value_of(stats))
    return family
