"""A process that is killed at any moment leaves exactly the secrets that the log names."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from functools import partial
from hashlib import sha256
from itertools import count
from random import Random

import aiohttp
import pytest

from domain.connection import Connection
from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.crypto.token_vault import TokenVault
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import open_write_pool
from tests.deadlines import scaled
from tests.faults.client_log import ClientLog
from tests.faults.cluster import MASTER_KEY, Cluster, running_cluster
from tests.faults.fault_injection import kill_process
from tests.faults.forked_processes import ForkedCluster, running_fork_server
from tests.faults.load import Student
from tests.faults.quiescence import wait_until_none
from tests.infrastructure.event_store.kept_secrets import Secrets, named_secrets, stored_secrets

KILLS = 50
KILLS_PER_ROTATION = 10


class SecretiveStudent(Student):
    """A student who changes secrets all the time."""

    async def act_until(self, stop: asyncio.Event) -> None:
        """Set up, rotate, close and share without a pause, until `stop` is set."""
        while not stop.is_set():
            if self.connection is None:
                await self.set_up()
            elif (action := self._rng.random()) < 0.5:
                await self.rotate(self.connection)
            elif action < 0.7:
                await self.close(self.connection)
            else:
                await self._change_calendar("POST" if action < 0.9 else "DELETE")

    async def _change_calendar(self, method: str) -> None:
        command = self._client_log.begin("calendar", self.person)
        await self._send_with_retry(command, method, "/api/v1/calendar")


class RotatedKeys:
    """The master key that the service uses, and the one that follows it."""

    def __init__(self) -> None:
        self.text = f"k1={MASTER_KEY}"
        self._numbers = count(2)

    def add_key(self) -> None:
        """Put a new key before the newest one; a rotation has made the others superfluous."""
        number = next(self._numbers)
        digits = sha256(f"key {number}".encode()).hexdigest()
        self.text = f"k{number}=hex:{digits},{self.text.partition(',')[0]}"

    @property
    def newest(self) -> KeyRing:
        """A ring with the newest key only."""
        return KeyRing([parse_key_ring(self.text).newest])


@pytest.fixture
def api_cluster() -> Iterator[ForkedCluster]:
    """A cluster of one process; it has no scheduler, which would destroy what was left."""
    with (
        running_fork_server() as server,
        running_cluster(("api",), courses=1, kind=partial(ForkedCluster, server)) as cluster,
    ):
        assert isinstance(cluster, ForkedCluster)
        yield cluster


@asynccontextmanager
async def changing_secrets(cluster: Cluster, rng: Random) -> AsyncIterator[ClientLog]:
    """Let students change secrets while the block runs; then each finishes its command."""
    client_log, stop = ClientLog(), asyncio.Event()
    async with aiohttp.ClientSession() as session, asyncio.TaskGroup() as group:
        for _ in range(6):
            student = SecretiveStudent(cluster, session, client_log, Random(rng.random()))
            group.create_task(student.act_until(stop))
        try:
            yield client_log
        finally:
            stop.set()


async def kill_while_rotating(cluster: ForkedCluster, keys: RotatedKeys, rng: Random) -> None:
    """Kill the service and the command again and again, while the command rotates to a new key."""
    (service,) = cluster.processes
    keys.add_key()
    service.environment["CANVAS_ENCRYPTION_KEY"] = keys.text
    rotation = cluster.new_command("rotation", "keys", "rotate", "--json")
    await kill_process("api", cluster, rng)
    for _ in range(KILLS_PER_ROTATION - 1):
        if not rotation.is_alive:
            rotation.start()
        await asyncio.sleep(rng.uniform(0.05, 0.8))
        if rng.random() < 0.6 or not rotation.is_alive:
            await kill_process("api", cluster, rng)
        else:
            rotation.kill()
    rotation.kill_if_alive()
    # The last one ends, because nothing kills it.
    last = cluster.new_command("last rotation", "keys", "rotate", "--json")
    last.start()
    async with asyncio.timeout(scaled(60)):
        while last.is_alive:  # noqa: ASYNC110  # it is no child of this process
            await asyncio.sleep(0.05)
    assert last.log_lines()[-1]["remaining"] == {
        "person_keys": 0,
        "tokens": 0,
        "seal_keys": 0,
    }, last.log.read_text()


def difference_in(url: str, ring: KeyRing) -> tuple[Secrets, Secrets] | None:
    """The stored secrets and those that the log names, if they differ."""
    stored, named = stored_secrets(url), named_secrets(url, ring)
    return None if stored == named else (stored, named)


async def read_tokens(url: str, ring: KeyRing) -> int:
    """Decrypt every stored token with these keys; return how many there are."""
    with open_write_pool(url, size=2) as pool:
        store = EventStore(pool, PersonKeys(pool, ring))
        with closing(store), closing(TokenVault(pool, ring)) as vault:
            tokens = stored_secrets(url).tokens
            for stream, fingerprint in tokens:
                connection = await store.load(Connection, stream)
                person, origin = connection.person_id, connection.canvas_url
                assert await vault.load(person, stream, origin, fingerprint)
            return len(tokens)


@pytest.mark.timeout(scaled(300))
async def test_a_process_that_is_killed_leaves_the_secrets_that_the_log_names(
    api_cluster: ForkedCluster, seed: int
) -> None:
    rng, keys, url = Random(seed), RotatedKeys(), api_cluster.server.url
    async with changing_secrets(api_cluster, rng) as client_log:
        for _ in range(KILLS // KILLS_PER_ROTATION):
            await kill_while_rotating(api_cluster, keys, rng)
    # The sessions of a killed process end a moment later. The newest key is enough for everything.
    await wait_until_none(lambda: difference_in(url, keys.newest))
    assert client_log.acknowledged("setup")
    assert client_log.acknowledged("rotate")
    assert await read_tokens(url, keys.newest)
