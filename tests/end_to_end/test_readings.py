"""Over real HTTP, nothing of a history is sent before the reading is recorded for good."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import aiohttp
import psycopg
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.deadlines import scaled
from tests.dev_tokens import BOB, SECRET
from tests.end_to_end.conftest import MASTER_KEY, Client, wait_until
from tests.interfaces.cli.run_cli import running_easeboard, wait_for_log

HELD_COMMIT = """
CREATE FUNCTION public.hold_reading() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_lock_shared(78);
    PERFORM pg_advisory_unlock_shared(78);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER hold_reading AFTER INSERT ON easeboard.events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.topic IN ('HistoryRead', 'ConnectionsListed'))
    EXECUTE FUNCTION public.hold_reading()
"""
"""A reading is committed when the test releases the lock 78."""
REFUSED = """
CREATE FUNCTION public.refuse_reading() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'read-only' USING ERRCODE = 'read_only_sql_transaction';
END $$;
CREATE TRIGGER refuse_reading BEFORE INSERT ON easeboard.events
    FOR EACH ROW WHEN (NEW.topic IN ('HistoryRead', 'ConnectionsListed'))
    EXECUTE FUNCTION public.refuse_reading()
"""
LISTS = ("/api/v1/audit/connections", "/api/v1/audit/readings")
VIEWS = (
    "events",
    "events?sort=-position&limit=2",
    "state",
    "state?version=1",
    "state?version=9999",
)


def paths_of(connection: str) -> list[str]:
    return [*LISTS, *(f"/api/v1/audit/connections/{connection}/{view}" for view in VIEWS)]


@contextmanager
def as_owner(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@contextmanager
def held_readings(owner: psycopg.Connection[Any]) -> Iterator[None]:
    """Let no reading be committed during the block."""
    owner.execute("SELECT pg_advisory_lock(78)")
    try:
        yield
    finally:
        owner.execute("SELECT pg_advisory_unlock(78)")


def recorded(owner: psycopg.Connection[Any], reader: UUID) -> int:
    statement = (
        "SELECT count(*) FROM easeboard.events"
        " WHERE topic IN ('HistoryRead', 'ConnectionsListed') AND actor = %s"
    )
    ((count,),) = owner.execute(statement, [str(reader)]).fetchall()
    return int(count)


async def test_a_page_read_again_with_its_etag_is_recorded_once(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    connection = (await client.connect(sandbox))["id"]
    with as_owner(database_url) as owner:
        for path in paths_of(connection)[:-1]:
            auditor = client.as_person(uuid4(), "auditor")
            # A page changes once when its newest events are sealed.
            await wait_until(partial(_are_all_sealed, owner))
            count = recorded(owner, auditor.person)
            response = await auditor("GET", path)
            assert response.status == 200, path
            known = {"If-None-Match": response.headers["ETag"]}
            for _ in range(3):
                assert (await auditor("GET", path, headers=known)).status == 304, path
            assert recorded(owner, auditor.person) == count + 1, path
            colleague = client.as_person(uuid4(), "auditor")
            assert (await colleague("GET", path, headers=known)).status == 200, path
            assert recorded(owner, colleague.person) == 1, path


async def _are_all_sealed(owner: psycopg.Connection[Any]) -> bool:
    statement = (
        "SELECT max(last_position) >= (SELECT max(position) FROM easeboard.events)"
        " FROM easeboard.seal_checkpoints"
    )
    ((are_sealed,),) = owner.execute(statement).fetchall()
    return bool(are_sealed)


async def test_a_page_changes_with_another_reading_and_another_event(
    client: Client, sandbox: Sandbox
) -> None:
    connection = (await client.connect(sandbox))["id"]
    auditor, colleague = (client.as_person(uuid4(), "auditor") for _ in range(2))
    path = f"/api/v1/audit/connections/{connection}/events?sort=-position&limit=3"
    for change in (lambda: colleague("GET", path), lambda: client.sync(connection)):
        first = await auditor("GET", path)
        await change()
        known = {"If-None-Match": first.headers["ETag"]}
        second = await auditor("GET", path, headers=known)
        assert second.status == 200
        assert second.json["items"] != first.json["items"]


async def test_nothing_is_sent_before_the_reading_is_committed(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    connection = (await client.connect(sandbox))["id"]
    auditor = client.as_person(BOB, "auditor")
    with as_owner(database_url) as owner:
        owner.execute(HELD_COMMIT)
        for nth, path in enumerate(paths_of(connection)):
            with held_readings(owner):
                request = asyncio.create_task(auditor("GET", path))
                await asyncio.sleep(0.3)
                assert not request.done(), path
                assert recorded(owner, BOB) == nth, path
            response = await request
            assert response.status == (404 if "9999" in path else 200), path
            assert recorded(owner, BOB) == nth + 1, path


async def test_the_reading_of_a_client_that_hangs_up_is_recorded(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    connection = (await client.connect(sandbox))["id"]
    auditor = client.as_person(BOB, "auditor")
    with as_owner(database_url) as owner:
        owner.execute(HELD_COMMIT)
        with held_readings(owner):
            path = f"/api/v1/audit/connections/{connection}/state"
            request = asyncio.create_task(auditor("GET", path))
            await asyncio.sleep(0.3)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request

        async def is_recorded() -> bool:
            return recorded(owner, BOB) == 1

        await wait_until(is_recorded)


async def test_nothing_is_shown_that_cannot_be_recorded(
    client: Client, sandbox: Sandbox, database_url: str
) -> None:
    connection = (await client.connect(sandbox))["id"]
    auditor = client.as_person(BOB, "auditor")
    with as_owner(database_url) as owner:
        owner.execute(REFUSED)
        for path in paths_of(connection):
            response = await auditor("GET", path)
            assert response.status == 503, path
            assert response.json["type"] == "/problems/database-unavailable", path
            assert "items" not in response.json, path
        mine = await client("GET", "/api/v1/me/disclosures")
        assert (mine.status, mine.json["items"]) == (200, []), "it records nothing"


async def test_a_student_finds_out_who_looked(client: Client, sandbox: Sandbox) -> None:
    connection = (await client.connect(sandbox))["id"]
    auditor, other = client.as_person(BOB, "auditor"), client.as_person(uuid4())
    path = f"/api/v1/audit/connections/{connection}"
    await auditor.get(f"{path}/state?version=1", Purpose="complaint 4711")
    await auditor.get(f"{LISTS[0]}?user_id={client.person}", Purpose="R%C3%BCckfrage")
    await auditor.get(LISTS[0], Purpose="overview")
    first = await client("GET", "/api/v1/me/disclosures")
    shown = [
        (item["reader"], item["connection_id"], item["what"], item["purpose"])
        for item in first.json["items"]
    ]
    assert shown == [
        (str(BOB), None, f"connections user_id={client.person}", "Rückfrage"),
        (str(BOB), connection, "state version=1", "complaint 4711"),
    ]
    known = {"If-None-Match": first.headers["ETag"]}
    assert (await client("GET", "/api/v1/me/disclosures", headers=known)).status == 304
    assert (await other.get("/api/v1/me/disclosures"))["items"] == []
    [of_list, about_ada, history] = (await auditor.get(f"{LISTS[1]}?reader={BOB}"))["items"]
    assert (of_list["user_id"], of_list["purpose"]) == (None, "overview")
    assert about_ada["user_id"] == history["user_id"] == str(client.person)


async def test_a_process_that_is_killed_has_sent_nothing_that_is_not_recorded(
    client: Client, sandbox: Sandbox, database_url: str, tmp_path: Path
) -> None:
    connection = (await client.connect(sandbox))["id"]
    variables = {
        "DATABASE_URL": database_url,
        "CANVAS_ENCRYPTION_KEY": MASTER_KEY,
        "SUPABASE_JWT_SECRET": SECRET,
    }
    log, command = tmp_path / "log", ("serve", "--port", "0", "--roles", "api")
    path = f"/api/v1/audit/connections/{connection}/events"
    with (
        as_owner(database_url) as owner,
        running_easeboard(tmp_path, *command, log=log, **variables) as process,
    ):
        url = (await asyncio.to_thread(wait_for_log, log, "serving"))["url"]
        auditor = Client(client.session, url, BOB, ("auditor",))
        owner.execute(HELD_COMMIT)
        with held_readings(owner):
            request = asyncio.create_task(auditor("GET", path))
            await asyncio.sleep(0.5)
            process.send_signal(signal.SIGKILL)
            with pytest.raises(aiohttp.ClientError):
                await asyncio.wait_for(request, scaled(10))
        assert recorded(owner, BOB) <= 1
