"""`docker-compose.yml` plays every role, with settings there are, and time to stop in order."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from infrastructure.postgres.connection_budget import budget
from infrastructure.queue.role_health import ROLES
from infrastructure.settings import Settings
from interfaces.composition.run_roles import GRACE, RUNS_GRACE

COMPOSE = Path(__file__).parents[1] / "docker-compose.yml"

ROOM = 94
"""Of PostgreSQL's default of 100 three are the superuser's, and three a person's who looks in."""


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text("utf-8"))["services"]
    return found


def test_two_answer_two_work_one_keeps_the_clock_and_one_projects(
    services: dict[str, dict[str, Any]],
) -> None:
    played = {
        service["command"][-1]: service.get("deploy", {}).get("replicas", 1)
        for service in services.values()
        if service.get("command", [])[:1] == ["serve"]
    }
    assert played == {"api": 2, "worker": 2, "scheduler": 1, "projector": 1}
    assert set(played) == set(ROLES)
    assert sum(times * sum(budget([role])) for role, times in played.items()) <= ROOM


def test_every_variable_is_a_setting(services: dict[str, dict[str, Any]]) -> None:
    for name in (*ROLES, "migrate"):
        known = {setting.upper() for setting in Settings.model_fields}
        assert known >= services[name]["environment"].keys(), name


def test_containers_have_time_to_stop_in_order(services: dict[str, dict[str, Any]]) -> None:
    for name in ROLES:
        assert services[name]["stop_grace_period"] == "25s"
    assert GRACE + RUNS_GRACE < 20
