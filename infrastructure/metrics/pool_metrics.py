"""How the pools of database connections are used, as they tell themselves."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from psycopg_pool import AsyncConnectionPool, ConnectionPool

Pool = ConnectionPool[Any] | AsyncConnectionPool[Any]
Told = dict[str, int]

GAUGES: dict[str, tuple[str, Callable[[Told], float]]] = {
    "easeboard_pool_size": ("Connections a pool has", lambda told: told["pool_size"]),
    "easeboard_pool_limit": ("Connections a pool may have", lambda told: told["pool_max"]),
    "easeboard_pool_idle": ("Connections nobody uses", lambda told: told["pool_available"]),
    "easeboard_pool_waiting": ("Callers who wait", lambda told: told["requests_waiting"]),
}
COUNTERS: dict[str, tuple[str, Callable[[Told], float]]] = {
    "easeboard_pool_requests": (
        "Connections asked for",
        lambda told: told.get("requests_num", 0),
    ),
    "easeboard_pool_wait_seconds": (
        "Seconds callers waited for one",
        lambda told: told.get("requests_wait_ms", 0) / 1000,
    ),
    "easeboard_pool_refusals": (
        "Callers who were told that the database is busy",
        lambda told: told.get("requests_errors", 0),
    ),
    "easeboard_pool_lost": (
        "Connections that broke or could not be made",
        lambda told: told.get("connections_lost", 0) + told.get("connections_errors", 0),
    ),
}


class PoolMetrics:
    """Collects from pools by their names."""

    def __init__(self, pools: Sequence[Pool]) -> None:
        self._pools = pools

    def collect(self) -> Iterator[Metric]:
        """Ask each pool, which asks nobody."""
        told = {pool.name: pool.get_stats() for pool in self._pools}
        for gauge, (text, look) in GAUGES.items():
            yield _family(GaugeMetricFamily(gauge, text, labels=["pool"]), told, look)
        for counter, (text, look) in COUNTERS.items():
            yield _family(CounterMetricFamily(counter, text, labels=["pool"]), told, look)


def _family(
    family: GaugeMetricFamily | CounterMetricFamily,
    told: dict[str, Told],
    look: Callable[[Told], float],
) -> Metric:
    for name, numbers in told.items():
        family.add_metric([name], look(numbers))
    return family
