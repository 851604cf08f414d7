"""How many connections a process may have follows from its roles."""

import re
from pathlib import Path

import pytest

from infrastructure.postgres.connection_budget import BUDGETS, OF_A_COMMAND, Budget, budget
from infrastructure.queue.role_health import ROLES

OPERATIONS = Path(__file__).parents[3] / "docs" / "operations.md"


def test_roles_share_the_pools_and_add_what_stands_apart() -> None:
    assert budget(["api"]) == BUDGETS["api"]
    assert budget(["projector", "api"]) == Budget(writes=8, reads=8, queue=3, apart=4)
    assert budget([]) == OF_A_COMMAND
    assert set(BUDGETS) == set(ROLES)


@pytest.mark.parametrize("roles", [*([role] for role in ROLES), list(ROLES)], ids=" ".join)
def test_operators_are_told(roles: list[str]) -> None:
    name = roles[0] if len(roles) == 1 else "all of them"
    [told] = re.findall(rf"^\| {name} \| (\d+) \|$", OPERATIONS.read_text("utf-8"), re.MULTILINE)
    assert int(told) == sum(budget(roles))
