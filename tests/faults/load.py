"""Students who connect, sync, cancel, rotate their token and close, and retry each command."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from uuid import uuid4

import aiohttp
import orjson

from tests.deadlines import scaled
from tests.dev_tokens import bearer_headers
from tests.faults.client_log import ClientCommand, ClientLog
from tests.faults.cluster import Cluster

GIVE_UP_SECONDS = scaled(30.0)
"""How long a student retries a command that is not answered."""
KEY_IN_USE_SECONDS = 3.0
"""How long a student retries while the idempotency key is in use.

If the process that holds the key died, its lease lasts a minute: too long to wait here.
"""
REQUEST_TIMEOUT_SECONDS = scaled(15.0)

SERVICE_UNAVAILABLE = 503
CONFLICT = 409


class Student:
    """A person who sends commands, and retries each on any API process until one answers."""

    def __init__(
        self, cluster: Cluster, session: aiohttp.ClientSession, client_log: ClientLog, rng: Random
    ) -> None:
        self._cluster, self._session = cluster, session
        self._client_log, self._rng = client_log, rng
        self.person = uuid4()
        self.number = rng.randrange(len(cluster.students))
        self.connection: str | None = None

    async def act_until(self, stop: asyncio.Event) -> None:
        """Send random commands, one after another, until `stop` is set."""
        actions = [self.sync, self.cancel, self.rotate, self.close]
        while not stop.is_set():
            if self.connection is None:
                await self.set_up()
            else:
                (action,) = self._rng.choices(actions, weights=[6, 2, 2, 1])
                await action(self.connection)
            await asyncio.sleep(self._rng.uniform(0, 0.25))

    async def set_up(self) -> None:
        student = self._cluster.students[self.number]
        body = {
            "canvas_url": student["canvas_url"],
            "canvas_name": "Sandbox",
            "api_token": student["token"],
        }
        command = self._client_log.begin("setup", self.person)
        await self._send_with_retry(command, "POST", "/api/v1/canvas/setup", body)
        if command.is_acknowledged:
            self.connection = command.response["connection"]["id"]
        elif command.response:
            # The connection exists: an earlier attempt was executed, but its response was lost.
            self.connection = command.response.get("connection_id")

    async def sync(self, connection: str) -> ClientCommand:
        command = self._client_log.begin("sync", self.person, connection)
        await self._send_with_retry(
            command, "POST", f"/api/v1/canvas/connections/{connection}/sync"
        )
        return command

    async def rotate(self, connection: str) -> None:
        canvas = self._cluster.students[self.number]["canvas_url"]
        arguments = {"student": self.number}
        async with self._session.post(f"{canvas}/sandbox/issue_token", json=arguments) as issued:
            body = {"api_token": (await issued.json())["result"]}
        command = self._client_log.begin("rotate", self.person, connection)
        await self._send_with_retry(
            command, "PUT", f"/api/v1/canvas/connections/{connection}/token", body
        )

    async def cancel(self, connection: str) -> None:
        command = self._client_log.begin("cancel", self.person, connection)
        await self._send_with_retry(command, "DELETE", f"/api/v1/sync/connections/{connection}")

    async def close(self, connection: str) -> None:
        command = self._client_log.begin("close", self.person, connection)
        await self._send_with_retry(command, "DELETE", f"/api/v1/canvas/connections/{connection}")
        self.connection = None

    async def get(self, path: str) -> Any:
        """Read a resource; any API process may answer."""
        command = ClientCommand("get", self.person)
        await self._send_with_retry(command, "GET", path)
        assert command.is_acknowledged, f"The read failed: {command}"
        return command.response

    async def _send_with_retry(
        self, command: ClientCommand, method: str, path: str, body: Any = None
    ) -> None:
        """Send a command until a process executes or refuses it, or the student gives up."""
        loop = asyncio.get_running_loop()
        started_at, in_use_since = loop.time(), 0.0
        while loop.time() < started_at + GIVE_UP_SECONDS:
            status, command.response = await self._send(command, method, path, body)
            command.statuses.append(status)
            if status == CONFLICT and "in-use" in command.response["type"]:
                in_use_since = in_use_since or loop.time()
                if loop.time() > in_use_since + KEY_IN_USE_SECONDS:
                    return
            elif status not in {0, SERVICE_UNAVAILABLE}:
                command.is_acknowledged = status < 300
                return
            await asyncio.sleep(self._rng.uniform(0.05, 0.3))

    async def _send(
        self, command: ClientCommand, method: str, path: str, body: Any
    ) -> tuple[int, Any]:
        headers = bearer_headers(self.person)
        if method == "POST":
            headers["Idempotency-Key"] = command.key
        try:
            url = self._rng.choice(self._cluster.urls) + path
            timeout = aiohttp.ClientTimeout(REQUEST_TIMEOUT_SECONDS)
            async with self._session.request(
                method, url, json=body, headers=headers, timeout=timeout
            ) as response:
                raw = await response.read()
        except (aiohttp.ClientError, TimeoutError, IndexError):
            return 0, None
        lacks_retry_after = (
            response.status == SERVICE_UNAVAILABLE and "Retry-After" not in response.headers
        )
        return -1 if lacks_retry_after else response.status, orjson.loads(raw) if raw else None


@asynccontextmanager
async def running_load(
    cluster: Cluster, rng: Random, *, students: int = 5
) -> AsyncIterator[ClientLog]:
    """Let students send commands while the block runs; then each finishes its current command.

    The block begins when a first setup is acknowledged. A student whose first request is cut off
    gets a response only after the lease of its idempotency key, which is too late for a test.
    """
    client_log, stop = ClientLog(), asyncio.Event()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(students):
            student = Student(cluster, session, client_log, Random(rng.random()))
            group.create_task(student.act_until(stop))
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                while not client_log.acknowledged("setup"):  # noqa: ASYNC110  # the log has no signal
                    await asyncio.sleep(0.02)
            yield client_log
        finally:
            stop.set()
