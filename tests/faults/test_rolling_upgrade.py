"""Two releases on one database: a rolling upgrade, and the way back to the older release."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest

from tests.deadlines import scaled
from tests.dev_tokens import bearer_headers
from tests.faults.cluster import Cluster, running_cluster
from tests.faults.process import ROOT, ServiceProcess

PACKAGES = ("application", "domain", "infrastructure", "interfaces", "projections")
NEXT_MIGRATION = """
CREATE TABLE easeboard.of_the_next_release (n integer);
ALTER TABLE easeboard.workers ADD COLUMN of_the_next_release text;
"""
ALL_ROLES = "api,worker,scheduler,projector"


@pytest.fixture
def next_release(tmp_path: Path) -> Path:
    """A copy of the program with one more migration, which adds a table and a column."""
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    _migration_of(tmp_path).write_text(NEXT_MIGRATION)
    return tmp_path


def _migration_of(release: Path) -> Path:
    return release / "infrastructure/postgres/migrations/9999_next_release.sql"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with running_cluster((ALL_ROLES,), courses=1) as cluster:
        yield cluster


def test_two_releases_serve_side_by_side_and_the_older_one_alone_again(
    cluster: Cluster, next_release: Path
) -> None:
    (older,) = cluster.processes
    newer = _process_of(cluster, next_release)
    _set_up_and_sync(cluster, cluster.urls[0], cluster.urls[0])

    with pytest.raises(AssertionError, match=r"Migrations are missing.*9999_next_release"):
        _start(newer)
    assert "9999_next_release" in _migrate(cluster, next_release).stdout

    older.stop()
    older_url = _start(older)
    (warning,) = [line for line in older.log_lines() if line["event"] == "schema_is_newer"]
    assert warning["unknown"] == ["9999_next_release"]
    newer_url = _start(newer)
    _set_up_and_sync(cluster, newer_url, older_url)
    _set_up_and_sync(cluster, older_url, newer_url)
    _wait(lambda: _is_ready(older_url) and _is_ready(newer_url))

    newer.stop()
    _set_up_and_sync(cluster, older_url, older_url)
    older.stop()
    older_url = _start(older)
    _set_up_and_sync(cluster, older_url, older_url)
    done = _migrate(cluster, ROOT)
    assert (done.returncode, "No migration was missing" in done.stdout) == (0, True)


def test_a_release_that_breaks_the_older_one_states_it(
    cluster: Cluster, next_release: Path
) -> None:
    (older,) = cluster.processes
    migration = _migration_of(next_release)
    migration.write_text(f"-- breaks programs before: 9999\n{NEXT_MIGRATION}")
    assert _migrate(cluster, next_release).returncode == 0
    older.stop()
    with pytest.raises(AssertionError, match="before migration 9999 cannot use"):
        _start(older)
    _set_up_and_sync(cluster, *[_start(_process_of(cluster, next_release))] * 2)


def test_a_release_that_needs_nothing_new_starts_before_its_migration(
    cluster: Cluster, next_release: Path
) -> None:
    migration = _migration_of(next_release)
    migration.write_text(f"-- needed at start: no\n{NEXT_MIGRATION}")
    newer = _process_of(cluster, next_release)
    url = _start(newer)
    assert [line["missing"] for line in newer.log_lines() if line["event"] == "schema_is_older"]
    _set_up_and_sync(cluster, url, cluster.urls[0])


def _process_of(cluster: Cluster, release: Path) -> ServiceProcess:
    older = cluster.processes[0]
    process = ServiceProcess(
        "next release",
        older.arguments,
        older.environment | {"PYTHONPATH": str(release)},
        cluster.home / "next release.log",
    )
    cluster.processes.append(process)
    return process


def _start(process: ServiceProcess) -> str:
    process.start()
    return str(process.wait_until_serving()["url"])


def _migrate(cluster: Cluster, release: Path) -> subprocess.CompletedProcess[str]:
    environment = cluster.processes[0].environment | {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(release),
    }
    return subprocess.run(  # our own command
        [sys.executable, "-m", "interfaces.cli", "migrate"],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
        cwd=cluster.home,
        timeout=scaled(60),
    )


def _set_up_and_sync(cluster: Cluster, first_url: str, second_url: str) -> None:
    """A new person sets up a connection at one process, and finds the courses at the other."""
    user, student = uuid4(), cluster.students[0]
    body = {"canvas_url": student["canvas_url"], "api_token": student["token"]}
    created = httpx.post(
        f"{first_url}/api/v1/canvas/setup", json=body, headers=bearer_headers(user), timeout=30
    )
    assert created.status_code == 201, created.text
    _wait(lambda: _course_count(second_url, user) == 1)


def _is_ready(url: str) -> bool:
    return httpx.get(f"{url}/health/ready").status_code == 200


def _course_count(url: str, user: UUID) -> int:
    response = httpx.get(f"{url}/api/v1/canvas/courses", headers=bearer_headers(user), timeout=30)
    return len(response.json().get("items", []))


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + scaled(40)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
