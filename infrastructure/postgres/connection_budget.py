"""How many connections to PostgreSQL a process may have, by the roles it plays."""

from collections.abc import Iterable
from typing import NamedTuple

MAX_IDLE = 30.0
"""Seconds after which a pool gives back one it did not need: an outage makes every pool grow."""


class Budget(NamedTuple):
    """Connections to write, to read, and for the queue; and those apart from any pool."""

    writes: int
    reads: int
    queue: int
    apart: int = 0


BUDGETS = {
    "api": Budget(writes=8, reads=8, queue=3, apart=2),
    "worker": Budget(writes=6, reads=2, queue=6),
    "scheduler": Budget(writes=4, reads=2, queue=4),
    "projector": Budget(writes=4, reads=2, queue=2, apart=2),
}
"""Two of each who answers and works, and one of the others, fit into PostgreSQL's default of 100.

Apart stand those who follow the log and who rebuild.
"""

OF_A_COMMAND = Budget(writes=2, reads=2, queue=2)


def budget(roles: Iterable[str]) -> Budget:
    """What a process of these roles may have, a command's where it plays none.

    Roles share the pools, so the largest counts; what stands apart adds up.
    """
    played = [BUDGETS[role] for role in roles] or [OF_A_COMMAND]
    writes, reads, queue, _ = map(max, zip(*played, strict=True))
    return Budget(writes, reads, queue, sum(each.apart for each in played))
