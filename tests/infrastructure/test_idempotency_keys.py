"""A request with an idempotency key is executed once, however often it is repeated."""

import asyncio
from collections.abc import Iterator
from uuid import UUID

import pytest

from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.idempotency_keys import (
    CLAIM_LEASE,
    INSERT_CLAIM,
    MAX_EXPIRED_ROWS_DELETED,
    RESPONSE_RETENTION,
    Claim,
    IdempotencyKeys,
    KeyedRequest,
    KeyInUse,
    KeyReused,
    StoredResponse,
)
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool, open_write_pool
from tests.dev_tokens import ADA, BOB

OLD, NEW = "hex:" + "0123456789abcdef" * 4, "hex:" + "fedcba9876543210" * 4
SECRET = b'{"api_token": "7~s3cr3t"}'
REQUEST = KeyedRequest(ADA, "/api/v1/canvas/setup", "key-1", SECRET)
RESPONSE = StoredResponse(
    201,
    {"content-type": "application/json", "location": "/x"},
    b'{"a":1,"url":"s3cr3t-address"}\n\xc3\xa9',
    42,
)


@pytest.fixture
def pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url) as pool:
        yield pool


@pytest.fixture
def idempotency_keys(pool: WritePool) -> Iterator[IdempotencyKeys]:
    yield from open_idempotency_keys(pool, parse_key_ring(OLD))


def open_idempotency_keys(pool: WritePool, ring: KeyRing) -> Iterator[IdempotencyKeys]:
    idempotency_keys = IdempotencyKeys(pool, ring)
    yield idempotency_keys
    idempotency_keys.close()


async def claim_key(idempotency_keys: IdempotencyKeys, request: KeyedRequest = REQUEST) -> Claim:
    claim = await idempotency_keys.claim(request)
    assert isinstance(claim, Claim)
    return claim


def age_rows(pool: WritePool, hours: float) -> None:
    execute(
        pool,
        "UPDATE easeboard.idempotency_keys SET created_at = created_at - %s * interval '1 hour'",
        [hours],
    )


def end_leases(pool: WritePool) -> None:
    execute(pool, "UPDATE easeboard.idempotency_keys SET leased_until = clock_timestamp()")


def count_rows(pool: WritePool) -> int:
    [(rows,)] = execute(pool, "SELECT count(*) FROM easeboard.idempotency_keys")
    return int(rows)


async def test_a_stored_response_is_returned_unchanged(idempotency_keys: IdempotencyKeys) -> None:
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    assert await idempotency_keys.claim(REQUEST) == RESPONSE
    assert await idempotency_keys.claim(REQUEST) == RESPONSE


async def test_a_stored_response_may_be_empty(idempotency_keys: IdempotencyKeys) -> None:
    empty = StoredResponse(204, {}, b"", 0)
    await idempotency_keys.store(await claim_key(idempotency_keys), empty)
    assert await idempotency_keys.claim(REQUEST) == empty


async def test_only_one_of_many_concurrent_requests_gets_the_claim(
    idempotency_keys: IdempotencyKeys,
) -> None:
    results = await asyncio.gather(
        *(idempotency_keys.claim(REQUEST) for _ in range(12)), return_exceptions=True
    )
    kinds = sorted(type(result).__name__ for result in results)
    assert kinds == ["Claim"] + ["KeyInUse"] * 11


@pytest.mark.parametrize("has_response", [False, True])
async def test_a_key_reused_with_other_content_is_refused(
    idempotency_keys: IdempotencyKeys, *, has_response: bool
) -> None:
    claim = await claim_key(idempotency_keys)
    if has_response:
        await idempotency_keys.store(claim, RESPONSE)
    with pytest.raises(KeyReused):
        await idempotency_keys.claim(KeyedRequest(ADA, REQUEST.path, REQUEST.key, b"other"))


@pytest.mark.parametrize(
    "other",
    [
        KeyedRequest(BOB, REQUEST.path, REQUEST.key, SECRET),
        KeyedRequest(ADA, "/elsewhere", REQUEST.key, SECRET),
        KeyedRequest(ADA, REQUEST.path, "key-2", SECRET),
        KeyedRequest(ADA, "/" * 60_000, "k" * 255, SECRET),
    ],
    ids=["person", "path", "key", "long"],
)
async def test_another_person_path_or_key_is_another_request(
    idempotency_keys: IdempotencyKeys, other: KeyedRequest
) -> None:
    await claim_key(idempotency_keys)
    await claim_key(idempotency_keys, other)


