import asyncio
from pathlib import Path
from typing import Any

import aiohttp
from psycopg_pool import AsyncConnectionPool

from infrastructure.seals.add_checkpoint import AddCheckpoint
from infrastructure.seals.policy_file import parse_policy
from infrastructure.seals.seal_store import newest_checkpoint
from infrastructure.seals.signatures import (
    ED25519_COSIGNATURE,
    ML_DSA_44,
    new_signing_key,
)
from infrastructure.seals.signed_note import SignatureLine
from infrastructure.seals.witness_client.witness_rounds import Pace
from infrastructure.seals.witness_client.witness_status import load_witness_status
from infrastructure.seals.witnessed_checkpoint import newest_witnessed, oldest_witnessed
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog
from tests.infrastructure.seals.witness_client.hostile_witness import answer, hostile_witness
from tests.infrastructure.seals.witness_client.rounds_driver import (
    play,
    policy_text,
    rounds_of,
    running,
    status_of,
    wait_until,
)
from tests.infrastructure.seals.witness_server import running_witness

ED25519_KEY = new_signing_key("w1.example", ED25519_COSIGNATURE)
ML_DSA_KEY = new_signing_key("w1.example", ML_DSA_44)
OTHER_KEY = new_signing_key("w2.example", ED25519_COSIGNATURE)


async def test_each_new_checkpoint_is_cosigned(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    policy = parse_policy(policy_text((ED25519_KEY, "http://x"), (ML_DSA_KEY, "http://x")).encode())
    keys = [ED25519_KEY, ML_DSA_KEY]
    async with running_witness([log.key.verifier], keys, tmp_path / "state") as url:
        rounds = rounds_of(pool, (ED25519_KEY, url), (ML_DSA_KEY, url))
        for size in (300, 301, 900):
            log.append(size - (await newest_size(pool)))
            if size > 300:
                log.seal()
            await play(rounds, session)
            newest = await newest_witnessed(pool, policy)
            assert newest
            assert newest.size == size
            for key in keys:
                row = await status_of(pool, key)
                assert (row.size, row.problem, row.is_contradicted) == (size, None, False)
                assert row.signed_at
    oldest = await oldest_witnessed(pool, policy, 301)
    assert oldest
    assert oldest.size == 301
    assert await oldest_witnessed(pool, policy, 901) is None


async def newest_size(pool: AsyncConnectionPool[Any]) -> int:
    checkpoint = await newest_checkpoint(pool)
    assert checkpoint
    return checkpoint.size


async def test_a_cosigned_checkpoint_is_not_sent_again(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    async with running_witness([log.key.verifier], [ED25519_KEY], tmp_path / "state") as url:
        await play(rounds_of(pool, (ED25519_KEY, url)), session)
    note = await newest_checkpoint(pool)
    async with hostile_witness(answer(500)) as witness:
        await play(rounds_of(pool, (ED25519_KEY, witness.url)), session)
    assert witness.requests == []
    assert await newest_checkpoint(pool) == note


async def test_a_forged_cosignature_in_the_database_counts_for_nothing(
    log: SealedTestLog, pool: AsyncConnectionPool[Any], session: aiohttp.ClientSession
) -> None:
    key = ED25519_KEY.verifier
    line = f"{SignatureLine(key.name, key.key_id, bytes(72))}\n"
    log.connection.execute("UPDATE easeboard.seal_checkpoints SET cosignatures = %s", [line])
    async with hostile_witness(answer(500)) as witness:
        await play(rounds_of(pool, (ED25519_KEY, witness.url)), session)
    assert len(witness.requests) == 1


async def test_a_witness_that_fails_is_reported_until_it_signs(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    async with hostile_witness(answer(500, b"disk full")) as witness:
        port = int(witness.url.rpartition(":")[2])
        rounds = rounds_of(pool, (ED25519_KEY, witness.url))
        await play(rounds, session)
        first = await status_of(pool, ED25519_KEY)
        assert first.problem == "it answered 500: disk full"
        await play(rounds, session)
        second = await status_of(pool, ED25519_KEY)
        assert second.problem_since == first.problem_since
        assert len(witness.requests) == 2
    vkey = log.key.verifier
    async with running_witness([vkey], [ED25519_KEY], tmp_path / "state", port=port):
        await play(rounds, session)
    third = await status_of(pool, ED25519_KEY)
    assert (third.size, third.problem, third.problem_since) == (300, None, None)


async def test_a_failing_witness_is_asked_less_and_less_often(
    log: SealedTestLog, pool: AsyncConnectionPool[Any], session: aiohttp.ClientSession
) -> None:
    assert log.positions()
    async with hostile_witness(answer(500)) as witness:
        rounds = rounds_of(pool, (ED25519_KEY, witness.url), pace=Pace(3600, 7200))
        for _ in range(3):
            await play(rounds, session)
    assert len(witness.requests) == 1
    pace = Pace(3, 300)
    assert pace.after_failures(0) == 3
    assert 4.8 <= pace.after_failures(1) <= 6
    assert 240 <= pace.after_failures(1000) <= 300


async def test_a_witness_that_hangs_delays_no_other_one(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    tmp_path: Path,
) -> None:
    async def hang(_request: AddCheckpoint | None, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    vkey = log.key.verifier
    async with (
        hostile_witness(hang) as silent,
        running_witness([vkey], [OTHER_KEY], tmp_path / "state") as url,
    ):

        async def is_signed() -> bool:
            return [row.size for row in await load_witness_status(pool)] == [300]

        async with running(rounds_of(pool, (ED25519_KEY, silent.url), (OTHER_KEY, url)), pool):
            await wait_until(is_signed)
        assert len(silent.requests) == 1


async def test_a_key_that_does_not_sign_is_reported_alone(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    async with running_witness([log.key.verifier], [ED25519_KEY], tmp_path / "state") as url:
        await play(rounds_of(pool, (ED25519_KEY, url), (ML_DSA_KEY, url)), session)
    assert (await status_of(pool, ED25519_KEY)).problem is None
    assert (await status_of(pool, ML_DSA_KEY)).problem == (
        "it signs with other keys, and not with this one"
    )


async def test_witnesses_that_the_policy_no_longer_names_are_forgotten(
    log: SealedTestLog, pool: AsyncConnectionPool[Any], session: aiohttp.ClientSession
) -> None:
    assert log.positions()
    async with hostile_witness(answer(500)) as witness:
        await play(rounds_of(pool, (ED25519_KEY, witness.url)), session)

        async def is_forgotten() -> bool:
            rows = await load_witness_status(pool)
            return [row.vkey for row in rows] == [str(OTHER_KEY.verifier)]

        async with running(rounds_of(pool, (OTHER_KEY, witness.url)), pool):
            await wait_until(is_forgotten)


async def test_the_newest_witnessed_checkpoint_is_a_file_beside_the_newest_one(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    tmp_path: Path,
) -> None:
    signed = asyncio.Event()
    log.publish()
    file = log.folder / "checkpoint.witnessed"

    async def is_published() -> bool:
        return signed.is_set() and file.exists()

    async with running_witness([log.key.verifier], [ED25519_KEY], tmp_path / "state") as url:
        rounds = rounds_of(pool, (ED25519_KEY, url), directory=log.folder, on_signed=signed.set)
        async with running(rounds, pool):
            await wait_until(is_published)
    newest = await newest_checkpoint(pool)
    assert newest
    assert file.read_bytes() == newest.note
