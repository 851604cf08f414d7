"""A restored dump has the same data, and contacts no Canvas until an operator allows it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import aiohttp
import pytest

from infrastructure.canvas_sandbox import Sandbox
from infrastructure.queue.syncing_switch import CHECK_INTERVAL_SECONDS
from interfaces.cli.demo.http_client import ApiClient
from tests.deadlines import scaled
from tests.interfaces.cli.demo_student import connect, is_finished, running_canvas, wait_for_sync
from tests.operations.installation import Installation, free_port, log_messages
from tests.operations.runbook import blocks_of

CLOCK_DEPENDENT_FIELDS = ("status", "locked")
"""Fields of an assignment that change with the time although no event is recorded."""
TIMEOUT_SECONDS = scaled(60)
pytestmark = pytest.mark.timeout(scaled(240))


def commands_of(heading: str) -> list[str]:
    return [block.text for block in blocks_of("sh") if block.heading == heading]


@asynccontextmanager
async def client_of(installation: Installation, url: str, person: str) -> AsyncIterator[ApiClient]:
    token = await asyncio.to_thread(installation.run, f"easeboard token --user {person}")
    async with aiohttp.ClientSession() as session:
        yield ApiClient(session, url, token.stdout.strip())


async def call(student: ApiClient, method: str, path: str, **options: Any) -> tuple[int, Any, Any]:
    """Send a request, and return its status, its headers and its document."""
    options.setdefault("headers", {})["Authorization"] = f"Bearer {student.token}"
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, student.url + path, **options) as response,
    ):
        return response.status, response.headers, await response.json(content_type=None)


async def read_everything(student: ApiClient) -> list[Any]:
    """The data of the read models without the fields that depend on the clock."""
    data = await student.get("/api/v1/canvas/data")
    for assignment in data["assignments"]:
        for field in CLOCK_DEPENDENT_FIELDS:
            del assignment[field]
    overview = (await student.get("/api/v1/dashboard/stats"))["courses_at_a_glance"]
    history = await student.items("/api/v1/canvas/grades/history")
    return [data, overview, history, await student.items("/api/v1/sync/logs")]


async def wait_until_shown(student: ApiClient, expected: list[Any]) -> None:
    """Wait until the read models have applied the whole log; an old view answers 503 meanwhile."""
    async with asyncio.timeout(TIMEOUT_SECONDS):
        while await read_everything(student) != expected:  # noqa: ASYNC110  # in another process
            await asyncio.sleep(0.1)


async def record_student(installation: Installation, sandbox: Sandbox, person: str) -> Any:
    """Sync a student, request one more run that no worker executes, and dump the database.

    Returns the id of the connection, the data, and the consistency token of the last command.
    """
    url = await asyncio.to_thread(installation.serve)
    async with client_of(installation, url, person) as student:
        connection_id, sync_id = await connect(student, sandbox)
        await wait_for_sync(student, sync_id, is_finished)
    await asyncio.to_thread(installation.stop_all)
    url = await asyncio.to_thread(
        installation.serve, "easeboard serve --port 0 --roles api,projector"
    )
    async with client_of(installation, url, person) as student:
        status, headers, _ = await call(
            student, "POST", f"/api/v1/canvas/connections/{connection_id}/sync", json={}
        )
        assert status == 202
        place = headers["Consistency-Token"]
        status, _, _ = await call(
            student, "GET", "/api/v1/sync/logs", headers={"Consistency-Token": place}
        )
        assert status == 200
        recorded = await read_everything(student)
    await asyncio.to_thread(installation.stop_all)
    return connection_id, recorded, place


async def expect_refusals(student: ApiClient, connection_id: str, sandbox: Sandbox) -> None:
    path = f"/api/v1/canvas/connections/{connection_id}"
    token = {"api_token": sandbox.tokens[0]["token"]}
    for method, target, body in (
        ("POST", "/api/v1/canvas/setup", {"canvas_url": sandbox.url, **token}),
        ("PUT", f"{path}/token", token),
        ("POST", f"{path}/validate", None),
        ("POST", f"{path}/sync", {}),
    ):
        status, headers, problem = await call(student, method, target, json=body)
        assert (status, problem["type"]) == (503, "/problems/syncing-off"), target
        assert int(headers["Retry-After"]) > 0


async def restore(installation: Installation, dump: str) -> str:
    """Restore a dump into a new database as the runbook says, and return the URL of a process."""
    installation.use_new_database()
    restore_commands = commands_of("Restore")[0].replace("easeboard.dump", dump)
    shown = await asyncio.to_thread(installation.run, restore_commands)
    assert "Syncing is off, because this database is a copy" in shown.stdout
    return await asyncio.to_thread(installation.serve)


@pytest.mark.parametrize("dump", ["easeboard.dump", "log.dump"])
async def test_a_restored_copy_has_the_data_and_is_quiet_until_it_is_told(
    installation: Installation, dump: str
) -> None:
    person, metrics_port = str(uuid4()), free_port()
    async with running_canvas() as (sandbox, variables):
        address = {"CANVAS_ALLOW_PRIVATE": variables["CANVAS_ALLOW_PRIVATE"]}
        installation.use_new_database(**address, METRICS_PORT=str(metrics_port))
        await asyncio.to_thread(installation.run, "easeboard migrate")
        connection_id, recorded, place = await record_student(installation, sandbox, person)
        await asyncio.to_thread(installation.run, "".join(commands_of("Backup")))

        requests = sandbox.control.counters()["requests"]
        url = await restore(installation, dump)
        async with client_of(installation, url, person) as student:
            await wait_until_shown(student, recorded)
            status, _, _ = await call(
                student,
                "GET",
                "/api/v1/sync/logs",
                headers={"Consistency-Token": place, "Prefer": "wait=10"},
            )
            assert status == 200
            await expect_refusals(student, connection_id, sandbox)
            ready = await student.get("/health/ready")
            assert "this database is a copy" in ready["components"]["syncing"]
            assert await metric(metrics_port) == 0
            await asyncio.sleep(3 * CHECK_INTERVAL_SECONDS)
            assert sandbox.control.counters()["requests"] == requests
            assert await read_everything(student) == recorded

            assert "syncing on" in commands_of("Restore")[2]
            await asyncio.to_thread(installation.run, commands_of("Restore")[2])
            waiting = recorded[3][0]
            finished = await wait_for_sync(student, waiting["id"], is_finished)
            assert (finished["status"], finished["changes"]["courses"]) == ("completed", 0)
    events = [message["event"] for message in log_messages(installation.newest_log)]
    assert events.index("syncing_off") < events.index("syncing_on")


async def metric(port: int) -> float:
    """The value of `easeboard_syncing` in the metrics of a process."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/metrics") as response,
    ):
        [line] = [
            line
            for line in (await response.text()).splitlines()
            if line.startswith("easeboard_syncing ")
        ]
    return float(line.split()[1])
