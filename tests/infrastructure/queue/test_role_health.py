"""The health of each role is derived from the heartbeats of processes."""

from collections.abc import AsyncIterator

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.connection_budget import budget_for_roles
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.pools import open_read_pool
from infrastructure.queue.heartbeats import Heartbeats
from infrastructure.queue.role_health import ROLES, connection_demand, role_health
from infrastructure.settings.settings import read_settings
from interfaces.cli.doctor.check import CheckFailed, Installation, Warned
from interfaces.cli.doctor.service_checks import check_processes
from tests.infrastructure.queue.heartbeat_ages import age_heartbeat


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    apply_migrations(database_url)
    async with AsyncConnectionPool(database_url, open=False) as pool:
        yield pool


async def test_without_processes_no_role_is_reported(pool: AsyncConnectionPool) -> None:
    assert await role_health(pool) == {}


async def test_a_missing_role_is_reported_with_the_command_that_starts_it(
    pool: AsyncConnectionPool,
) -> None:
    await Heartbeats(pool, ["api", "projector"], host="one").record_heartbeat()
    await Heartbeats(pool, ["api", "worker"], host="two").record_heartbeat()
    assert await role_health(pool) == {
        "api": "ok",
        "worker": "ok",
        "projector": "ok",
        "scheduler": (
            "no process has the role scheduler; start one with `easeboard serve --roles scheduler`"
        ),
    }


async def test_a_process_without_heartbeats_is_named_for_ten_minutes(
    pool: AsyncConnectionPool,
) -> None:
    stopped, other = Heartbeats(pool, ROLES, host="one"), Heartbeats(pool, ["worker"], host="two")
    await stopped.record_heartbeat()
    await other.record_heartbeat()
    await age_heartbeat(pool, stopped.process_name, 40)
    health = await role_health(pool)
    assert health["worker"] == (
        f"no heartbeat from {stopped.process_name} for 40 s; check that the process runs"
    )
    assert health["api"].startswith("no process has the role api")
    await age_heartbeat(pool, stopped.process_name, 600)
    assert (await role_health(pool))["worker"] == "ok"


async def test_doctor_fails_only_for_a_role_without_a_live_process(
    pool: AsyncConnectionPool,
) -> None:
    installation = Installation(read_settings(_env_file=None), read_pool=pool)
    killed, other = Heartbeats(pool, ROLES, host="one"), Heartbeats(pool, ROLES, host="two")
    await killed.record_heartbeat()
    await age_heartbeat(pool, killed.process_name, 40)
    with pytest.raises(CheckFailed, match="no process has the role api"):
        await check_processes(installation)
    await other.record_heartbeat()
    found = await check_processes(installation)
    assert isinstance(found, Warned)
    assert killed.process_name in found.detail


async def test_a_deregistered_process_is_not_reported(pool: AsyncConnectionPool) -> None:
    leaving, staying = Heartbeats(pool, ROLES, host="one"), Heartbeats(pool, ROLES, host="two")
    for each in (leaving, staying):
        await each.record_heartbeat()
    await leaving.deregister()
    assert set((await role_health(pool)).values()) == {"ok"}


async def test_connection_demand_of_live_processes_is_compared_with_the_limit(
    pool: AsyncConnectionPool,
) -> None:
    async with pool.connection() as connection:
        setting = await (await connection.execute("SHOW max_connections")).fetchone()
    assert setting
    allowed, setting_name = int(setting[0]) - 3, "max_connections of the server"
    assert await connection_demand(pool) == (0, allowed, setting_name)
    stopped = Heartbeats(pool, ROLES, host="one")
    await stopped.record_heartbeat()
    await Heartbeats(pool, ["worker"], host="two").record_heartbeat()
    required = sum(budget_for_roles(ROLES)) + sum(budget_for_roles(["worker"]))
    assert await connection_demand(pool) == (required, allowed, setting_name)
    await age_heartbeat(pool, stopped.process_name, 40)
    required = sum(budget_for_roles(["worker"]))
    assert await connection_demand(pool) == (required, allowed, setting_name)


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"ROLE easeboard": 7}, (7, "the connection limit of the role easeboard")),
        ({"ROLE easeboard": 9, "DATABASE {}": 8}, (8, "the connection limit of the database {}")),
        ({"ROLE easeboard": -1, "DATABASE {}": -1}, (197, "max_connections of the server")),
    ],
)
async def test_the_smallest_limit_counts(
    database_url: str,
    embedded_postgres: EmbeddedPostgres,
    limits: dict[str, int],
    expected: tuple[int, str],
) -> None:
    database = conninfo_to_dict(database_url)["dbname"]
    async with open_read_pool(database_url, size=1) as pool:
        await pool.wait()
        with psycopg.connect(embedded_postgres.admin_url, autocommit=True) as admin:
            for name, limit in limits.items():
                statement = f"ALTER {name.format(database)} CONNECTION LIMIT {limit}"
                admin.execute(statement.encode())
            try:
                demand = await connection_demand(pool)
            finally:
                admin.execute("ALTER ROLE easeboard CONNECTION LIMIT -1")
    assert demand[1:] == (expected[0], expected[1].format(database))
