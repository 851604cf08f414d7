"""The finding `witnesses` of `easeboard doctor`, for each state that a witness can be in."""

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.seals.signatures import ED25519_COSIGNATURE, new_signing_key
from infrastructure.settings.settings import read_settings
from interfaces.cli.doctor.check import CheckFailed, Installation, Warned
from interfaces.cli.doctor.witness_checks import check_witnesses
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog
from tests.infrastructure.seals.witness_client.conftest import log, pool, session
from tests.infrastructure.seals.witness_client.hostile_witness import answer, hostile_witness
from tests.infrastructure.seals.witness_client.rounds_driver import play, rounds_of
from tests.infrastructure.seals.witness_server import running_witness

__all__ = ["log", "pool", "session"]

KEY = new_signing_key("w.example", ED25519_COSIGNATURE)


def installation(pool: AsyncConnectionPool[Any], policy: Path | None) -> Installation:
    return Installation(read_settings(seal_witnesses=policy), read_pool=pool)


def policy_file(folder: Path, url: str, more: str = "") -> Path:
    file = folder / "policy"
    file.write_text(f"{more}witness w {KEY.verifier} {url}\nquorum w\n")
    return file


async def test_no_witness_is_no_problem(pool: AsyncConnectionPool[Any]) -> None:
    assert "SEAL_WITNESSES" in str(await check_witnesses(installation(pool, None)))


async def test_a_witness_that_signs_is_shown_with_what_it_has_signed(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    async with running_witness([log.key.verifier], [KEY], tmp_path / "state") as url:
        policy = policy_file(tmp_path, url, f"log {log.key.verifier}\n")
        found = await check_witnesses(installation(pool, policy))
        assert isinstance(found, Warned)
        assert "w has had no request" in found.detail
        await play(rounds_of(pool, (KEY, url)), session)
        found = await check_witnesses(installation(pool, policy))
    assert found == "W1 has signed 300 of 300 events"


async def test_a_witness_that_does_not_sign_is_a_problem_after_a_while(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    async with hostile_witness(answer(403)) as witness:
        policy = policy_file(tmp_path, witness.url)
        await play(rounds_of(pool, (KEY, witness.url)), session)
        found = await check_witnesses(installation(pool, policy))
        assert isinstance(found, Warned)
        assert "does not know the key that signs our checkpoints" in found.detail
        log.connection.execute(
            "UPDATE easeboard.seal_witnesses SET problem_since = now() - INTERVAL '1 h'"
        )
        with pytest.raises(CheckFailed, match="has not signed since"):
            await check_witnesses(installation(pool, policy))


async def test_a_contradiction_is_found_without_any_process_of_the_service(
    log: SealedTestLog,
    pool: AsyncConnectionPool[Any],
    session: aiohttp.ClientSession,
    tmp_path: Path,
) -> None:
    async with running_witness([log.key.verifier], [KEY], tmp_path / "state") as url:
        await play(rounds_of(pool, (KEY, url)), session)
        log.tamper("UPDATE easeboard.events SET actor = 'nobody' WHERE position = 7")
        log.reseal()
        with pytest.raises(CheckFailed, match="w: it has a signed checkpoint of 300 events"):
            await check_witnesses(installation(pool, policy_file(tmp_path, url)))


async def test_a_policy_for_another_log_is_a_problem(
    log: SealedTestLog, pool: AsyncConnectionPool[Any], tmp_path: Path
) -> None:
    other = new_signing_key("log.example/other").verifier
    policy = policy_file(tmp_path, "http://127.0.0.1:1", f"log {other}\n")
    with pytest.raises(CheckFailed, match="names other logs, and not this one"):
        await check_witnesses(installation(pool, policy))
    assert log.positions()
