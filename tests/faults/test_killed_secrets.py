"""A process that is killed at any moment leaves exactly the secrets that the log names."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from random import Random

import aiohttp
import pytest

from infrastructure.crypto.master_key import parse_key_ring
from tests.deadlines import scaled
from tests.faults.client_log import ClientLog
from tests.faults.cluster import MASTER_KEY, Cluster, running_cluster
from tests.faults.fault_injection import kill_process
from tests.faults.load import Student
from tests.faults.quiescence import wait_until_none
from tests.infrastructure.event_store.kept_secrets import Secrets, named_secrets, stored_secrets

KILLS = 20
MIN_KILLS = 3
MAX_SECONDS = 30.0
"""A process takes seconds to start, on a busy machine many: then there are fewer kills."""


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


@pytest.fixture
def api_cluster() -> Iterator[Cluster]:
    """A cluster of one process; it has no scheduler, which would destroy what was left."""
    with running_cluster(("api",), courses=1) as cluster:
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


def difference_in(url: str) -> tuple[Secrets, Secrets] | None:
    """The stored secrets and those that the log names, if they differ."""
    stored, named = stored_secrets(url), named_secrets(url, parse_key_ring(MASTER_KEY))
    return None if stored == named else (stored, named)


async def test_a_process_that_is_killed_leaves_the_secrets_that_the_log_names(
    api_cluster: Cluster, seed: int
) -> None:
    rng, loop, url = Random(seed), asyncio.get_running_loop(), api_cluster.server.url
    started_at, kills = loop.time(), 0
    async with changing_secrets(api_cluster, rng) as client_log:
        while kills < MIN_KILLS or (
            kills < KILLS and loop.time() < started_at + scaled(MAX_SECONDS) / 2
        ):
            await asyncio.sleep(rng.uniform(0.05, 0.6))
            await kill_process("api", api_cluster, rng)
            kills += 1
    # The sessions of a killed process end a moment later.
    await wait_until_none(lambda: difference_in(url))
    assert client_log.acknowledged("setup")
    assert client_log.acknowledged("rotate")
    assert stored_secrets(url).tokens
