"""The acceptance of kind B in four processes: what one sends live, every other one can answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, ExitStack
from typing import Any

import pytest

from tests.canvas_cases.conftest import School
from tests.end_to_end.conftest import Client
from tests.event_store_cases.event_log import locked_checkpoints
from tests.event_store_cases.graded_account import GradedAccount, connect_account
from tests.event_store_cases.live_messages import (
    MessageListener,
    event_stream_messages,
    websocket_messages,
)
from tests.event_store_cases.service_processes import start_processes
from tests.event_store_cases.sizes import is_soak, tries

BEHIND_SECONDS = 5
COURSES = "/api/v1/canvas/courses"
HISTORY = "/api/v1/canvas/grades/history?sort=-changed_at&limit=500"
DATA, LOGS = "/api/v1/canvas/data", "/api/v1/sync/logs"

pytestmark = pytest.mark.timeout(7200 if is_soak() else 900)


@pytest.fixture
async def account(school: School) -> GradedAccount:
    return await connect_account(school)


@pytest.fixture
async def clients(account: GradedAccount, database_url: str) -> AsyncIterator[list[Client]]:
    """The same person at four processes: this one has all roles, three others only `api`."""
    with ExitStack() as stack:
        processes = await start_processes(stack, account.school, database_url, *["api"] * 3)
        yield [account.client, *(process.client(account.client) for process in processes)]


async def require_fresh(client: Client, sync_id: str, score: float, **headers: str) -> None:
    """Assert that every resource that is answered shows the run; a token may also get a 503."""
    paths = [HISTORY, COURSES, DATA, LOGS]
    answers = await asyncio.gather(*(client("GET", path, headers=headers) for path in paths))
    body: dict[str, Any] = {}
    for path, answer in zip(paths, answers, strict=True):
        if answer.status == 503 and headers:
            assert answer.json["type"].endswith("/projection-behind")
            assert answer.headers["Retry-After"]
            continue
        assert answer.status == 200, answer.body
        body[path] = answer.json
    if HISTORY in body:
        assert sync_id in {each["sync_id"] for each in body[HISTORY]["items"]}
    if COURSES in body:
        assert body[COURSES]["items"][0]["current_score"] == score
    if DATA in body:
        assert body[DATA]["courses"][0]["current_score"] == score
        assert body[DATA]["grades"][0]["current_score"] == score
    if LOGS in body:
        assert body[LOGS]["items"][0]["status"] == "completed"


async def change(account: GradedAccount, number: int) -> tuple[str, float]:
    """Change the grades, and request a run; return its id and the new total."""
    score = 20.0 + number % 280 / 4
    account.set_scores(score, score / 10)
    return await account.request_sync(), score


async def open_listeners(
    stack: AsyncExitStack, clients: list[Client]
) -> list[tuple[Client, MessageListener]]:
    """Listen at each process, over WebSockets and event streams in turn."""
    kinds = [websocket_messages, event_stream_messages]
    return [
        (client, await stack.enter_async_context(kinds[index % 2](client)))
        for index, client in enumerate(clients)
    ]


@pytest.mark.parametrize("sends_token", [True, False], ids=["with token", "without"])
async def test_what_one_process_sends_every_process_can_answer(
    account: GradedAccount, clients: list[Client], *, sends_token: bool
) -> None:
    async with AsyncExitStack() as stack:
        listeners = await open_listeners(stack, clients)
        for number in range(tries(8, 1_000)):
            sync_id, score = await change(account, number)

            async def ask(
                index: int, listener: MessageListener, sync_id: str = sync_id, score: float = score
            ) -> None:
                message = await listener.wait_for_end(sync_id)
                token = {"Consistency-Token": message["consistency_token"]} if sends_token else {}
                await require_fresh(clients[(index + 1) % len(clients)], sync_id, score, **token)

            await asyncio.gather(
                *(ask(index, listener) for index, (_, listener) in enumerate(listeners))
            )


@pytest.mark.parametrize("behind", ["courses", "grade_history", "sync_log"])
async def test_nothing_is_stale_while_a_read_model_is_five_seconds_behind(
    account: GradedAccount, clients: list[Client], database_url: str, behind: str
) -> None:
    async with AsyncExitStack() as stack:
        listeners = await open_listeners(stack, clients)
        for number in range(tries(1, 60)):
            with locked_checkpoints(database_url, behind):
                sync_id, score = await change(account, number)
                await asyncio.sleep(BEHIND_SECONDS)

            async def ask(
                client: Client,
                listener: MessageListener,
                sync_id: str = sync_id,
                score: float = score,
            ) -> None:
                message = await listener.wait_for_end(sync_id)
                token = {"Consistency-Token": message["consistency_token"], "Prefer": "wait=10"}
                await require_fresh(client, sync_id, score, **token)

            await asyncio.gather(*(ask(client, listener) for client, listener in listeners))


async def test_a_command_at_one_process_is_read_with_its_token_at_the_others(
    account: GradedAccount, clients: list[Client]
) -> None:
    for number in range(tries(12, 1_000)):
        token = account.add_token()
        writer, *readers = clients[number % 4 :] + clients[: number % 4]
        response = await writer("PUT", f"{account.path}/token", json={"api_token": token})
        assert response.status == 200, response.body
        headers = {"Consistency-Token": response.headers["Consistency-Token"]}
        for reader in readers:
            shown = await reader.get(account.path, **headers)
            assert shown["token_fingerprint"] == response.json["token_fingerprint"]
            assert shown["version"] == response.json["version"]
