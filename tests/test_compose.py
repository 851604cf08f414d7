"""`docker-compose.yml` has every role, uses existing settings, and allows an orderly stop."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from infrastructure.postgres.connection_budget import budget_for_roles
from infrastructure.queue.role_health import ROLES
from infrastructure.settings import Settings
from interfaces.composition.run_roles import REQUEST_GRACE_SECONDS, RUN_GRACE_SECONDS

COMPOSE = Path(__file__).parents[1] / "docker-compose.yml"

AVAILABLE_CONNECTIONS = 94
"""PostgreSQL's default of 100, less three reserved for superusers and three for operators."""


@pytest.fixture(scope="module")
def services() -> dict[str, dict[str, Any]]:
    compose_services: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text("utf-8"))[
        "services"
    ]
    return compose_services


def test_every_role_has_its_number_of_containers(
    services: dict[str, dict[str, Any]],
) -> None:
    replicas = {
        service["command"][-1]: service.get("deploy", {}).get("replicas", 1)
        for service in services.values()
        if service.get("command", [])[:1] == ["serve"]
    }
    assert replicas == {"api": 2, "worker": 2, "scheduler": 1, "projector": 1}
    assert set(replicas) == set(ROLES)
    assert (
        sum(count * sum(budget_for_roles([role])) for role, count in replicas.items())
        <= AVAILABLE_CONNECTIONS
    )


def test_every_variable_is_a_setting(services: dict[str, dict[str, Any]]) -> None:
    for name in (*ROLES, "migrate"):
        settings = {setting.upper() for setting in Settings.model_fields}
        assert settings >= services[name]["environment"].keys(), name


def test_containers_have_time_for_an_orderly_stop(services: dict[str, dict[str, Any]]) -> None:
    for name in ROLES:
        assert services[name]["stop_grace_period"] == "25s"
    assert REQUEST_GRACE_SECONDS + RUN_GRACE_SECONDS < 20
