"""`docker-compose.yml` has every role and every setting, is hardened, and stops in order."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from infrastructure.postgres.connection_budget import budget_for_roles
from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.queue.role_health import ROLES
from infrastructure.settings.settings import Settings, read_settings
from interfaces.composition.run_roles import REQUEST_GRACE_SECONDS, RUN_GRACE_SECONDS

ROOT = Path(__file__).parents[1]
COMPOSE = (ROOT / "docker-compose.yml").read_text("utf-8")

AVAILABLE_CONNECTIONS = 94
"""PostgreSQL's default of 100, less three reserved for superusers and three for operators."""
VARIABLE = re.compile(r"\$\{(\w+)(?::([-?])((?:[^{}]|\$\{[^{}]*\})*))?\}")
PINNED_IMAGE = re.compile(r"[a-z]+:[\w.-]+@sha256:[0-9a-f]{64}")
PASSWORDS = (
    "a@b", "a/b", "a%b", "a b", "a'b", "a\\b", 'a"b', "a$b", "a%41b", "#?&=:", "ä€", " a ", "''",
    "' host=elsewhere '", "x@elsewhere:5432/other?sslmode=disable",
)  # fmt: skip


def interpolated(text: str, variables: dict[str, str]) -> str:
    """Return a value as compose sets it; it replaces variables after it has parsed the YAML."""
    return VARIABLE.sub(
        lambda match: variables.get(match[1], "") or interpolated(match[3] or "", variables), text
    )


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(COMPOSE)
    return document


@pytest.fixture(scope="module")
def services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    compose_services: dict[str, dict[str, Any]] = compose["services"]
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


def test_every_setting_is_handed_on(services: dict[str, dict[str, Any]]) -> None:
    settings = {name.upper() for name in Settings.model_fields} - {"EASEBOARD_HOME"}
    own = {"DATABASE_URL", "DATABASE_PASSWORD", "REDIS_URL"}
    for name in (*ROLES, "migrate"):
        environment = services[name]["environment"]
        assert environment.keys() == settings, name
        for setting in settings - own:
            assert interpolated(environment[setting], {setting: "given"}) == "given"


def test_the_defaults_of_compose_are_valid_settings(
    services: dict[str, dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in services["api"]["environment"].items():
        monkeypatch.setenv(name, interpolated(value, {"CANVAS_ENCRYPTION_KEY": "hex:" + "0f" * 32}))
    settings = read_settings()
    assert settings.metrics_port == 9464
    defaults = Settings.defaults_of(["trusted_proxies", "canvas_allowed_hosts", "cors_origins"])
    assert defaults == {name: getattr(settings, name) for name in defaults}


@pytest.mark.parametrize("service", ["api", "migrate"])
@pytest.mark.parametrize("password", PASSWORDS)
def test_any_password_arrives(
    services: dict[str, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    password: str,
    service: str,
) -> None:
    for name in ("DATABASE_URL", "DATABASE_PASSWORD"):
        text = services[service]["environment"][name]
        monkeypatch.setenv(name, interpolated(text, {"POSTGRES_PASSWORD": password}))
    url = read_settings().database_url
    assert url
    parameters = conninfo_to_dict(build_conninfo(url.get_secret_value(), name="test"))
    assert parameters["password"] == password
    assert (parameters["host"], parameters["dbname"]) == ("postgres", "easeboard")


def test_only_what_changes_the_schema_has_the_password_of_the_owner(
    services: dict[str, dict[str, Any]],
) -> None:
    passwords = {"POSTGRES_PASSWORD": "of the service", "POSTGRES_OWNER_PASSWORD": "of the owner"}
    values = {
        name: [interpolated(value, passwords) for value in service.get("environment", {}).values()]
        for name, service in services.items()
    }
    with_owner = {name for name, texts in values.items() if "of the owner" in " ".join(texts)}
    assert with_owner == {"postgres", "migrate", "service-login"}
    assert all("of the service" in " ".join(values[role]) for role in ROLES)


def test_every_container_is_hardened(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["mem_limit"], name
        assert service["pids_limit"] <= 512, name
        assert not {"privileged", "network_mode", "pid", "devices"} & service.keys(), name
    assert [name for name, service in services.items() if "cap_add" in service] == ["postgres"]
    for name in (*ROLES, "migrate"):
        assert services[name]["user"] == "10001:10001"
        assert services[name]["ulimits"]["nofile"] >= 65536


def test_images_are_pinned_by_digest(services: dict[str, dict[str, Any]]) -> None:
    for name, service in services.items():
        if "build" not in service:
            assert PINNED_IMAGE.fullmatch(service["image"]), name


def test_only_the_api_is_published_and_the_database_is_not_on_its_network(
    compose: dict[str, Any], services: dict[str, dict[str, Any]]
) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["api"]
    assert all(port.startswith("127.0.0.1:") for port in services["api"]["ports"])
    networks = {name: set(service["networks"]) for name, service in services.items()}
    for name in ("postgres", "redis", "migrate", "service-login"):
        assert networks[name] == {"backend"}
    assert all("monitoring" in networks[role] for role in ROLES)
    internal = {name for name, network in compose["networks"].items() if network}
    assert internal == {"backend", "monitoring"}
    reaches_canvas = {name for name, connected in networks.items() if connected - internal}
    assert reaches_canvas == {"api", "worker"}


def test_every_service_that_runs_on_has_a_health_check(
    services: dict[str, dict[str, Any]],
) -> None:
    for name, service in services.items():
        test = service["healthcheck"].get("test")
        is_short = service["restart"] == "no"
        assert test is None if is_short else test[0] == "CMD", name


def test_every_role_answers_metrics_to_other_containers(
    services: dict[str, dict[str, Any]],
) -> None:
    for role in ROLES:
        assert services[role]["command"][1:3] == ["--host", "0.0.0.0"]  # noqa: S104  # in a container
        assert services[role]["environment"]["METRICS_PORT"] == "${METRICS_PORT:-9464}"


def test_containers_have_time_for_an_orderly_stop(services: dict[str, dict[str, Any]]) -> None:
    for name in ROLES:
        assert services[name]["stop_grace_period"] == "25s"
    assert REQUEST_GRACE_SECONDS + RUN_GRACE_SECONDS < 20
