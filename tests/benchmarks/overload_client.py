"""Random requests of many people; the HTTP client is minimal, to leave the CPU to the server."""

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
"""The share of requests that request a sync; the others read."""


class ConnectedPerson(NamedTuple):
    """The bearer token of a person, and the id of their connection."""

    token: str
    connection: str


class RawResponse(NamedTuple):
    """A response; the head is in lower case."""

    status: int
    head: bytes
    body: bytes


class RawConnection:
    """A kept-alive TCP connection, reopened if the server closes it."""

    def __init__(self, url: str) -> None:
        address = urlsplit(url)
        self._host, self._port = str(address.hostname), address.port

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()

    async def request_status(self, method: str, path: str, token: str) -> int:
        """Send a request without a body, and return the status."""
        return (await self.request(method, path, token)).status

    async def request(self, method: str, path: str, token: str, body: str = "") -> RawResponse:
        """Send a request and read the whole response; retry once on a new connection."""
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
    """The people who send requests, and counts of the responses."""

    people: list[ConnectedPerson]
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[RawResponse] = field(default_factory=list)
    refusal_seconds: list[float] = field(default_factory=list)
    """Seconds until each 503 with `Retry-After`."""
    unsent: int = 0
    """Requests that were not sent, because all connections were in use."""
    rng: random.Random = field(default_factory=lambda: random.Random(4))

    def raise_on_faults(self) -> None:
        """Raise AssertionError if the server failed a request without refusing it."""
        if self.faults:
            raise AssertionError(
                f"The server failed {len(self.faults)} requests, the first with {self.faults[0]}"
            )


async def send_random_request(connection: RawConnection, load: Load) -> None:
    """Send one random request of a random person, and count the response."""
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
