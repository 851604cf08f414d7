"""A claim is taken over if no living process holds it, and only then."""

import asyncio
from typing import LiteralString
from uuid import UUID

import pytest
from psycopg.errors import UndefinedTable

from infrastructure.crypto.keyed_requests import KeyedRequest
from infrastructure.idempotency_keys import (
    Claim,
    EarlierClaim,
    IdempotencyKeys,
    KeyInUse,
    KeyReused,
    StoredResponse,
)
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from tests.deadlines import scaled
from tests.dev_tokens import ADA
from tests.infrastructure.idempotency.claims import (
    OTHER,
    REQUEST,
    RESPONSE,
    claim_key,
    count_rows,
    end_leases,
    find_earlier_claim,
    take_over,
)


async def test_only_one_of_many_concurrent_requests_gets_the_claim(
    idempotency_keys: IdempotencyKeys,
) -> None:
    results = await asyncio.gather(
        *(idempotency_keys.claim(REQUEST) for _ in range(12)), return_exceptions=True
    )
    kinds = sorted(type(result).__name__ for result in results)
    assert kinds == ["Claim"] + ["EarlierClaim"] * 11
    for earlier in results:
        if isinstance(earlier, EarlierClaim):
            with pytest.raises(KeyInUse):
                await idempotency_keys.take_over(earlier)


async def test_a_claim_of_a_living_process_is_in_use_until_its_lease_ends(
    idempotency_keys: IdempotencyKeys, other_process: IdempotencyKeys, pool: WritePool
) -> None:
    first = await claim_key(idempotency_keys)
    [(is_leased,)] = execute(
        pool,
        "SELECT leased_until - clock_timestamp() BETWEEN interval '50 s' AND interval '60 s'"
        "  FROM easeboard.idempotency_keys",
    )
    assert is_leased
    with pytest.raises(KeyInUse):
        await take_over(other_process)
    end_leases(pool)
    second = await take_over(other_process)
    assert second.since == first.since
    await idempotency_keys.store(first, StoredResponse(500, {}, b"late"))
    await idempotency_keys.release(first)
    await idempotency_keys.abandon(first)
    for each in (idempotency_keys, other_process):
        with pytest.raises(KeyInUse):
            await take_over(each)
    await other_process.store(second, RESPONSE)
    end_leases(pool)
    assert await idempotency_keys.claim(REQUEST) == RESPONSE


async def test_a_claim_of_a_dead_process_is_taken_over_once(
    idempotency_keys: IdempotencyKeys, other_process: IdempotencyKeys, alive: set[str]
) -> None:
    await claim_key(other_process)
    alive.remove(OTHER)
    earlier = [await find_earlier_claim(idempotency_keys) for _ in range(5)]
    results = await asyncio.gather(
        *(idempotency_keys.take_over(each) for each in earlier), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["Claim"] + ["KeyInUse"] * 4


async def test_a_claim_that_no_request_of_its_process_holds_is_taken_over(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    claim = await claim_key(idempotency_keys)
    with pool.connection() as connection:
        connection.execute("ALTER TABLE easeboard.idempotency_keys RENAME TO renamed")
    with pytest.raises(UndefinedTable):
        await idempotency_keys.release(claim)
    with pool.connection() as connection:
        connection.execute("ALTER TABLE easeboard.renamed RENAME TO idempotency_keys")
    await take_over(idempotency_keys)


async def test_a_cancelled_claim_is_held_by_nobody(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    with pool.connection() as connection:
        connection.execute("LOCK TABLE easeboard.idempotency_keys")
        task = asyncio.create_task(idempotency_keys.claim(REQUEST))
        await wait_for_lock(pool)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    async with asyncio.timeout(scaled(5)):
        while not count_rows(pool):  # noqa: ASYNC110  # a thread inserts it
            await asyncio.sleep(0.01)
    await take_over(idempotency_keys)


async def wait_for_lock(pool: WritePool) -> None:
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with asyncio.timeout(scaled(5)):
        while not execute(pool, waiting)[0][0]:  # noqa: ASYNC110  # the server sends no signal
            await asyncio.sleep(0.01)


async def test_an_abandoned_claim_is_taken_over_by_any_process_with_the_same_content(
    idempotency_keys: IdempotencyKeys, other_process: IdempotencyKeys
) -> None:
    await idempotency_keys.abandon(await claim_key(idempotency_keys))
    with pytest.raises(KeyReused):
        await other_process.claim(KeyedRequest(ADA, REQUEST.path, REQUEST.key, b"other"))
    await take_over(other_process)
    with pytest.raises(KeyInUse):
        await take_over(idempotency_keys)


async def test_a_row_that_a_transaction_has_locked_is_not_waited_for(
    idempotency_keys: IdempotencyKeys,
    other_process: IdempotencyKeys,
    alive: set[str],
    pool: WritePool,
) -> None:
    await claim_key(other_process)
    alive.remove(OTHER)
    with pool.connection() as connection:
        connection.execute("SELECT FROM easeboard.idempotency_keys FOR UPDATE")
        with pytest.raises(KeyInUse):
            await take_over(idempotency_keys)
    await take_over(idempotency_keys)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE easeboard.idempotency_keys SET held_by = NULL",
        "UPDATE easeboard.idempotency_keys SET claim = gen_random_uuid()",
    ],
    ids=["new", "taken over"],
)
async def test_only_the_lease_ends_a_claim_of_an_earlier_release(
    idempotency_keys: IdempotencyKeys, pool: WritePool, alive: set[str], statement: LiteralString
) -> None:
    await claim_key(idempotency_keys)
    alive.clear()
    execute(pool, statement)
    with pytest.raises(KeyInUse):
        await take_over(idempotency_keys)
    end_leases(pool)
    await take_over(idempotency_keys)


def test_a_claim_may_be_repeated_after_a_lost_response(idempotency_keys: IdempotencyKeys) -> None:
    first, repeated = (idempotency_keys._claim(REQUEST, UUID(int=1)) for _ in range(2))
    assert isinstance(first, Claim)
    assert repeated == first
    assert isinstance(idempotency_keys._claim(REQUEST, UUID(int=2)), EarlierClaim)
