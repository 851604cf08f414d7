"""Processes with master keys: each writes and reads secrets, sends heartbeats and is restarted."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import count
from uuid import UUID, uuid4

import pytest
from psycopg_pool import AsyncConnectionPool

from application.set_up_connection import SetUpConnection, set_up_connection
from domain.connection import Connection
from infrastructure.crypto.key_activation import KeyNotActivated
from infrastructure.crypto.key_check import WrongMasterKey, check_master_key
from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.crypto.token_vault import TokenVault
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from infrastructure.queue.heartbeats import Heartbeats
from interfaces.cli import keys
from tests.fakes import ORIGIN, InMemoryQueue
from tests.infrastructure.event_store.command_processes import CountingCanvas

KEY_1 = "k1=hex:" + "0123456789abcdef" * 4
KEY_2 = "k2=hex:" + "fedcba9876543210" * 4
ONE, BOTH, TWO = KEY_1, f"{KEY_2},{KEY_1}", KEY_2

RESET = """
TRUNCATE easeboard.people_keys, easeboard.canvas_tokens, easeboard.key_canary,
         easeboard.master_keys, easeboard.workers CASCADE
"""


class KeyedProcess:
    """One process; `is_running` is false after a start that was refused."""

    def __init__(self, name: str, installation: "Installation") -> None:
        self.name = name
        self._installation = installation
        self.is_running = False
        self.refusal = ""

    async def restart(self, keys: str) -> None:
        """Stop and start it with these keys; it may refuse to start."""
        await self.stop()
        self.ring = parse_key_ring(keys)
        self._heartbeats = Heartbeats(
            self._installation.async_pool, ["api"], host=self.name, ring=self.ring
        )
        try:
            check_master_key(self._installation.pool, self.ring)
            await self._heartbeats.record_heartbeat()
        except WrongMasterKey as error:
            self.refusal = str(error)
            return
        pool = self._installation.pool
        self._store = EventStore(pool, PersonKeys(pool, self.ring))
        self._vault = TokenVault(pool, self.ring, threads=1)
        self.is_running = True

    async def stop(self) -> None:
        """Stop it, if it runs."""
        if self.is_running:
            self.is_running = False
            self._store.close()
            self._vault.close()
            await self._heartbeats.deregister()

    async def beat(self) -> None:
        """Record a heartbeat, if it runs."""
        if self.is_running:
            await self._heartbeats.record_heartbeat()

    async def write(self) -> None:
        """Connect a person: their key and a token are stored with the events."""
        person = uuid4()
        opened = await set_up_connection(
            SetUpConnection(person_id=person, canvas_url=ORIGIN, api_token=f"7~{person}"),
            store=self._store,
            vault=self._vault,
            canvas=CountingCanvas(seconds=0),
            queue=InMemoryQueue(),
        )
        self._installation.secrets.append((person, opened.connection_id))

    async def read(self, secrets: Iterable[tuple[UUID, UUID]]) -> None:
        """Read secrets of any processes."""
        for person, stream in secrets:
            connection = await self._store.load(Connection, stream)
            fingerprint = connection.token_fingerprint
            token = await self._vault.load(person, stream, connection.canvas_url, fingerprint)
            assert token == f"7~{person}"


class Installation:
    """The processes that share a database, and the secrets that they have written."""

    def __init__(self, pool: WritePool, async_pool: AsyncConnectionPool) -> None:
        self.pool, self.async_pool = pool, async_pool
        self.secrets: list[tuple[UUID, UUID]] = []
        """People and their connections."""
        self._numbers = count(1)
        self.processes: list[KeyedProcess] = []

    async def reset(self, *, processes: int) -> None:
        """Begin again with a new database and running processes that have the first key."""
        await self.close()
        execute(self.pool, RESET)
        self.secrets.clear()
        self.processes = [
            KeyedProcess(f"machine-{next(self._numbers)}", self) for _ in range(processes)
        ]
        for process in self.processes:
            await process.restart(ONE)

    async def close(self) -> None:
        """Stop all processes."""
        for process in self.processes:
            await process.stop()

    @property
    def running(self) -> list[KeyedProcess]:
        """The processes that have not refused to start."""
        return [process for process in self.processes if process.is_running]

    async def rotate(self, keys_of_operator: str = BOTH) -> keys.Rotation | None:
        """Execute the command while processes send heartbeats; None if it is refused."""
        ring = parse_key_ring(keys_of_operator)
        task = asyncio.create_task(asyncio.to_thread(self._rotate_blocking, ring))
        while not task.done():
            for process in self.running:
                await process.beat()
            await asyncio.sleep(0.02)
        try:
            return await task
        except (KeyNotActivated, WrongMasterKey):
            return None

    def _rotate_blocking(self, ring: KeyRing) -> keys.Rotation:
        check_master_key(self.pool, ring)
        return keys.rotate(self.pool, ring, lambda *_: None)

    async def require_everything_works(self) -> None:
        """Every running process writes, and reads what all wrote now, and the oldest secret."""
        for process in self.running:
            await process.beat()
            await process.write()
        for process in self.running:
            await process.read({self.secrets[0], *self.secrets[-len(self.running) :]})

    async def require_all_is_readable(self) -> None:
        """Every running process reads every secret."""
        for process in self.running:
            await process.read(self.secrets)


@asynccontextmanager
async def open_installation(
    url: str, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Installation]:
    """Open an installation; the command polls without the pauses that processes need."""
    monkeypatch.setattr(keys, "POLL_SECONDS", 0.01)
    async with AsyncConnectionPool(url, open=False, min_size=1) as async_pool:
        installation = Installation(pool, async_pool)
        yield installation
        await installation.close()
