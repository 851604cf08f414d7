"""How many students are at which Canvas, and when a Canvas hangs."""

from random import Random
from typing import NamedTuple

from tests.simulation.assumptions import Assumptions

HOUR = 3600.0
SIX = 18.0
"""The hour at which a large host begins to hang, for two."""
EVENING = 20.0
"""The hour of the day at which most happens."""


class Silence(NamedTuple):
    """From when until when a host hangs, in seconds of the simulation."""

    begins: float
    ends: float


def sizes(world: Assumptions) -> list[int]:
    """Students at each Canvas, the largest first; everybody is somewhere."""
    many = min(world.institutions, world.connections)
    weights = [1 / nth**world.zipf for nth in range(1, many + 1)]
    scale = (world.connections - many) / sum(weights)
    found = [1 + int(scale * weight) for weight in weights]
    for nth in range(world.connections - sum(found)):
        found[nth % many] += 1
    return found


def origin(host: int) -> str:
    """The address of the n-th largest."""
    return f"https://canvas-{host}.example"


def silences(world: Assumptions, hosts: int, chance: Random) -> dict[int, Silence]:
    """Which hosts hang, and when."""
    found = {}
    for host in range(hosts):
        if chance.random() < world.outages:
            begins = (world.warm_up + chance.uniform(0, world.hours)) * HOUR
            found[host] = Silence(begins, begins + HOUR)
    if world.large_outage and hosts > THIRD:
        begins = (world.warm_up + (SIX - world.begins) % 24) * HOUR
        found[THIRD] = Silence(begins, begins + 2 * HOUR)
    return found


THIRD = 2
"""The third largest host."""
