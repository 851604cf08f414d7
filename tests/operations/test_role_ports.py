"""Every process answers metrics and health checks on METRICS_PORT, whatever its role."""

import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from infrastructure.queue.role_health import ROLES
from tests.operations.installation import Installation, free_port

ROOT = Path(__file__).parents[2]


def container_health(*arguments: str, **variables: str) -> int:
    """The exit code of the health check of a container."""
    return subprocess.run(  # noqa: S603  # our own module
        [sys.executable, "-m", "interfaces.http.server.container_health", *arguments],
        cwd=ROOT,
        env=variables,
        check=False,
    ).returncode


def test_each_role_is_reachable_without_the_api(installation: Installation) -> None:
    ports = dict(zip(ROLES, (free_port() for _ in ROLES), strict=True))
    installation.use_new_database()
    installation.run("easeboard migrate")
    dot_env = installation.directory / ".env"
    for role, port in ports.items():
        dot_env.write_text(f"{dot_env.read_text()}METRICS_PORT={port}\n")
        installation.serve(f"easeboard serve --port 0 --roles {role}")
    for role, port in ports.items():
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert client.get("/health/live").json() == {"status": "ok"}
            ready = client.get("/health/ready")
            assert (ready.status_code, ready.json()["components"][role]) == (200, "ok")
            assert "easeboard_syncing 1.0" in client.get("/metrics").text
            assert client.get("/api/v1/canvas/courses").status_code == 404
        assert container_health(METRICS_PORT=str(port)) == 0
        assert container_health(str(port)) == 0


def test_a_process_that_is_not_ready_says_so_without_the_api(installation: Installation) -> None:
    port = free_port()
    installation.use_new_database(METRICS_PORT=str(port))
    installation.run("easeboard migrate")
    installation.serve("easeboard serve --port 0 --roles worker")
    url = f"http://127.0.0.1:{port}/health/ready"
    with installation.paused_database():
        response = httpx2.get(url, trust_env=False)
        assert (response.status_code, response.json()["type"]) == (503, "/problems/not-ready")
        assert response.json()["components"]["database"] != "ok"
        assert container_health(str(port)) == 0, "a container is not restarted for its database"


@pytest.mark.parametrize("arguments", [(), ("1",)])
def test_the_health_check_fails_if_nothing_answers(arguments: tuple[str, ...]) -> None:
    port = str(free_port())
    assert container_health(*arguments, METRICS_PORT=port) == 1
