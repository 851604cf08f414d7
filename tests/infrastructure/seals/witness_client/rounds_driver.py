"""Starts rounds of requests to witnesses, and waits for what they do."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import aiohttp
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.lease import Lease
from infrastructure.seals.policy_file import parse_policy
from infrastructure.seals.signatures import SigningKey
from infrastructure.seals.witness_client.witness_rounds import Pace, WitnessRounds
from infrastructure.seals.witness_client.witness_status import WitnessStatus, load_witness_status
from tests.deadlines import scaled

AT_ONCE = Pace(0, 0)


def policy_text(*witnesses: tuple[SigningKey, str]) -> str:
    lines = [
        f"witness W{number} {key.verifier} {url}"
        for number, (key, url) in enumerate(witnesses, start=1)
    ]
    names = " ".join(f"W{number}" for number in range(1, len(witnesses) + 1))
    return "\n".join([*lines, f"group all all {names}", "quorum all"])


def rounds_of(
    pool: AsyncConnectionPool[Any], *witnesses: tuple[SigningKey, str], **options: Any
) -> WitnessRounds:
    policy = parse_policy(policy_text(*witnesses).encode())
    return WitnessRounds(policy, read_pool=pool, write_pool=pool, **{"pace": AT_ONCE, **options})


async def play(rounds: WitnessRounds, session: aiohttp.ClientSession) -> None:
    await rounds.request_missing(session)
    await rounds.wait_for_requests()


@asynccontextmanager
async def running(rounds: WitnessRounds, pool: AsyncConnectionPool[Any]) -> AsyncIterator[None]:
    task = asyncio.create_task(rounds.run(Lease("witnesses", "test", pool)))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def wait_until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(scaled(20)):
        while not await condition():  # noqa: ASYNC110  # the database decides
            await asyncio.sleep(0.05)


async def status_of(pool: AsyncConnectionPool[Any], key: SigningKey) -> WitnessStatus:
    return next(row for row in await load_witness_status(pool) if row.vkey == str(key.verifier))
