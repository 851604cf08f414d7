"""Students who set up, rotate, synchronise, cancel and close, and insist until they are heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from typing import Any
from uuid import uuid4

import aiohttp
import orjson

from tests.dev_tokens import bearer
from tests.faults.client_log import Command, Journal
from tests.faults.cluster import House

INSISTS = 30.0
"""Seconds after which somebody who is not heard gives up."""
IN_USE = 3.0
"""Seconds for which a key may be in use; whose process died holds it for a minute."""
ANSWERS = 15.0
"""Seconds a request may take."""

SAY_LATER = 503
CONFLICT = 409


class Student:
    """One person, who goes on whatever happens."""

    def __init__(
        self, house: House, session: aiohttp.ClientSession, journal: Journal, chance: Random
    ) -> None:
        self._house, self._session = house, session
        self._journal, self._chance = journal, chance
        self.person = uuid4()
        self.number = chance.randrange(len(house.students))
        self.connection: str | None = None

    async def live(self, over: asyncio.Event) -> None:
        """Do one thing after the other until it is over."""
        ways = [self.sync, self.cancel, self.rotate, self.close]
        while not over.is_set():
            if self.connection is None:
                await self.set_up()
            else:
                (way,) = self._chance.choices(ways, weights=[6, 2, 2, 1])
                await way(self.connection)
            await asyncio.sleep(self._chance.uniform(0, 0.25))

    async def set_up(self) -> None:
        student = self._house.students[self.number]
        body = {
            "canvas_url": student["canvas_url"],
            "canvas_name": "Sandbox",
            "api_token": student["token"],
        }
        command = self._journal.begin("setup", self.person)
        await self._insist(command, "POST", "/api/v1/canvas/setup", body)
        if command.is_acknowledged:
            self.connection = command.answer["connection"]["id"]
        elif command.answer:
            # It exists already: an attempt before this one was heard after all.
            self.connection = command.answer.get("connection_id")

    async def sync(self, connection: str) -> Command:
        command = self._journal.begin("sync", self.person, connection)
        await self._insist(command, "POST", f"/api/v1/canvas/connections/{connection}/sync")
        return command

    async def rotate(self, connection: str) -> None:
        canvas = self._house.students[self.number]["canvas_url"]
        wish = {"student": self.number}
        async with self._session.post(f"{canvas}/sandbox/issue_token", json=wish) as issued:
            body = {"api_token": (await issued.json())["result"]}
        command = self._journal.begin("rotate", self.person, connection)
        await self._insist(command, "PUT", f"/api/v1/canvas/connections/{connection}/token", body)

    async def cancel(self, connection: str) -> None:
        command = self._journal.begin("cancel", self.person, connection)
        await self._insist(command, "DELETE", f"/api/v1/sync/connections/{connection}")

    async def close(self, connection: str) -> None:
        command = self._journal.begin("close", self.person, connection)
        await self._insist(command, "DELETE", f"/api/v1/canvas/connections/{connection}")
        self.connection = None

    async def get(self, path: str) -> Any:
        """Read, as soon as somebody answers."""
        command = Command("get", self.person)
        await self._insist(command, "GET", path)
        assert command.is_acknowledged, command
        return command.answer

    async def _insist(self, command: Command, method: str, path: str, body: Any = None) -> None:
        """Ask until the answer is no longer that somebody is away; whoever answers is welcome."""
        loop = asyncio.get_running_loop()
        began, in_use = loop.time(), 0.0
        while loop.time() < began + INSISTS:
            status, command.answer = await self._ask(command, method, path, body)
            command.statuses.append(status)
            if status == CONFLICT and "in-use" in command.answer["type"]:
                in_use = in_use or loop.time()
                if loop.time() > in_use + IN_USE:
                    return
            elif status not in {0, SAY_LATER}:
                command.is_acknowledged = status < 300
                return
            await asyncio.sleep(self._chance.uniform(0.05, 0.3))

    async def _ask(self, command: Command, method: str, path: str, body: Any) -> tuple[int, Any]:
        headers = bearer(self.person)
        if method == "POST":
            headers["Idempotency-Key"] = command.key
        try:
            url = self._chance.choice(self._house.urls) + path
            patience = aiohttp.ClientTimeout(ANSWERS)
            async with self._session.request(
                method, url, json=body, headers=headers, timeout=patience
            ) as answer:
                read = await answer.read()
        except (aiohttp.ClientError, TimeoutError, IndexError):
            return 0, None
        must_say_when = answer.status == SAY_LATER and "Retry-After" not in answer.headers
        return -1 if must_say_when else answer.status, orjson.loads(read) if read else None


@asynccontextmanager
async def load(house: House, chance: Random, *, students: int = 5) -> AsyncIterator[Journal]:
    """Students at work as long as the block runs; each then ends what it is at.

    It begins once somebody is connected: whoever is cut off in their very first request gets their
    answer after the lease of its key, too late to be watched here.
    """
    journal, over = Journal(), asyncio.Event()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(students):
            student = Student(house, session, journal, Random(chance.random()))
            group.create_task(student.live(over))
        try:
            async with asyncio.timeout(INSISTS):
                while not journal.acknowledged("setup"):  # noqa: ASYNC110  # students tell it
                    await asyncio.sleep(0.02)
            yield journal
        finally:
            over.set()
