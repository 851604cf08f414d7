"""Limits the database connections of a process, by its roles."""

from collections.abc import Iterable
from typing import NamedTuple

MAX_IDLE_SECONDS = 30.0
"""Seconds after which a pool closes an unused connection; after an outage every pool is full."""


class ConnectionBudget(NamedTuple):
    """Connections for writes, for reads and for the queue, and dedicated ones outside the pools."""

    write_pool: int
    read_pool: int
    queue_pool: int
    dedicated: int = 0


ROLE_BUDGETS = {
    "api": ConnectionBudget(write_pool=8, read_pool=8, queue_pool=3, dedicated=4),
    "worker": ConnectionBudget(write_pool=6, read_pool=2, queue_pool=5, dedicated=1),
    "scheduler": ConnectionBudget(write_pool=3, read_pool=2, queue_pool=3, dedicated=1),
    "projector": ConnectionBudget(write_pool=4, read_pool=2, queue_pool=2, dedicated=3),
}
"""Two processes each of api and worker and one each of the others fit into the default of 100.

That is the default of max_connections in PostgreSQL. Dedicated connections follow the log, wake
other processes and rebuild read models.
"""

COMMAND_BUDGET = ConnectionBudget(write_pool=2, read_pool=2, queue_pool=2)


def budget_for_roles(roles: Iterable[str]) -> ConnectionBudget:
    """Return the budget of a process with these roles; without a role, that of a command.

    Roles share the pools, so the largest pool counts; dedicated connections are added up.
    """
    budgets = [ROLE_BUDGETS[role] for role in roles] or [COMMAND_BUDGET]
    write_pool, read_pool, queue_pool, _ = map(max, zip(*budgets, strict=True))
    return ConnectionBudget(
        write_pool, read_pool, queue_pool, sum(budget.dedicated for budget in budgets)
    )
