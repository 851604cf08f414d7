"""Requests of many people, over as little client as there can be: the server shall be busy."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple, Self
from urllib.parse import urlsplit

READS = (
    "/api/v1/canvas/courses",
    "/api/v1/canvas/assignments",
    "/api/v1/sync/status",
    "/api/v1/dashboard/stats",
)
WRITES = 0.1
"""The share of requests that want to write."""


class Person(NamedTuple):
    """Somebody with a token and a connection."""

    token: str
    connection: str


class Said(NamedTuple):
    """An answer."""

    status: int
    head: bytes
    body: bytes


class Line:
    """One connection that is kept alive, and opened again when the server closes it."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = str(address.hostname), address.port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def ask(self, method: str, path: str, token: str) -> int:
        """The status of an answer."""
        return (await self.exchange(method, path, token)).status

    async def exchange(self, method: str, path: str, token: str, body: str = "") -> Said:
        """Ask, and read all of the answer."""
        try:
            return await self._exchange(method, path, token, body)
        except (ConnectionError, asyncio.IncompleteReadError):
            await self.__aexit__()
            await self.__aenter__()
            return await self._exchange(method, path, token, body)

    async def _exchange(self, method: str, path: str, token: str, body: str) -> Said:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        if method != "GET":
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self._writer.write(f"{head}\r\n{body}".encode())
        answer = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        _, _, rest = answer.partition(b"content-length: ")
        length = int(rest.split(b"\r\n", 1)[0]) if rest else 0
        return Said(int(answer[9:12]), answer, await self._reader.readexactly(length))


@dataclass
class Asking:
    """What many people ask at random, and what they are told."""

    people: list[Person]
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[Said] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    """Seconds until somebody was told that it is too much."""
    unsent: int = 0
    chance: random.Random = field(default_factory=lambda: random.Random(4))

    def must_be_well(self) -> None:
        """Raise when there was a fault of the server."""
        if self.faults:
            raise AssertionError(f"{len(self.faults)} faults, the first {self.faults[0]}")


async def ask(line: Line, asking: Asking) -> None:
    """One request of somebody."""
    person, began = asking.chance.choice(asking.people), time.perf_counter()
    if asking.chance.random() < WRITES:
        path = f"/api/v1/canvas/connections/{person.connection}/sync"
        said = await line.exchange("POST", path, person.token)
    else:
        said = await line.exchange("GET", asking.chance.choice(READS), person.token)
    asking.statuses[said.status] += 1
    if said.status == HTTPStatus.SERVICE_UNAVAILABLE and b"\r\nretry-after: " in said.head:
        asking.refused.append(time.perf_counter() - began)
    elif said.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        asking.faults.append(said)
