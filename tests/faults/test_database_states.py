"""States of a database that is not away: changes are refused for a time, and all heal alone."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest

from tests.deadlines import scaled
from tests.dev_tokens import bearer_headers
from tests.faults.cluster import Cluster, running_cluster

END_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname LIKE 'easeboard%'"
)
RELOAD = "SELECT pg_reload_conf()"


class DatabaseState(NamedTuple):
    """A state, the statements of a superuser that begin and end it, and what ready shows."""

    begin: tuple[str, ...]
    end: tuple[str, ...]
    component: str = "cannot be used|could be opened|no response|refuses statements"


STATES = {
    "read-only server": DatabaseState(
        ("ALTER SYSTEM SET default_transaction_read_only = on", RELOAD),
        ("ALTER SYSTEM RESET default_transaction_read_only", RELOAD),
        "read-only",
    ),
    "read-only database": DatabaseState(
        ("ALTER DATABASE easeboard SET default_transaction_read_only = on", END_SESSIONS),
        ("ALTER DATABASE easeboard RESET default_transaction_read_only",),
        "read-only",
    ),
    "read-only role": DatabaseState(
        ("ALTER ROLE easeboard SET default_transaction_read_only = on", END_SESSIONS),
        ("ALTER ROLE easeboard RESET default_transaction_read_only",),
        "read-only",
    ),
    "no connections for the role": DatabaseState(
        ("ALTER ROLE easeboard CONNECTION LIMIT 0", END_SESSIONS),
        ("ALTER ROLE easeboard CONNECTION LIMIT -1",),
    ),
    "no connections for the database": DatabaseState(
        ("ALTER DATABASE easeboard CONNECTION LIMIT 0", END_SESSIONS),
        ("ALTER DATABASE easeboard CONNECTION LIMIT -1",),
    ),
    "no login": DatabaseState(
        ("ALTER ROLE easeboard NOLOGIN", END_SESSIONS), ("ALTER ROLE easeboard LOGIN",)
    ),
    "renamed database": DatabaseState(
        (
            "ALTER DATABASE easeboard ALLOW_CONNECTIONS false",
            END_SESSIONS,
            "ALTER DATABASE easeboard RENAME TO easeboard_renamed",
        ),
        (
            "ALTER DATABASE easeboard_renamed RENAME TO easeboard",
            "ALTER DATABASE easeboard ALLOW_CONNECTIONS true",
        ),
    ),
}


class StatefulService:
    """One process with all roles, and its database."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.client = httpx.Client(base_url=cluster.urls[0], timeout=scaled(20))

    def execute(self, *statements: str, dbname: str = "postgres") -> None:
        admin_url = self.cluster.server.admin_url
        with psycopg.connect(admin_url, dbname=dbname, autocommit=True) as admin:
            for statement in statements:
                admin.execute(statement.encode())

    def set_up(self, user: UUID) -> httpx.Response:
        student = self.cluster.students[0]
        body = {"canvas_url": student["canvas_url"], "api_token": student["token"]}
        return self.client.post("/api/v1/canvas/setup", json=body, headers=bearer_headers(user))

    def component(self, name: str) -> tuple[int, Any, str]:
        response = self.client.get("/health/ready")
        components = response.json()["components"]
        return (
            response.status_code,
            response.headers.get("Retry-After"),
            components.get(name) or components.get("service") or "",
        )

    def wait(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + scaled(40)
        while not condition():
            assert time.monotonic() < deadline, self.cluster.read_warnings()
            time.sleep(0.2)

    def is_synced(self, user: UUID) -> bool:
        response = self.client.get("/api/v1/sync/logs", headers=bearer_headers(user))
        items = response.json().get("items", [])
        return [item["status"] for item in items] == ["completed"]


@pytest.fixture(scope="module")
def service() -> Iterator[StatefulService]:
    with running_cluster(("api,worker,scheduler,projector",), courses=1) as cluster:
        service = StatefulService(cluster)
        with service.client:
            yield service


@pytest.mark.parametrize("name", STATES)
def test_changes_are_refused_with_a_delay_until_the_state_ends(
    service: StatefulService, name: str
) -> None:
    state, (process,) = STATES[name], service.cluster.processes
    pid = process.pid
    service.execute(*state.begin)
    try:
        service.wait(lambda: service.component("database")[0] == 503)
        for _ in range(3):
            refusal = service.set_up(uuid4())
            assert refusal.status_code == 503, refusal.text
            assert int(refusal.headers["Retry-After"]) >= 1
        status, retry_after, component = service.component("database")
        assert (status, retry_after) == (503, "5")
        assert any(part in component for part in state.component.split("|")), component
        assert service.client.get("/health/live").status_code == 200
    finally:
        service.execute(*state.end)
    _assert_heals(service, pid)


@pytest.mark.parametrize(
    ("taken", "given"),
    [
        ("REVOKE INSERT ON easeboard.events FROM easeboard", "GRANT INSERT ON easeboard.events"),
        ("REVOKE ALL ON SCHEMA easeboard FROM easeboard", "GRANT ALL ON SCHEMA easeboard"),
    ],
)
def test_a_revoked_privilege_is_no_internal_error(
    service: StatefulService, taken: str, given: str
) -> None:
    (process,) = service.cluster.processes
    service.execute(taken, dbname="easeboard")
    try:
        refusal = service.set_up(uuid4())
        assert refusal.status_code == 503, refusal.text
        assert refusal.headers["Retry-After"]
    finally:
        service.execute(f"{given} TO easeboard", dbname="easeboard")
    _assert_heals(service, process.pid)


def test_background_roles_log_a_state_once(service: StatefulService) -> None:
    (process,) = service.cluster.processes
    service.execute(*STATES["read-only server"].begin)
    time.sleep(8)
    service.execute(*STATES["read-only server"].end)
    lines = [
        (line["event"], line.get("lease"), line.get("poller"), line.get("reason"))
        for line in process.log_lines()
        if "read-only" in str(line.get("reason") or line.get("error"))
    ]
    assert ("heartbeat_missed", None, None) in [line[:3] for line in lines]
    assert len(set(lines)) == len(lines)
    _assert_heals(service, process.pid)


def _assert_heals(service: StatefulService, pid: int) -> None:
    """The same process is ready, takes a change, and its other roles do the rest."""
    user = uuid4()
    service.wait(lambda: service.component("database")[0] == 200)
    service.wait(lambda: service.set_up(user).status_code in {201, 409})
    service.wait(lambda: service.is_synced(user))
    (process,) = service.cluster.processes
    assert (process.is_alive, process.pid) == (True, pid)
