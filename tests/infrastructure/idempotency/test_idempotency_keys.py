"""A request with an idempotency key is executed once, however often it is repeated."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from domain.log_position import LogPosition
from infrastructure.crypto.keyed_requests import KeyedRequest
from infrastructure.crypto.person_keys import PersonKeyUnreadable
from infrastructure.idempotency_keys import IdempotencyKeys, KeyReused, StoredResponse
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool
from tests.dev_tokens import ADA, BOB
from tests.infrastructure.idempotency.claims import (
    NEW,
    OLD,
    REQUEST,
    RESPONSE,
    SECRET,
    age_rows,
    claim_key,
    count_rows,
)


async def test_a_stored_response_is_returned_unchanged(idempotency_keys: IdempotencyKeys) -> None:
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    assert await idempotency_keys.claim(REQUEST) == RESPONSE
    assert await idempotency_keys.claim(REQUEST) == RESPONSE


async def test_a_stored_response_may_be_empty(idempotency_keys: IdempotencyKeys) -> None:
    empty = StoredResponse(204, {}, b"")
    await idempotency_keys.store(await claim_key(idempotency_keys), empty)
    assert await idempotency_keys.claim(REQUEST) == empty


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


async def test_a_response_of_an_earlier_release_has_a_place_in_the_log_of_now(
    idempotency_keys: IdempotencyKeys, pool: WritePool
) -> None:
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    execute(pool, "UPDATE easeboard.idempotency_keys SET timeline = NULL")
    [(timeline,)] = execute(pool, "SELECT easeboard.current_timeline()")
    expected = RESPONSE._replace(appended=LogPosition(timeline, 42))
    assert await idempotency_keys.claim(REQUEST) == expected
    execute(pool, "UPDATE easeboard.idempotency_keys SET position = 0")
    assert await idempotency_keys.claim(REQUEST) == RESPONSE._replace(appended=None)


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
    assert claim.since > datetime.now(UTC) - timedelta(hours=1)
    await idempotency_keys.store(claim, RESPONSE)
    age_rows(pool, 23.9)
    with pytest.raises(KeyReused):
        await idempotency_keys.claim(REQUEST)


async def test_a_stored_response_is_found_after_a_master_key_rotation(
    idempotency_keys: IdempotencyKeys, open_keys: Callable[..., IdempotencyKeys]
) -> None:
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    rotated = open_keys(ring=f"k2={NEW},k1={OLD}")
    assert await rotated.claim(REQUEST) == RESPONSE
    with pytest.raises(KeyReused):
        await rotated.claim(KeyedRequest(ADA, REQUEST.path, REQUEST.key, b"other"))


async def test_a_response_without_its_master_key_is_not_replayed(
    idempotency_keys: IdempotencyKeys, open_keys: Callable[..., IdempotencyKeys]
) -> None:
    await idempotency_keys.store(await claim_key(idempotency_keys), RESPONSE)
    with pytest.raises(PersonKeyUnreadable):
        await open_keys(ring=f"k2={NEW}").claim(REQUEST)


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


def test_a_command_id_is_that_of_person_path_and_key() -> None:
    def command_id(person: UUID, path: str, key: str, content: bytes = b"") -> UUID:
        return KeyedRequest(person, path, key, content).command_id

    first = command_id(ADA, "/a", "k")
    assert first == command_id(ADA, "/a", "k", b"other")
    others = {command_id(BOB, "/a", "k"), command_id(ADA, "/b", "k"), command_id(ADA, "/a", "l")}
    assert len(others - {first}) == 3


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
