"""What is stored of keyed requests: little for each person, and nothing without the person key."""

import asyncio
from uuid import UUID, uuid4

import pytest

from domain.errors import PersonIsErased
from infrastructure import idempotency_keys as idempotency_keys_module
from infrastructure.crypto.earlier_requests import earlier_digest
from infrastructure.crypto.keyed_requests import KeyedRequest
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.idempotency_keys import (
    MAX_STORED_BODY_BYTES,
    Claim,
    EarlierClaim,
    IdempotencyKeys,
    KeyInUse,
    KeyReused,
    StoredResponse,
    TooManyKeys,
)
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from infrastructure.scheduling.expired_keys import delete_expired_keys
from tests.deadlines import scaled
from tests.dev_tokens import ADA, BOB
from tests.infrastructure.idempotency.claims import (
    OLD,
    REQUEST,
    RESPONSE,
    SECRET,
    age_rows,
    claim_key,
    count_rows,
    end_leases,
    insert_row_of_earlier_release,
    take_over,
)


def destroy_person_key(pool: WritePool, person_id: UUID) -> None:
    PersonKeys(pool, parse_key_ring(OLD)).destroy(person_id)


def keyed(key: str, person_id: UUID = ADA) -> KeyedRequest:
    return KeyedRequest(person_id, REQUEST.path, key, SECRET)


def rows_of(pool: WritePool, person_id: UUID) -> int:
    statement = "SELECT count(*) FROM easeboard.idempotency_keys WHERE person_id = %s"
    [(rows,)] = execute(pool, statement, [person_id])
    return int(rows)


async def test_a_stored_response_needs_the_key_of_its_person_and_no_other(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    for person_id in (ADA, BOB):
        claim = await claim_key(idempotency_keys, keyed("key-1", person_id))
        await idempotency_keys.store(claim, RESPONSE)
    destroy_person_key(pool, ADA)
    with pytest.raises(PersonIsErased):
        await idempotency_keys.claim(keyed("key-1"))
    assert await idempotency_keys.claim(keyed("key-1", BOB)) == RESPONSE


async def test_rows_of_two_people_with_the_same_request_have_nothing_in_common(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    for person_id in (ADA, BOB):
        await claim_key(idempotency_keys, keyed("key-1", person_id))
    [first, second] = execute(
        pool, "SELECT request, fingerprint FROM easeboard.idempotency_keys ORDER BY person_id"
    )
    assert not set(first) & set(second)
    assert earlier_digest(keyed("key-1")) not in {*first, *second}, "it is not keyed"


async def test_nothing_of_a_person_who_is_erased_during_the_request_is_stored(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    claim = await claim_key(idempotency_keys)
    destroy_person_key(pool, ADA)
    await idempotency_keys.store(claim, RESPONSE)
    assert count_rows(pool) == 0
    with pytest.raises(PersonIsErased):
        await idempotency_keys.claim(REQUEST)
    assert count_rows(pool) == 0


async def test_a_response_of_the_release_before_is_replayed(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    insert_row_of_earlier_release(pool, RESPONSE)
    replayed = await idempotency_keys.claim(REQUEST)
    assert isinstance(replayed, StoredResponse)
    assert replayed.body == RESPONSE.body
    with pytest.raises(KeyReused):
        await idempotency_keys.claim(KeyedRequest(ADA, REQUEST.path, REQUEST.key, b"other"))
    assert count_rows(pool) == 1


async def test_a_claim_of_the_release_before_is_in_use_and_can_be_taken_over(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    insert_row_of_earlier_release(pool, None)
    with pytest.raises(KeyInUse):
        await take_over(idempotency_keys)
    end_leases(pool)
    await idempotency_keys.store(await take_over(idempotency_keys), RESPONSE)
    assert await idempotency_keys.claim(REQUEST) == RESPONSE
    assert count_rows(pool) == 1


async def test_an_expired_row_of_the_release_before_is_replaced(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    insert_row_of_earlier_release(pool, RESPONSE)
    age_rows(pool, 24)
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    assert await idempotency_keys.claim(REQUEST) == RESPONSE


@pytest.mark.parametrize("bytes_over", [0, 1])
async def test_a_large_response_is_not_stored_and_its_claim_can_be_taken_over(
    idempotency_keys: IdempotencyKeys, *, bytes_over: int
) -> None:
    large = StoredResponse(200, {}, b"x" * (MAX_STORED_BODY_BYTES + bytes_over))
    await idempotency_keys.store(await claim_key(idempotency_keys), large)
    found = await idempotency_keys.claim(REQUEST)
    assert found == large if bytes_over == 0 else isinstance(found, EarlierClaim)
    if isinstance(found, EarlierClaim):
        assert isinstance(await idempotency_keys.take_over(found), Claim)


async def test_a_person_has_a_quota_of_keys_for_a_day(
    idempotency_keys: IdempotencyKeys, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency_keys_module, "MAX_KEYS_PER_PERSON", 3)
    await claim_key(idempotency_keys, keyed("old"))
    age_rows(pool, 23)
    claims = [await claim_key(idempotency_keys, keyed(f"key-{number}")) for number in range(2)]
    await idempotency_keys.store(claims[0], RESPONSE)
    with pytest.raises(TooManyKeys) as refusal:
        await idempotency_keys.claim(keyed("key-2"))
    assert 0 < refusal.value.seconds <= 3600, "the oldest row expires within the hour"
    assert await idempotency_keys.claim(keyed("key-0")) == RESPONSE, "a used key still works"
    await claim_key(idempotency_keys, keyed("key-2", BOB))
    await idempotency_keys.release(claims[1])
    await claim_key(idempotency_keys, keyed("key-2"))
    age_rows(pool, 1)
    await claim_key(idempotency_keys, keyed("key-3"))
    assert rows_of(pool, ADA) == 4, "the expired row does not count, and is not deleted yet"


async def test_concurrent_claims_do_not_exceed_the_quota_by_more_than_threads(
    idempotency_keys: IdempotencyKeys, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency_keys_module, "MAX_KEYS_PER_PERSON", 5)
    await asyncio.gather(
        *(idempotency_keys.claim(keyed(f"key-{number}")) for number in range(40)),
        return_exceptions=True,
    )
    assert 5 <= rows_of(pool, ADA) < 5 + 4


async def test_expired_rows_are_deleted_although_no_request_stores_another(
    idempotency_keys: IdempotencyKeys, pool: WritePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(idempotency_keys_module, "MAX_ROWS_DELETED_TOGETHER", 2)
    for number in range(5):
        await claim_key(idempotency_keys, keyed(f"old-{number}", uuid4()))
    age_rows(pool, 24)
    await claim_key(idempotency_keys, keyed("new"))
    task = asyncio.create_task(delete_expired_keys(idempotency_keys))
    async with asyncio.timeout(scaled(10)):
        while count_rows(pool) > 1:  # noqa: ASYNC110  # a thread deletes them
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert rows_of(pool, ADA) == 1


async def test_a_row_in_use_does_not_delay_the_deletion_of_others(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    for number in range(3):
        await claim_key(idempotency_keys, keyed(f"old-{number}"))
    age_rows(pool, 24)
    with pool.connection() as connection:
        connection.execute("SELECT FROM easeboard.idempotency_keys LIMIT 1 FOR UPDATE")
        assert await idempotency_keys.delete_expired() == 2
    assert await idempotency_keys.delete_expired() == 1
