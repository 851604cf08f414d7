"""Honest students: they read, sync, listen and connect accounts, and count what goes wrong."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any, NamedTuple
from uuid import UUID, uuid4

import aiohttp
import orjson

from tests.attacks.measured_processes import Phase, Signals
from tests.attacks.token_issuer import TokenIssuer
from tests.benchmarks.sandbox_process import SandboxTarget
from tests.deadlines import scaled
from tests.end_to_end.conftest import Client, Response
from tests.scenes.population import ScenePerson

READ_PATHS = (
    "/api/v1/canvas/courses",
    "/api/v1/canvas/assignments",
    "/api/v1/dashboard/stats",
)
READERS, READ_PAUSE_SECONDS = 3, 0.2
SYNC_PAUSE_SECONDS, LIVE_PAUSE_SECONDS, SET_UP_PAUSE_SECONDS = 2.0, 1.0, 2.0
TIMEOUT = aiohttp.ClientTimeout(total=scaled(15))
NO_RESPONSE = 0
LISTENER_CLOSED = "closed"


class Outcome(NamedTuple):
    """One thing that a student did: whether it succeeded, and the seconds that it took."""

    phase: Phase
    kind: str
    """`read`, `sync`, `listen`, `live` or `set-up`."""
    result: str
    """A status, or a word for what a response in order would not contain."""
    is_error: bool
    seconds: float


class HonestWorld(NamedTuple):
    """The service, the people, and the sandbox at which they have accounts."""

    url: str
    issuer: TokenIssuer
    people: list[ScenePerson]
    canvas: SandboxTarget


def live_honestly(world: HonestWorld, signals: Signals) -> list[Outcome]:
    """Behave as honest students until the measurement ends, and return all outcomes."""
    return asyncio.run(_live_honestly(world, signals))


async def _live_honestly(world: HonestWorld, signals: Signals) -> list[Outcome]:
    # A browser sends a command again whose kept connection was closed; aiohttp does so for reads.
    connector = aiohttp.TCPConnector(force_close=True)
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT) as reads,
        aiohttp.ClientSession(timeout=TIMEOUT, connector=connector) as commands,
    ):
        students = HonestStudents(world, signals, reads, commands)
        async with asyncio.TaskGroup() as group:
            for act in students.acts():
                group.create_task(act)
            signals.send()
    return students.outcomes


class HonestStudents:
    """The students of one world; every act ends by itself when the measurement ends."""

    def __init__(
        self,
        world: HonestWorld,
        signals: Signals,
        reads: aiohttp.ClientSession,
        commands: aiohttp.ClientSession,
    ) -> None:
        self._world, self._signals = world, signals
        self._reads, self._commands = reads, commands
        self._students = itertools.cycle(range(len(world.canvas.tokens)))
        self.outcomes: list[Outcome] = []

    def acts(self) -> list[Coroutine[Any, Any, None]]:
        """Return what the students do at the same time."""
        readers = [self._repeat(self._read, READ_PAUSE_SECONDS) for _ in range(READERS)]
        return [
            *readers,
            self._repeat(self._sync, SYNC_PAUSE_SECONDS),
            self._repeat(self._connect_live, LIVE_PAUSE_SECONDS),
            self._repeat(self._set_up, SET_UP_PAUSE_SECONDS),
            self._listen(),
        ]

    async def _repeat(self, act: Callable[[], Awaitable[None]], pause: float) -> None:
        while self._signals.phase is not Phase.ENDED:
            await act()
            await asyncio.sleep(pause)

    async def _read(self) -> None:
        number = len(self.outcomes)
        person = self._world.people[number % len(self._world.people)]
        path = READ_PATHS[number % len(READ_PATHS)]
        await self._record("read", 200, self._send(self._reads, person.id, "GET", path))

    async def _sync(self) -> None:
        """Request a run and wait for its end: the result is its status, which is `completed`."""
        await self._record("sync", "completed", self._sync_to_end(self._world.people[0]))

    async def _sync_to_end(self, person: ScenePerson) -> str:
        path = f"/api/v1/canvas/connections/{person.connection_id}/sync"
        response = await self._send(self._commands, person.id, "POST", path)
        if response.status != 202:
            return str(response.status)
        run = response.json
        path = f"/api/v1/sync/logs?connection_id={person.connection_id}&limit=1"
        async with asyncio.timeout(TIMEOUT.total):
            while run["finished_at"] is None:
                await asyncio.sleep(0.1)
                response = await self._send(self._reads, person.id, "GET", path)
                if response.status != 200:
                    return f"log {response.status}"
                items = [each for each in response.json["items"] if each["id"] == run["id"]]
                run = items[0] if items else run
        return str(run["status"])

    async def _connect_live(self) -> None:
        """Open a WebSocket, and wait for the snapshot."""

        async def connect() -> str:
            async with self._live_socket(self._world.people[1]) as (_, first):
                return first

        await self._record("live", "snapshot", connect())

    async def _set_up(self) -> None:
        """Connect a new person to an account at the sandbox."""
        token = self._world.canvas.tokens[next(self._students)]
        body = {"canvas_url": self._world.canvas.url, "api_token": token}
        sent = self._send(self._commands, uuid4(), "POST", "/api/v1/canvas/setup", json=body)
        await self._record("set-up", 201, sent)

    async def _listen(self) -> None:
        """Listen to the person who syncs; the result of each message is its type."""
        async with self._live_socket(self._world.people[0]) as (socket, _):
            while (phase := self._signals.phase) is not Phase.ENDED:
                try:
                    message = await socket.receive(timeout=0.5)
                except TimeoutError:
                    continue
                is_closed = message.type is not aiohttp.WSMsgType.TEXT
                result = LISTENER_CLOSED if is_closed else orjson.loads(message.data)["type"]
                self.outcomes.append(Outcome(phase, "listen", result, is_closed, 0.0))
                if is_closed:
                    return

    @asynccontextmanager
    async def _live_socket(
        self, person: ScenePerson
    ) -> AsyncIterator[tuple[aiohttp.ClientWebSocketResponse, str]]:
        """Open a WebSocket of a person; yields it with the type of its first message."""
        url = f"{self._world.url}/ws/sync-status"
        async with self._commands.ws_connect(url) as socket:
            token = self._world.issuer.token_of(person.id)
            await socket.send_json({"type": "auth", "token": token})
            message = await socket.receive(timeout=TIMEOUT.total)
            is_text = message.type is aiohttp.WSMsgType.TEXT
            first = orjson.loads(message.data)["type"] if is_text else f"closed {socket.close_code}"
            yield socket, first

    async def _send(
        self,
        session: aiohttp.ClientSession,
        person: UUID,
        method: str,
        path: str,
        **request: object,
    ) -> Response:
        headers = self._world.issuer.headers(person)
        client = Client(session, self._world.url, person)
        return await client(method, path, headers=headers, **request)

    async def _record(self, kind: str, expected: int | str, act: Awaitable[Response | str]) -> None:
        phase, started = self._signals.phase, time.perf_counter()
        try:
            response = await act
            result = str(response.status if isinstance(response, Response) else response)
        except aiohttp.WSServerHandshakeError as refusal:
            result = str(refusal.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            result = type(error).__name__
        seconds = time.perf_counter() - started
        is_error = result != str(expected)
        self.outcomes.append(Outcome(phase, kind, result, is_error, seconds))
