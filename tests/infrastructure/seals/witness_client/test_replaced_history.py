from pathlib import Path
from typing import Any

import aiohttp
from psycopg_pool import AsyncConnectionPool

from infrastructure.seals.seal_store import newest_checkpoint
from infrastructure.seals.signatures import ED25519_COSIGNATURE, new_signing_key
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog
from tests.infrastructure.seals.witness_client.rounds_driver import play, rounds_of, status_of
from tests.infrastructure.seals.witness_server import running_witness

ED25519_KEY = new_signing_key("w1.example", ED25519_COSIGNATURE)


async def test_a_history_that_was_replaced_as_a_whole_is_found(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    async with running_witness([log.key.verifier], [ED25519_KEY], tmp_path / "state") as url:
        await play(rounds_of(pool, (ED25519_KEY, url)), session)
        log.tamper("UPDATE easeboard.events SET actor = 'nobody' WHERE position = 7")
        log.reseal()
        # What the database knows of the witnesses is under control of who replaced it, too.
        log.connection.execute("DELETE FROM easeboard.seal_witnesses")
        rounds = rounds_of(pool, (ED25519_KEY, url))
        await play(rounds, session)
        same_size = await status_of(pool, ED25519_KEY)
        log.append(20)
        log.seal()
        await play(rounds, session)
        later = await status_of(pool, ED25519_KEY)
    assert same_size.is_contradicted
    assert "does not continue the one of 300 entries" in str(same_size.problem)
    assert later.is_contradicted
    assert later.problem_since == same_size.problem_since
    newest = await newest_checkpoint(pool)
    assert newest
    assert newest.note.count(b"\n") == 5


async def test_a_history_that_was_cut_off_is_found(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    async with running_witness([log.key.verifier], [ED25519_KEY], tmp_path / "state") as url:
        await play(rounds_of(pool, (ED25519_KEY, url)), session)
        log.tamper("DELETE FROM easeboard.events WHERE position > 290")
        log.reseal()
        await play(rounds_of(pool, (ED25519_KEY, url)), session)
    row = await status_of(pool, ED25519_KEY)
    assert row.is_contradicted
    assert "it has signed a history of 300 events" in str(row.problem)
    assert "the log went backwards" in str(row.problem)
