"""What an attack is: one class that sends requests, and, if needed, plays a hostile Canvas."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import UUID, uuid4

import aiohttp
from aiohttp import web

from tests.attacks.token_issuer import TokenIssuer
from tests.deadlines import scaled
from tests.end_to_end.conftest import wait_until

ATTEMPTS = "attempts"
"""The count of requests that have been answered or refused."""
HOSTILE_TIMEOUT = aiohttp.ClientTimeout(total=90)


@dataclass
class Attacker:
    """The person or stranger who attacks: sends requests, and counts the responses."""

    url: str
    issuer: TokenIssuer
    canvases: list[str]
    """The origins of the hostile Canvas hosts."""
    name: str
    """The name of the attack, which every token for a hostile Canvas begins with."""
    size: float
    """The share of the full size: 1 for a measurement, less for a test."""
    session: aiohttp.ClientSession
    counts: Counter[str] = field(default_factory=Counter)
    person: UUID = field(default_factory=uuid4)
    _headers: dict[UUID, dict[str, str]] = field(default_factory=dict)
    """A student keeps a token for an hour, so each person has one."""

    def scaled(self, count: int) -> int:
        """Return this number for the size of the attack, at least 1."""
        return max(1, round(count * self.size))

    def canvas_token(self, detail: object = 1) -> str:
        """Return a token that makes a hostile Canvas respond as this attack does."""
        return f"{self.name}~{detail}"

    def count(self, outcome: object) -> None:
        """Count one attempt with its outcome."""
        self.counts[ATTEMPTS] += 1
        self.counts[str(outcome)] += 1

    async def send(
        self, method: str, path: Any, *, person: UUID | None = None, **request: Any
    ) -> tuple[int, bytes]:
        """Send a request, of a person or of a stranger, and count the status.

        The status is 0 if the connection ends without a response.
        """
        headers = self._headers_of(person) if person else {}
        headers |= request.pop("headers", {})
        try:
            async with self.session.request(
                method, self.url + path if isinstance(path, str) else path,
                headers=headers, timeout=HOSTILE_TIMEOUT, **request,
            ) as response:  # fmt: skip
                status, body = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError):
            status, body = 0, b""
        self.count(status)
        return status, body

    def _headers_of(self, person: UUID) -> dict[str, str]:
        if person not in self._headers:
            self._headers[person] = self.issuer.headers(person)
        return self._headers[person]

    async def set_up(self, canvas: str, token: str, person: UUID) -> tuple[int, bytes]:
        """Connect a person to a Canvas."""
        body = {"canvas_url": canvas, "api_token": token}
        return await self.send("POST", "/api/v1/canvas/setup", person=person, json=body)

    async def wait_for_first_run(self, person: UUID) -> None:
        """Wait until the first run of a person has ended."""

        async def has_ended() -> bool:
            async with self.session.get(
                f"{self.url}/api/v1/sync/logs", headers=self.issuer.headers(person)
            ) as response:
                runs = (await response.json())["items"]
            return bool(runs and runs[0]["finished_at"])

        async with asyncio.timeout(scaled(60)):
            await wait_until(has_ended)

    async def in_parallel(
        self, count: int, act: Callable[[int], Awaitable[None]], interval: float = 0
    ) -> None:
        """Repeat an act with its number in this many tasks, until the task is cancelled.

        They start one after the other, with `interval` seconds in between.
        """

        async def repeat(number: int) -> None:
            while True:
                await act(number)

        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(repeat(number))
                await asyncio.sleep(interval)


class Attack:
    """One attack; its docstring is the line that the command prints about it."""

    finding: ClassVar[str]
    """The number of the finding."""
    address: ClassVar[str] = "127.0.0.1"
    """Where it comes from: by default the address of honest students.

    The service trusts it and 127.0.0.2 as proxies, so they have no limit of connections.
    """

    async def prepare(self, attacker: Attacker) -> None:
        """Do what has to be done before the calm seconds."""

    async def run(self, attacker: Attacker) -> None:
        """Attack until the task is cancelled."""
        raise NotImplementedError(attacker.name)

    async def restore(self, attacker: Attacker) -> None:
        """End what would disturb the next attack."""

    async def serve_canvas(self, request: web.Request, detail: str, /) -> web.StreamResponse:
        """Respond as the hostile Canvas; `detail` is what follows the name in the token."""
        raise NotImplementedError(request.path, detail)
