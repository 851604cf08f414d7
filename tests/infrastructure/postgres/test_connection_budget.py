"""The connection budget of a process depends on its roles, and is documented."""

import re
from pathlib import Path

import pytest

from infrastructure.postgres.connection_budget import (
    COMMAND_BUDGET,
    ROLE_BUDGETS,
    ConnectionBudget,
    budget_for_roles,
)
from infrastructure.queue.role_health import ROLES

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def test_roles_share_pools_and_add_dedicated_connections() -> None:
    assert budget_for_roles(["api"]) == ROLE_BUDGETS["api"]
    assert budget_for_roles(["projector", "api"]) == ConnectionBudget(
        write_pool=8, read_pool=8, queue_pool=3, dedicated=7
    )
    assert budget_for_roles([]) == COMMAND_BUDGET
    assert set(ROLE_BUDGETS) == set(ROLES)


@pytest.mark.parametrize("roles", [*([role] for role in ROLES), list(ROLES)], ids=" ".join)
def test_the_budget_is_documented_for_operators(roles: list[str]) -> None:
    name = roles[0] if len(roles) == 1 else "all of them"
    [documented] = re.findall(
        rf"^\| {name} \| (\d+) \|$", OPERATIONS.read_text("utf-8"), re.MULTILINE
    )
    assert int(documented) == sum(budget_for_roles(roles))
