"""Students who set up, rotate, synchronise, cancel and close, and insist until they are heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from uuid import uuid4

import aiohttp
import orjson

from tests.dev_tokens import bearer_headers
from tests.faults.client_log import ClientCommand, ClientLog
from tests.faults.cluster import Cluster

GIVE_UP_SECONDS = 30.0
"""Seconds after which somebody who is not heard gives up."""
KEY_IN_USE_SECONDS = 3.0
"""Seconds for which a key may be in use; whose process died holds it for a minute."""
REQUEST_TIMEOUT_SECONDS = 15.0
"""Seconds a request may take."""

SERVICE_UNAVAILABLE = 503
CONFLICT = 409


class Student:
    """One person, who goes on whatever happens."""

    def __init__(
        self, cluster: Cluster, session: aiohttp.ClientSession, client_log: ClientLog, rng: Random
    ) -> None:
        self._cluster, self._session = cluster, session
        self._client_log, self._rng = client_log, rng
        self.person = uuid4()
        self.number = rng.randrange(len(cluster.students))
        self.connection: str | None = None

    async def act_until(self, stop: asyncio.Event) -> None:
        """Do one thing after the other until it is over."""
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
            # It exists already: an attempt before this one was heard after all.
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
        """Read, as soon as somebody answers."""
        command = ClientCommand("get", self.person)
        await self._send_with_retry(command, "GET", path)
        assert command.is_acknowledged, command
        return command.response

    async def _send_with_retry(
        self, command: ClientCommand, method: str, path: str, body: Any = None
    ) -> None:
        """Ask until the answer is no longer that somebody is away; whoever answers is welcome."""
        loop = asyncio.get_running_loop()
        started_at, in_use = loop.time(), 0.0
        while loop.time() < started_at + GIVE_UP_SECONDS:
            status, command.response = await self._send(command, method, path, body)
            command.statuses.append(status)
            if status == CONFLICT and "in-use" in command.response["type"]:
                in_use = in_use or loop.time()
                if loop.time() > in_use + KEY_IN_USE_SECONDS:
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
    """Students at work as long as the block runs; each then ends what it is at.

    It begins once somebody is connected: whoever is cut off in their very first request gets their
    answer after the lease of its key, too late to be watched here.
    """
    client_log, stop = ClientLog(), asyncio.Event()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(students):
            student = Student(cluster, session, client_log, Random(rng.random()))
            group.create_task(student.act_until(stop))
        try:
            async with asyncio.timeout(GIVE_UP_SECONDS):
                while not client_log.acknowledged("setup"):  # noqa: ASYNC110  # the students record it
                    await asyncio.sleep(0.02)
            yield client_log
        finally:
            stop.set()
