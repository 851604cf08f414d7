"""A log that went backwards while no process ran is recognised, and what is safe goes on."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import psycopg
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.event_store.lost_events import Loss, find_losses
from infrastructure.postgres.pools import open_read_pool
from infrastructure.queue.role_health import ROLES
from infrastructure.settings.settings import Settings
from tests.end_to_end.conftest import Client, running_service, wait_until

HISTORY = "/api/v1/canvas/grades/history?limit=500"
Connection = psycopg.Connection[Any]
Damage = Callable[[Connection, int], None]

SELECT_HEAD = "SELECT coalesce(max(position), 0) FROM easeboard.events"
SELECT_LAST_EVENTS = (
    "SELECT count(*), count(DISTINCT position), max(position) FROM easeboard.events"
)
DISABLE = "ALTER TABLE easeboard.events DISABLE TRIGGER USER"
ENABLE = "ALTER TABLE easeboard.events ENABLE TRIGGER USER"


def delete_newest(connection: Connection, head: int) -> None:
    """Remove the newest rows; the sequence of positions stays."""
    connection.execute(DISABLE)
    connection.execute("DELETE FROM easeboard.events WHERE position > %s", [head])
    connection.execute(ENABLE)


def restore_rows(connection: Connection, head: int) -> None:
    """Replace all rows by those of an older dump, as `pg_restore --data-only` does."""
    connection.execute(DISABLE)
    connection.execute(
        "CREATE TEMPORARY TABLE dump ON COMMIT DROP AS"  # noqa: S608  # a number
        f" SELECT * FROM easeboard.events WHERE position <= {head}"
    )
    connection.execute("TRUNCATE easeboard.events")
    connection.execute("INSERT INTO easeboard.events SELECT * FROM dump")
    connection.execute(ENABLE)


def restore_rows_and_sequence(connection: Connection, head: int) -> None:
    """Replace all rows and the sequence, so that the positions of lost events are given again."""
    restore_rows(connection, head)
    connection.execute("SELECT setval('easeboard.position', %s)", [head])


def restore_table(connection: Connection, head: int) -> None:
    """Replace the table by another one, as `pg_restore --clean --table=events` does."""
    connection.execute("ALTER TABLE easeboard.events RENAME TO newer")
    connection.execute("CREATE TABLE easeboard.events (LIKE easeboard.newer INCLUDING ALL)")
    connection.execute(
        "INSERT INTO easeboard.events SELECT * FROM easeboard.newer WHERE position <= %s", [head]
    )
    connection.execute("ALTER SEQUENCE easeboard.position OWNED BY easeboard.events.position")
    connection.execute("DROP TABLE easeboard.newer")


@pytest.fixture
async def losses_of(database_url: str) -> AsyncIterator[Callable[[], Any]]:
    async with open_read_pool(database_url, size=1) as pool:

        async def find() -> list[Loss]:
            return await find_losses(pool)

        yield find


async def change_a_grade(client: Client, sandbox: Sandbox, connection_id: str) -> None:
    """Let every run find a changed grade."""
    course = sandbox.control.courses()[0]
    for nth, each in enumerate(sandbox.control.assignments(course["id"])):
        sandbox.control.set_grade(each["id"], score=float(nth), grade=str(nth))
    await client.sync(connection_id)


@pytest.mark.parametrize(
    "damage", [delete_newest, restore_rows, restore_rows_and_sequence, restore_table]
)
async def test_what_was_made_of_lost_events_is_recognised_and_made_again(
    settings: Settings,
    sandbox: Sandbox,
    database_url: str,
    losses_of: Callable[[], Any],
    damage: Damage,
) -> None:
    async with running_service(settings) as (_, client):
        connection = await client.connect(sandbox)
        before = await client.get(HISTORY)
        head = await asyncio.to_thread(_select, database_url, SELECT_HEAD)
        await change_a_grade(client, sandbox, connection["id"])
        assert await client.get(HISTORY) != before
        token = (await client("GET", HISTORY)).headers["Consistency-Token"]
    assert await losses_of() == []

    await asyncio.to_thread(_damage, database_url, damage, head[0])
    found = {loss.part for loss in await losses_of()}
    assert "read models" in found

    # Appends that come before a projector has looked at the log hide none of this.
    async with running_service(settings, frozenset({"api", "scheduler"})) as (_, client):
        for _ in range(30):
            await client("POST", f"/api/v1/canvas/connections/{connection['id']}/validate")
        refused = await client("GET", HISTORY, headers={"Consistency-Token": token})
        assert (refused.status, refused.json["type"]) == (400, "/problems/bad-consistency-token")

    async with running_service(settings, frozenset(ROLES) - {"worker", "scheduler"}) as (_, client):

        async def is_as_before() -> bool:
            history = await client("GET", HISTORY)
            return history.status == 200 and bool(history.json == before)

        await wait_until(is_as_before)
    assert [
        loss for loss in await losses_of() if not loss.is_repaired and loss.part != "seals"
    ] == []
    rows, positions, newest = await asyncio.to_thread(_select, database_url, SELECT_LAST_EVENTS)
    assert rows == positions
    assert newest > head[0]


async def test_positions_continue_after_the_newest_event(
    settings: Settings, sandbox: Sandbox, database_url: str, losses_of: Callable[[], Any]
) -> None:
    async with running_service(settings) as (_, client):
        connection = await client.connect(sandbox)
    with psycopg.connect(database_url) as database:
        database.execute("SELECT setval('easeboard.position', 1)")
    [loss] = await losses_of()
    assert loss.part == "positions"
    assert loss.is_repaired
    async with running_service(settings) as (_, client):
        run = await client.sync(connection["id"])
        assert run["status"] == "completed"
        health = await client("GET", "/health/ready")
        assert health.json["components"]["log"] == "ok"
    assert await losses_of() == []


def _damage(database_url: str, damage: Damage, head: int) -> None:
    with psycopg.connect(database_url) as connection:
        damage(connection, head)


def _select(database_url: str, statement: str) -> tuple[Any, ...]:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    assert row
    return row