async def test_a_released_key_can_be_claimed_with_other_content(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    await idempotency_keys.release(await claim_key(idempotency_keys))
    assert count_rows(pool) == 0
    await claim_key(idempotency_keys, KeyedRequest(ADA, REQUEST.path, REQUEST.key, b"other"))


async def test_a_claim_ends_with_its_lease_and_not_before(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    first = await claim_key(idempotency_keys)
    [(is_leased,)] = execute(
        pool,
        "SELECT leased_until - clock_timestamp() BETWEEN interval '50 s' AND interval '60 s'"
        "  FROM easeboard.idempotency_keys",
    )
    assert is_leased
    end_leases(pool)
    second = await claim_key(idempotency_keys)
    await idempotency_keys.store(first, StoredResponse(500, {}, b"late", 0))
    await idempotency_keys.release(first)
    with pytest.raises(KeyInUse):
        await idempotency_keys.claim(REQUEST)
    await idempotency_keys.store(second, RESPONSE)
    end_leases(pool)
    assert await idempotency_keys.claim(REQUEST) == RESPONSE


async def test_a_response_is_kept_for_a_day(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    age_rows(pool, 23.9)
    assert await idempotency_keys.claim(REQUEST) == RESPONSE
    age_rows(pool, 0.1)
    claim = await claim_key(
        idempotency_keys, KeyedRequest(ADA, REQUEST.path, REQUEST.key, b"other")
    )
    with pytest.raises(KeyReused):
        await idempotency_keys.claim(REQUEST)
    await idempotency_keys.store(claim, RESPONSE)
    age_rows(pool, 23.9)
    with pytest.raises(KeyReused):
        await idempotency_keys.claim(REQUEST)


async def test_expired_rows_are_deleted_in_small_batches(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    for number in range(MAX_EXPIRED_ROWS_DELETED + 5):
        await claim_key(idempotency_keys, KeyedRequest(ADA, REQUEST.path, f"old-{number}", b""))
    age_rows(pool, 24)
    for remaining in (5, 0):
        claim = await claim_key(
            idempotency_keys, KeyedRequest(BOB, REQUEST.path, f"new-{remaining}", b"")
        )
        await idempotency_keys.store(claim, RESPONSE)
        old = execute(
            pool, "SELECT request FROM easeboard.idempotency_keys WHERE person_id = %s", [ADA]
        )
        assert len(old) == remaining
    assert count_rows(pool) == 2


async def test_a_stored_response_is_found_after_a_master_key_rotation(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    for rotated in open_idempotency_keys(pool, parse_key_ring(f"k2={NEW},k1={OLD}")):
        assert await rotated.claim(REQUEST) == RESPONSE
        with pytest.raises(KeyReused):
            await rotated.claim(KeyedRequest(ADA, REQUEST.path, REQUEST.key, b"other"))


async def test_a_response_without_its_master_key_is_not_replayed(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    for other_keys in open_idempotency_keys(pool, parse_key_ring(f"k2={NEW}")):
        with pytest.raises(KeyReused):
            await other_keys.claim(REQUEST)


async def test_a_body_that_an_earlier_release_stored_in_plain_text_is_returned(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    execute(
        pool,
        "UPDATE easeboard.idempotency_keys SET body = %s, body_key_id = NULL",
        [RESPONSE.body],
    )
    assert await idempotency_keys.claim(REQUEST) == RESPONSE


@pytest.mark.parametrize(
    "change",
    [
        "SET body = set_bit(body, 130, 1 - get_bit(body, 130))",
        "SET body = ''",
        "SET body_key_id = 'k9'",
        "SET body = (SELECT body FROM easeboard.idempotency_keys WHERE person_id <> k.person_id)",
    ],
)
async def test_a_changed_body_is_not_replayed(
    idempotency_keys: IdempotencyKeys, pool: WritePool, change: str
) -> None:
    of_bob = KeyedRequest(BOB, REQUEST.path, REQUEST.key, SECRET)
    for request in (REQUEST, of_bob):
        await idempotency_keys.store(await claim_key(idempotency_keys, request), RESPONSE)
    with pool.connection() as connection:
        connection.execute(f"UPDATE easeboard.idempotency_keys AS k {change}".encode())
    with pytest.raises(KeyReused):
        await idempotency_keys.claim(REQUEST)


def test_a_claim_may_be_repeated_after_a_lost_response(pool: WritePool) -> None:
    row = [
        ADA,
        REQUEST.request_digest,
        "k1",
        b"fingerprint",
        UUID(int=1),
        CLAIM_LEASE,
        RESPONSE_RETENTION,
    ]
    assert execute(pool, INSERT_CLAIM, row) == execute(pool, INSERT_CLAIM, row) == [(UUID(int=1),)]
    row[4] = UUID(int=2)
    assert execute(pool, INSERT_CLAIM, row) == []


async def test_all_keys_of_a_person_are_deleted(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    claim = await claim_key(idempotency_keys)
    await claim_key(idempotency_keys, KeyedRequest(BOB, REQUEST.path, REQUEST.key, SECRET))
    await idempotency_keys.delete_person(ADA)
    await idempotency_keys.store(claim, RESPONSE)
    assert execute(pool, "SELECT person_id FROM easeboard.idempotency_keys") == [(BOB,)]


async def test_key_content_and_response_are_not_stored_in_plain_text(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    [(row,)] = execute(pool, "SELECT row_to_json(k)::text FROM easeboard.idempotency_keys AS k")
    for secret in (SECRET, REQUEST.key.encode(), b"s3cr3t", RESPONSE.body):
        assert secret.decode() not in row
        assert secret.hex() not in row
    assert UUID(str(ADA)).hex not in row.replace(f'"{ADA}"', "")
