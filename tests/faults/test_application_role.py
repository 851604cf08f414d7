"""The whole service runs as a member of the application role, which does not own the log."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import LiteralString
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from tests.deadlines import scaled
from tests.dev_tokens import bearer_headers
from tests.faults.cluster import MASTER_KEY, Cluster, running_cluster
from tests.faults.process import ROOT

COMMAND_TIMEOUT_SECONDS = scaled(60)
NEW_MASTER_KEY = "vutsrqponmlkjihgfedcba9876543210"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    roles = ("api,scheduler", "worker", "projector")
    with running_cluster(roles, courses=2, owns_log=False) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=cluster.urls[0], timeout=scaled(20)) as client:
        yield client


def test_a_student_is_served_by_members_of_the_application_role(
    cluster: Cluster, client: httpx.Client
) -> None:
    user = uuid4()
    headers = bearer_headers(user) | {"Idempotency-Key": "first"}
    student = cluster.students[0]
    body = {"canvas_url": student["canvas_url"], "api_token": student["token"]}
    created = client.post("/api/v1/canvas/setup", json=body, headers=headers)
    assert created.status_code == 201, created.text
    assert client.post("/api/v1/canvas/setup", json=body, headers=headers).json() == created.json()
    _wait(lambda: _is_synced(client, user))
    courses = _course_count(client, user)
    assert courses == 2
    assert _command(cluster, "projections", "rebuild", "courses").returncode == 0
    assert _command(cluster, "projections", "rebuild", "--all").returncode == 0
    assert _course_count(client, user) == courses
    connection = created.json()["connection"]["id"]
    closed = client.delete(f"/api/v1/canvas/connections/{connection}", headers=bearer_headers(user))
    assert closed.status_code == 204
    assert client.get("/health/ready").status_code == 200


def test_no_process_is_refused_a_statement(cluster: Cluster, client: httpx.Client) -> None:
    assert client.get("/health/ready").status_code == 200
    for process in cluster.processes:
        assert "permission denied" not in process.log.read_text()
        assert "must be owner" not in process.log.read_text()


def test_what_the_service_creates_belongs_to_the_application_role(cluster: Cluster) -> None:
    owners = """
        SELECT DISTINCT relnamespace::regnamespace = 'easeboard'::regnamespace,
                        relowner::regrole::text
          FROM pg_class
         WHERE relnamespace::regnamespace::text ~ '^(easeboard|read|[a-z_]+_v[0-9]+)$'
    """
    assert set(_rows(cluster, owners)) == {(True, "easeboard_owner"), (False, "easeboard_app")}
    actors = """
        SELECT DISTINCT rolname, rolsuper
          FROM pg_stat_activity
          JOIN pg_roles ON rolname = usename
         WHERE application_name ~ '^easeboard'
    """
    assert _rows(cluster, actors) == [("easeboard", False)]


def test_keys_are_rotated_by_the_application_role(cluster: Cluster) -> None:
    done = _command(
        cluster,
        "keys",
        "rotate",
        CANVAS_ENCRYPTION_KEY=f"k2={NEW_MASTER_KEY},k1={MASTER_KEY}",
    )
    assert "permission denied" not in done.stdout + done.stderr
    assert "must be owner" not in done.stdout + done.stderr


def _command(
    cluster: Cluster, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    environment = {
        **cluster.processes[0].environment,
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        **variables,
    }
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "interfaces.cli", *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=cluster.home,
        timeout=COMMAND_TIMEOUT_SECONDS,
    )


def _rows(cluster: Cluster, query: LiteralString) -> list[tuple[object, ...]]:
    with psycopg.connect(cluster.server.url) as connection:
        return connection.execute(query).fetchall()


def _is_synced(client: httpx.Client, user: UUID) -> bool:
    response = client.get("/api/v1/sync/logs", headers=bearer_headers(user))
    return [item["status"] for item in response.json().get("items", [])] == ["completed"]


def _course_count(client: httpx.Client, user: UUID) -> int:
    response = client.get("/api/v1/canvas/courses", headers=bearer_headers(user))
    return len(response.json()["items"])


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + scaled(40)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
