"""Kind D: under an idempotency key the outcome of the work is kept, and given again."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, suppress
from typing import Any
from uuid import uuid4

import aiohttp
import psycopg
import pytest
from aiohttp import web

from tests.canvas_cases.conftest import School
from tests.canvas_cases.literal_canvas import LiteralStudent
from tests.deadlines import scaled
from tests.end_to_end.conftest import Client, Response, wait_until
from tests.event_store_cases.event_log import select, slow_commits
from tests.event_store_cases.graded_account import connect_account
from tests.event_store_cases.service_processes import StartedProcess, start_processes

KEY = "the-very-same-key"
LEASE_SECONDS = 60
"""What a client waited for when only the lease of a claim told that its process is dead."""
SELECT_EVENTS = "SELECT topic FROM easeboard.events WHERE person_id = %s ORDER BY position"


@pytest.fixture
async def doomed(school: School, database_url: str) -> AsyncIterator[StartedProcess]:
    """Another process of the service, to be killed."""
    with ExitStack() as stack:
        (process,) = await start_processes(stack, school, database_url, "api")
        yield process


async def send(client: Client, method: str, path: str, body: Any) -> Response:
    """Send a request with the key."""
    return await client(method, path, json=body, headers={"Idempotency-Key": KEY})


async def send_until_answered(client: Client, path: str, body: Any) -> Response:
    """Send the request again while the first one counts as under way."""
    deadline = time.monotonic() + scaled(LEASE_SECONDS / 4)
    while True:
        response = await send(client, "POST", path, body)
        if response.status != 409 or not response.json["type"].endswith("key-in-use"):
            return response
        assert time.monotonic() < deadline, "a dead process still holds the key"
        await asyncio.sleep(float(response.headers["Retry-After"]))


async def kill_before_the_answer_is_kept(
    doomed: StartedProcess, client: Client, database_url: str, path: str, body: Any
) -> None:
    """Kill the process when it has appended events and is about to store its response."""
    before = len(select(database_url, SELECT_EVENTS, client.person))
    with psycopg.connect(database_url) as blocker:
        first = asyncio.create_task(send(doomed.client(client), "POST", path, body))

        async def is_claimed() -> bool:
            rows = blocker.execute(
                "SELECT FROM easeboard.idempotency_keys WHERE person_id = %s FOR UPDATE",
                [client.person],
            ).fetchall()
            if not rows:
                blocker.rollback()
            return bool(rows)

        async def has_appended() -> bool:
            return len(select(database_url, SELECT_EVENTS, client.person)) > before

        await wait_until(is_claimed)
        await wait_until(has_appended)
        doomed.kill()
        with suppress(aiohttp.ClientError):
            await first
        # A statement that waits for the lock would be executed after the death of its process.
        blocker.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
            " AND datname = current_database() AND wait_event_type = 'Lock'"
            " AND query LIKE '%idempotency_keys%'"
        )
        blocker.rollback()


async def slow_check(request: web.Request, _: LiteralStudent) -> web.Response | None:
    """Let the check of a token take long enough to lock the claim."""
    if request.path == "/api/v1/users/self":
        await asyncio.sleep(1.0)
    return None


async def test_an_answer_that_was_lost_with_its_process_is_given_on_the_next_try(
    school: School, database_url: str, doomed: StartedProcess
) -> None:
    student = school.add([], {})
    student.hook = slow_check
    client = school.client.as_person(uuid4())
    path, body = "/api/v1/canvas/setup", {"canvas_url": school.url, "api_token": student.token}
    await kill_before_the_answer_is_kept(doomed, client, database_url, path, body)
    student.requests.clear()
    answered = await send_until_answered(client, path, body)
    assert answered.status == 201, answered.body
    token = answered.headers["Consistency-Token"]
    shown = await client.get("/api/v1/canvas/connections", **{"Consistency-Token": token})
    connections = [each["id"] for each in shown["items"]]
    assert connections == [answered.json["connection"]["id"]]
    again = await send(client, "POST", path, body)
    assert (again.status, again.json) == (201, answered.json)
    assert again.headers["Idempotency-Replayed"] == "true"
    topics = [topic for (topic,) in select(database_url, SELECT_EVENTS, client.person)]
    assert topics.count("ConnectionOpened") == topics.count("SyncRequested") == 1


async def test_a_run_whose_answer_was_lost_is_not_requested_twice(
    school: School, database_url: str, doomed: StartedProcess
) -> None:
    account = await connect_account(school)
    path, client = f"{account.path}/sync", account.client
    # The commit takes long enough to lock the claim before it.
    with slow_commits(database_url, "SyncRequested", 1.0):
        await kill_before_the_answer_is_kept(doomed, client, database_url, path, {"mode": "full"})
    answered = await send_until_answered(client, path, {"mode": "full"})
    assert answered.status == 202, answered.body
    token = answered.headers["Consistency-Token"]
    runs = (await client.get("/api/v1/sync/logs", **{"Consistency-Token": token}))["items"]
    assert [each["id"] for each in runs].count(answered.json["id"]) == 1
    assert len(runs) == 2


@pytest.mark.parametrize("status", [502, 504])
async def test_what_asks_for_another_try_is_not_kept(school: School, status: int) -> None:
    student = school.add([], {})
    fails = True

    async def hook(request: web.Request, _: LiteralStudent) -> web.Response | None:
        if fails and request.path == "/api/v1/users/self":
            return web.Response(status=500 if status == 502 else 503)
        return None

    student.hook = hook
    client = school.client.as_person(uuid4())
    path, body = "/api/v1/canvas/setup", {"canvas_url": school.url, "api_token": student.token}
    failed = await send(client, "POST", path, body)
    assert failed.status >= 500
    fails = False
    answered = await send(client, "POST", path, body)
    assert answered.status == 201, answered.body


async def test_a_refusal_that_ends_by_itself_is_not_kept(school: School) -> None:
    account = await connect_account(school)
    allowed = asyncio.Event()

    async def hook(_: web.Request, __: LiteralStudent) -> web.Response | None:
        await allowed.wait()
        return None

    account.student.canvas.hook = hook
    running = await account.request_sync()
    path = f"{account.path}/sync"
    refused = await send(account.client, "POST", path, {"mode": "full"})
    assert (refused.status, refused.json["sync_id"]) == (409, running)
    allowed.set()
    await account.client.wait_for_sync(account.id, running)
    accepted = await send(account.client, "POST", path, {"mode": "full"})
    assert accepted.status == 202, accepted.body


async def test_a_refusal_of_the_work_is_kept(school: School) -> None:
    client = school.client.as_person(uuid4())
    path, body = "/api/v1/canvas/setup", {"canvas_url": school.url, "api_token": "9~unknown"}
    refused = await send(client, "POST", path, body)
    assert refused.json["type"].endswith("/canvas-token-rejected")
    student = school.add([], {})
    student.token = "9~unknown"
    school.canvas.students[student.token] = student
    again = await send(client, "POST", path, body)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (refused.status, "true")


async def test_the_same_key_in_two_processes_is_executed_once(
    school: School, database_url: str, doomed: StartedProcess
) -> None:
    for _ in range(5):
        student = school.add([], {})
        client = school.client.as_person(uuid4())
        path, body = "/api/v1/canvas/setup", {"canvas_url": school.url, "api_token": student.token}
        places = [client, doomed.client(client)] * 3
        responses = await asyncio.gather(*(send(each, "POST", path, body) for each in places))
        assert {each.status for each in responses} <= {201, 409}
        done = [each.json for each in responses if each.status == 201]
        assert done
        assert all(each == done[0] for each in done)
        topics = [topic for (topic,) in select(database_url, SELECT_EVENTS, client.person)]
        assert topics.count("ConnectionOpened") == 1
