"""How many connections to PostgreSQL a process may have, by the roles it plays."""

from collections.abc import Iterable
from typing import NamedTuple

MAX_IDLE_SECONDS = 30.0
"""Seconds after which a pool gives back one it did not need: an outage makes every pool grow."""


class ConnectionBudget(NamedTuple):
    """Connections to write, to read, and for the queue; and those apart from any pool."""

    write_pool: int
    read_pool: int
    queue_pool: int
    dedicated: int = 0


ROLE_BUDGETS = {
    "api": ConnectionBudget(write_pool=8, read_pool=8, queue_pool=3, dedicated=2),
    "worker": ConnectionBudget(write_pool=6, read_pool=2, queue_pool=6),
    "scheduler": ConnectionBudget(write_pool=4, read_pool=2, queue_pool=4),
    "projector": ConnectionBudget(write_pool=4, read_pool=2, queue_pool=2, dedicated=2),
}
"""Two of each who answers and works, and one of the others, fit into PostgreSQL's default of 100.

Apart stand those who follow the log and who rebuild.
"""

COMMAND_BUDGET = ConnectionBudget(write_pool=2, read_pool=2, queue_pool=2)


def budget_for_roles(roles: Iterable[str]) -> ConnectionBudget:
    """What a process of these roles may have, a command's where it plays none.

    Roles share the pools, so the largest counts; what stands apart adds up.
    """
    budgets = [ROLE_BUDGETS[role] for role in roles] or [COMMAND_BUDGET]
    write_pool, read_pool, queue_pool, _ = map(max, zip(*budgets, strict=True))
    return ConnectionBudget(
        write_pool, read_pool, queue_pool, sum(budget.dedicated for budget in budgets)
    )
