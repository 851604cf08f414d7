import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict
from structlog.testing import capture_logs

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.migrate import migrate
from infrastructure.queue import syncing_switch
from infrastructure.queue.sync_queue import SyncQueue, open_sync_queue
from infrastructure.queue.syncing_switch import SyncingIsOff, SyncingState, SyncingSwitch
from tests.deadlines import scaled

SYNCING_MIGRATION = 17


@pytest.fixture
def switch(queue: SyncQueue) -> SyncingSwitch:
    return SyncingSwitch(queue.pool)


@asynccontextmanager
async def switch_of(url: str) -> AsyncIterator[SyncingSwitch]:
    async with open_sync_queue(url, max_size=1) as queue:
        yield SyncingSwitch(queue.pool)


async def state_of(url: str) -> SyncingState:
    async with switch_of(url) as switch:
        return await switch.state()


def copy_database(server: EmbeddedPostgres, url: str, name: str) -> str:
    """Copy a database that nobody uses, and return the URL of the copy."""
    original = conninfo_to_dict(url)["dbname"]
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
                sql.Identifier(name), sql.Identifier(str(original))
            )
        )
    return server.url_of(name)


async def test_a_database_may_sync_from_the_first_start_on(switch: SyncingSwitch) -> None:
    assert await switch.state() == "on"
    await switch.record_first_start()
    assert await switch.state() == "on"
    await switch.require_on()


async def test_a_copy_may_not_until_it_is_turned_on_there(
    embedded_postgres: EmbeddedPostgres, database_url: str
) -> None:
    async with switch_of(database_url) as switch:
        await switch.record_first_start()
    copy = copy_database(embedded_postgres, database_url, "copy_of_one")
    async with switch_of(copy) as switch:
        await switch.record_first_start()
        assert await switch.state() == "copy"
        with pytest.raises(SyncingIsOff):
            await switch.require_on()
        await switch.turn(on=True)
        assert await switch.state() == "on"
    assert await state_of(database_url) == "on"
    second_copy = copy_database(embedded_postgres, copy, "copy_of_the_copy")
    assert await state_of(second_copy) == "copy"


async def test_the_identity_has_the_cluster_the_database_and_the_log(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute(
            """
            SELECT easeboard.database_identity(), system_identifier,
                   (SELECT oid FROM pg_database WHERE datname = current_database()),
                   'easeboard.events'::regclass::oid
              FROM pg_control_system()
            """
        ).fetchone()
    assert row
    assert row[0] == f"{row[1]}/{row[2]}/{row[3]}"


async def test_a_dump_of_another_cluster_is_a_copy(switch: SyncingSwitch, queue: SyncQueue) -> None:
    await switch.record_first_start()
    async with queue.pool.connection() as connection:
        await connection.execute("UPDATE easeboard.syncing SET database = '1' || database")
    assert await switch.state() == "copy"


async def test_an_operator_turns_it_off_and_on(switch: SyncingSwitch) -> None:
    for _ in range(2):
        await switch.turn(on=False)
        await switch.record_first_start()
        assert await switch.state() == "off"
        await switch.turn(on=True)
        assert await switch.state() == "on"


@pytest.mark.parametrize(("offset", "expected"), [(0, "on"), (1, "off")])
async def test_an_upgraded_database_syncs_unless_it_was_restored_since(
    empty_database_url: str, offset: int, expected: SyncingState
) -> None:
    migrate(empty_database_url, up_to=SYNCING_MIGRATION - 1)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("SELECT easeboard.current_timeline()")
        connection.execute(
            "UPDATE easeboard.timelines SET events_table = events_table::bigint + %s", [offset]
        )
    apply_migrations(empty_database_url)
    async with switch_of(empty_database_url) as switch:
        await switch.record_first_start()
        assert await switch.state() == expected


@pytest.fixture
def _checked_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing_switch, "CHECK_INTERVAL_SECONDS", 0.01)


class Part:
    """A part of a process that runs until it is cancelled."""

    starts = 0
    is_running = False

    async def run(self) -> None:
        self.starts += 1
        self.is_running = True
        try:
            await asyncio.Event().wait()
        finally:
            self.is_running = False


async def wait_until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(scaled(10)):
        while not condition():  # noqa: ASYNC110  # state of another task
            await asyncio.sleep(0.01)


@pytest.mark.usefixtures("_checked_often")
async def test_a_part_runs_exactly_while_syncing_is_on(switch: SyncingSwitch) -> None:
    part = Part()
    await switch.turn(on=False)
    with capture_logs() as lines:
        task = asyncio.create_task(switch.run_while_on(part.run))
        await wait_until(lambda: len(lines) == 1)
        assert part.starts == 0
        await switch.turn(on=True)
        await wait_until(lambda: part.is_running)
        await switch.turn(on=False)
        await wait_until(lambda: not part.is_running)
        await switch.turn(on=True)
        await wait_until(lambda: part.is_running)
        task.cancel()
        await asyncio.wait({task})
    assert (part.starts, part.is_running) == (2, False)
    assert [line["event"] for line in lines] == ["syncing_off", "syncing_on"] * 2


@pytest.mark.usefixtures("_checked_often")
async def test_a_part_that_fails_fails_the_role(switch: SyncingSwitch) -> None:
    async def fail() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await switch.run_while_on(fail)


@pytest.mark.usefixtures("_checked_often")
async def test_an_outage_of_the_database_changes_nothing(
    switch: SyncingSwitch, queue: SyncQueue
) -> None:
    part = Part()
    task = asyncio.create_task(switch.run_while_on(part.run))
    await wait_until(lambda: part.is_running)
    await queue.pool.close()
    await asyncio.sleep(0.2)
    assert (part.starts, part.is_running, task.done()) == (1, True, False)
    task.cancel()
    await asyncio.wait({task})
