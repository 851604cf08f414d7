"""The sizes of the Canvas hosts, and when a host hangs."""

from random import Random
from typing import Literal, NamedTuple

from tests.simulation.assumptions import Assumptions

HOUR_SECONDS = 3600.0
LARGE_OUTAGE_HOUR = 18.0
"""The hour of the day at which a large host starts to hang, for two hours."""
PEAK_HOUR = 20.0
"""The hour of the day with the most activity."""


HostBehaviour = Literal["responds", "hangs", "refuses", "rejects"]
"""What a host does with a request: `rejects` is the response to a revoked token."""


class Outage(NamedTuple):
    """The time during which a host hangs or refuses, in seconds of the simulation."""

    starts_at: float
    ends_at: float
    behaviour: HostBehaviour = "hangs"


def students_per_host(assumptions: Assumptions) -> list[int]:
    """Distribute all connections over the hosts, the largest host first."""
    host_count = min(assumptions.institutions, assumptions.connections)
    weights = [1 / nth**assumptions.zipf for nth in range(1, host_count + 1)]
    scale = (assumptions.connections - host_count) / sum(weights)
    sizes = [1 + int(scale * weight) for weight in weights]
    for nth in range(assumptions.connections - sum(sizes)):
        sizes[nth % host_count] += 1
    return sizes


def origin_of(host: int) -> str:
    """The origin of a host."""
    return f"https://canvas-{host}.example"


def plan_outages(assumptions: Assumptions, hosts: int, rng: Random) -> dict[int, Outage]:
    """Choose the hosts that hang, and when."""
    outages = {}
    for host in range(hosts):
        if rng.random() < assumptions.outages:
            starts_at = (assumptions.warm_up + rng.uniform(0, assumptions.hours)) * HOUR_SECONDS
            outages[host] = Outage(starts_at, starts_at + HOUR_SECONDS)
    if assumptions.large_outage and hosts > LARGE_OUTAGE_HOST:
        starts_at = (
            assumptions.warm_up + (LARGE_OUTAGE_HOUR - assumptions.start_hour) % 24
        ) * HOUR_SECONDS
        outages[LARGE_OUTAGE_HOST] = Outage(starts_at, starts_at + 2 * HOUR_SECONDS)
    return outages


LARGE_OUTAGE_HOST = 2
"""The index of the third largest host."""
