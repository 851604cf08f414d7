"""Requests of many people, over as little client as there can be: the server shall be busy."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import NamedTuple, Self
from urllib.parse import urlsplit

READ_PATHS = (
    "/api/v1/canvas/courses",
    "/api/v1/canvas/assignments",
    "/api/v1/sync/status",
    "/api/v1/dashboard/stats",
)
WRITE_SHARE = 0.1
"""The share of requests that want to write."""


class ConnectedPerson(NamedTuple):
    """Somebody with a token and a connection."""

    token: str
    connection: str


class RawResponse(NamedTuple):
    """An answer."""

    status: int
    head: bytes
    body: bytes


class RawConnection:
    """One connection that is kept alive, and opened again when the server closes it."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = str(address.hostname), address.port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def request_status(self, method: str, path: str, token: str) -> int:
        """The status of an answer."""
        return (await self.request(method, path, token)).status

    async def request(self, method: str, path: str, token: str, body: str = "") -> RawResponse:
        """Ask, and read all of the answer."""
        try:
            return await self._send(method, path, token, body)
        except (ConnectionError, asyncio.IncompleteReadError):
            await self.__aexit__()
            await self.__aenter__()
            return await self._send(method, path, token, body)

    async def _send(self, method: str, path: str, token: str, body: str) -> RawResponse:
        head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
        if method != "GET":
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self._writer.write(f"{head}\r\n{body}".encode())
        response_head = (await self._reader.readuntil(b"\r\n\r\n")).lower()
        _, _, after_length = response_head.partition(b"content-length: ")
        length = int(after_length.split(b"\r\n", 1)[0]) if after_length else 0
        return RawResponse(
            int(response_head[9:12]), response_head, await self._reader.readexactly(length)
        )


@dataclass
class Load:
    """What many people ask at random, and what they are told."""

    people: list[ConnectedPerson]
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[RawResponse] = field(default_factory=list)
    refusal_seconds: list[float] = field(default_factory=list)
    """Seconds until somebody was told that it is too much."""
    unsent: int = 0
    rng: random.Random = field(default_factory=lambda: random.Random(4))

    def raise_on_faults(self) -> None:
        """Raise when there was a fault of the server."""
        if self.faults:
            raise AssertionError(f"{len(self.faults)} faults, the first {self.faults[0]}")


async def send_random_request(connection: RawConnection, load: Load) -> None:
    """One request of somebody."""
    person, started_at = load.rng.choice(load.people), time.perf_counter()
    if load.rng.random() < WRITE_SHARE:
        path = f"/api/v1/canvas/connections/{person.connection}/sync"
        response = await connection.request("POST", path, person.token)
    else:
        response = await connection.request("GET", load.rng.choice(READ_PATHS), person.token)
    load.statuses[response.status] += 1
    if response.status == HTTPStatus.SERVICE_UNAVAILABLE and b"\r\nretry-after: " in response.head:
        load.refusal_seconds.append(time.perf_counter() - started_at)
    elif response.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        load.faults.append(response)
