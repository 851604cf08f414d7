"""How the pools of database connections are used, as they tell themselves."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from psycopg_pool import AsyncConnectionPool, ConnectionPool

Pool = ConnectionPool[Any] | AsyncConnectionPool[Any]
PoolStats = dict[str, int]

GAUGES: dict[str, tuple[str, Callable[[PoolStats], float]]] = {
    "easeboard_pool_size": ("Connections a pool has", lambda stats: stats["pool_size"]),
    "easeboard_pool_limit": ("Connections a pool may have", lambda stats: stats["pool_max"]),
    "easeboard_pool_idle": ("Connections nobody uses", lambda stats: stats["pool_available"]),
    "easeboard_pool_waiting": ("Callers who wait", lambda stats: stats["requests_waiting"]),
}
COUNTERS: dict[str, tuple[str, Callable[[PoolStats], float]]] = {
    "easeboard_pool_requests": (
        "Connections asked for",
        lambda stats: stats.get("requests_num", 0),
    ),
    "easeboard_pool_wait_seconds": (
        "Seconds callers waited for one",
        lambda stats: stats.get("requests_wait_ms", 0) / 1000,
    ),
    "easeboard_pool_refusals": (
        "Callers who were told that the database is busy",
        lambda stats: stats.get("requests_errors", 0),
    ),
    "easeboard_pool_lost": (
        "Connections that broke or could not be made",
        lambda stats: stats.get("connections_lost", 0) + stats.get("connections_errors", 0),
    ),
}


class PoolMetrics:
    """Collects from pools by their names."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self._pools = pools

    def collect(self) -> Iterator[Metric]:
        """Ask each pool, which asks nobody."""
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
