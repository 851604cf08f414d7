"""Kind F: what a process remembers of the log does not outlive a failover that lost events."""

import asyncio
from collections.abc import Iterator
from typing import Any

import aiohttp
import pytest

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.canvas_cases.conftest import School
from tests.end_to_end.conftest import Response, wait_until
from tests.event_store_cases.database_copies import CopiedDatabase
from tests.event_store_cases.graded_account import GradedAccount, auditor_of, connect_account
from tests.event_store_cases.live_messages import Message, event_stream_messages

HISTORY = "/api/v1/canvas/grades/history?sort=-changed_at&limit=500"

pytestmark = pytest.mark.parametrize(
    "is_another_server", [True, False], ids=["failover", "restore"]
)


@pytest.fixture
def copied(embedded_postgres: EmbeddedPostgres, database_url: str) -> Iterator[CopiedDatabase]:
    database = CopiedDatabase(embedded_postgres, database_url)
    yield database
    database.drop_copy()


@pytest.fixture
async def account(school: School) -> GradedAccount:
    return await connect_account(school)


async def recovered(account: GradedAccount, path: str = HISTORY, **headers: str) -> Response:
    """Send a read until the service has connected again, and return the response."""

    async def probe() -> Response | None:
        response = await account.client("GET", path, headers=headers)
        return response if response.status not in {500, 503} else None

    found: Response = await wait_until(probe)
    return found


async def sync_again(account: GradedAccount) -> dict[str, Any]:
    """Run a sync on a service that has just lost its database."""

    async def probe() -> Any:
        path = f"{account.path}/sync"
        response = await account.client("POST", path, json={"mode": "full"})
        return response if response.status in {202, 409} else None

    response: Response = await wait_until(probe)
    sync_id = response.json["id"] if response.status == 202 else response.json["sync_id"]
    return await account.client.wait_for_sync(account.id, sync_id)


async def lose_a_run(account: GradedAccount, copied: CopiedDatabase, *, is_another: bool) -> str:
    """Lose a run and what it found; return a token from beyond the log that is left."""
    await asyncio.to_thread(copied.take)
    await recovered(account)
    account.set_scores(77.0, 7.0)
    run = await sync_again(account)
    history = await account.client("GET", HISTORY)
    assert run["id"] in {each["sync_id"] for each in history.json["items"]}
    await asyncio.to_thread(copied.put_in_place, is_another_server=is_another)
    return str(history.headers["Consistency-Token"])


def shown_runs(messages: list[Message]) -> set[str]:
    """Return the ids of the runs in messages about runs and in snapshots."""
    shown = [each["sync"] for each in messages if each["type"] == "sync"]
    for message in messages:
        if message["type"] == "snapshot":
            shown += [each["sync"] for each in message["items"] if each["sync"]]
    return {each["id"] for each in shown}


@pytest.mark.timeout(300)
async def test_a_token_from_beyond_the_log_is_refused(
    account: GradedAccount, copied: CopiedDatabase, *, is_another_server: bool
) -> None:
    token = await lose_a_run(account, copied, is_another=is_another_server)
    await recovered(account)

    async def is_refused() -> bool:
        response = await account.client("GET", HISTORY, headers={"Consistency-Token": token})
        assert response.status != 200, "answered without what the token promises"
        return bool(response.json["type"].endswith("/bad-consistency-token"))

    await wait_until(is_refused)


@pytest.mark.timeout(300)
async def test_everything_goes_on_by_itself_after_events_were_lost(
    account: GradedAccount, copied: CopiedDatabase, *, is_another_server: bool
) -> None:
    await lose_a_run(account, copied, is_another=is_another_server)
    account.set_scores(78.0, 8.0)
    run = await sync_again(account)
    assert run["status"] == "completed"
    data = (await recovered(account, "/api/v1/canvas/data")).json
    assert data["courses"][0]["current_score"] == 78.0
    history = (await recovered(account)).json["items"]
    assert [each["sync_id"] for each in history if each["sync_id"] == run["id"]]
    positions = [each["position"] for each in await auditor_of(account).events()]
    assert positions == sorted(set(positions))


@pytest.mark.timeout(300)
async def test_tokens_that_the_log_still_has_count_after_events_were_lost(
    account: GradedAccount, copied: CopiedDatabase, *, is_another_server: bool
) -> None:
    before = await account.client("GET", HISTORY)
    await lose_a_run(account, copied, is_another=is_another_server)
    token = before.headers["Consistency-Token"]
    after = await recovered(account, HISTORY, **{"Consistency-Token": token})
    assert (after.status, after.json) == (200, before.json)


@pytest.mark.timeout(300)
async def test_a_stream_that_was_beyond_the_log_begins_with_what_was_missed(
    account: GradedAccount, copied: CopiedDatabase, *, is_another_server: bool
) -> None:
    await asyncio.to_thread(copied.take)
    await recovered(account)
    async with event_stream_messages(account.client) as listener:
        account.set_scores(79.0, 9.0)
        run = await sync_again(account)
        await listener.wait_for_end(run["id"])
    last_id = listener.ids[-1]
    assert last_id
    await asyncio.to_thread(copied.put_in_place, is_another_server=is_another_server)
    await recovered(account)
    account.set_scores(80.0, 9.5)
    again = await sync_again(account)

    async def receives_snapshot() -> bool:
        try:
            async with event_stream_messages(account.client, last_id.value) as resumed:
                first = await resumed.wait_for(lambda _: True)
        except (AssertionError, aiohttp.ClientError):
            return False
        assert first["type"] == "snapshot"
        assert first["missed"] is True
        return bool(first["items"][0]["sync"]["id"] == again["id"])

    await wait_until(receives_snapshot)


@pytest.mark.timeout(300)
async def test_a_listener_that_stays_is_not_left_without_messages(
    account: GradedAccount, copied: CopiedDatabase, *, is_another_server: bool
) -> None:
    """It receives what happens afterwards, or its stream ends so that it connects again."""
    await asyncio.to_thread(copied.take)
    await recovered(account)
    async with event_stream_messages(account.client) as listener:
        account.set_scores(81.0, 8.25)
        run = await sync_again(account)
        await listener.wait_for_end(run["id"])
        await asyncio.to_thread(copied.put_in_place, is_another_server=is_another_server)
        account.set_scores(82.0, 8.5)
        again = await sync_again(account)

        async def is_served() -> bool:
            # A stream that begins again does so with a snapshot, which may already have the run.
            return not listener.is_open or again["id"] in shown_runs(listener.messages)

        await wait_until(is_served)
