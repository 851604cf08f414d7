from typing import Any

import aiohttp
import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.seals.merkle import EMPTY_ROOT
from infrastructure.seals.seal_store import newest_checkpoint
from infrastructure.seals.signatures import new_signing_key
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import sign_note
from infrastructure.seals.witness_client.witness_comparison import compare_with_witness
from infrastructure.seals.witness_client.witness_exchange import HistoryContradicted
from tests.infrastructure.seals.verification.sealed_log import NAME, SealedTestLog
from tests.infrastructure.seals.witness_client.hostile_witness import answer, hostile_witness


async def compare(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    note: bytes | None,
) -> int | None:
    served = answer(404) if note is None else answer(200, note)
    async with hostile_witness(served) as witness:
        return await compare_with_witness(session, witness.url, pool, [log.key.verifier])


async def test_a_history_that_goes_on_agrees(
    log: SealedTestLog, pool: AsyncConnectionPool[Any], session: aiohttp.ClientSession
) -> None:
    first = await newest_checkpoint(pool)
    assert first
    log.append(500)
    log.seal()
    assert await compare(log, pool, session, first.note) == 300
    assert await compare(log, pool, session, log.sign(0, EMPTY_ROOT)) == 0


@pytest.mark.parametrize(
    ("size", "message"),
    [(301, "has one of 300: events were removed"), (299, "events were changed"), (300, "changed")],
)
async def test_another_signed_history_contradicts(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    size: int,
    message: str,
) -> None:
    with pytest.raises(HistoryContradicted, match=message):
        await compare(log, pool, session, log.sign(size, bytes(32)))


async def test_what_the_log_has_not_signed_proves_nothing(
    log: SealedTestLog, pool: AsyncConnectionPool[Any], session: aiohttp.ClientSession
) -> None:
    forged = Checkpoint(NAME, 301, bytes(32)).text()
    stranger, other_log = new_signing_key(NAME), Checkpoint("log.example/b", 9, bytes(32)).text()
    for note in (
        None,
        b"<html>",
        sign_note(forged, [stranger], 0),
        sign_note(other_log, [log.key], 0),
    ):
        assert await compare(log, pool, session, note) is None
