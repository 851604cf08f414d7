"""A person has at most one calendar address, and only its digest is stored."""

import asyncio
import base64
from collections.abc import AsyncIterator
from datetime import UTC
from hashlib import sha256

import pytest

from domain.errors import PersonIsErased
from infrastructure.crypto.calendar_addresses import CalendarAddresses
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import Pools, open_pools
from tests.dev_tokens import ADA, BOB

RING = parse_key_ring("hex:" + "0123456789abcdef" * 4)
TABLE = "SELECT person_id, secret_digest FROM easeboard.calendar_addresses ORDER BY person_id"


@pytest.fixture
async def pools(database_url: str) -> AsyncIterator[Pools]:
    async with open_pools(database_url, write_size=4, read_size=2) as pools:
        yield pools


@pytest.fixture
async def addresses(pools: Pools) -> AsyncIterator[CalendarAddresses]:
    addresses = CalendarAddresses(*pools)
    yield addresses
    addresses.close()


async def test_a_secret_leads_to_its_person(addresses: CalendarAddresses) -> None:
    of_ada, of_bob = await addresses.share(ADA), await addresses.share(BOB)
    assert of_ada.created_at.tzinfo is UTC
    assert await addresses.owner_of(of_ada.secret) == ADA
    assert await addresses.owner_of(of_bob.secret) == BOB


async def test_a_secret_is_256_random_bits_in_base64url(addresses: CalendarAddresses) -> None:
    secrets = [(await addresses.share(ADA)).secret for _ in range(20)]
    assert len(set(secrets)) == 20
    for secret in secrets:
        assert len(base64.urlsafe_b64decode(f"{secret}=")) == 32


async def test_only_the_digest_of_a_secret_is_stored(
    addresses: CalendarAddresses, pools: Pools
) -> None:
    shared = await addresses.share(ADA)
    assert execute(pools.write_pool, TABLE) == [(ADA, sha256(shared.secret.encode()).digest())]
    [(row,)] = execute(
        pools.write_pool, "SELECT row_to_json(a)::text FROM easeboard.calendar_addresses AS a"
    )
    assert shared.secret not in row
    assert shared.secret.encode().hex() not in row
    assert shared.secret not in repr(shared)


async def test_a_new_address_ends_the_earlier_one(addresses: CalendarAddresses) -> None:
    first = await addresses.share(ADA)
    second = await addresses.share(ADA)
    assert second.created_at > first.created_at
    assert await addresses.owner_of(first.secret) is None
    assert await addresses.owner_of(second.secret) == ADA


async def test_of_concurrent_shares_one_address_remains(
    addresses: CalendarAddresses, pools: Pools
) -> None:
    shared = await asyncio.gather(*(addresses.share(ADA) for _ in range(12)))
    owners = [await addresses.owner_of(each.secret) for each in shared]
    assert owners.count(ADA) == 1
    assert owners.count(None) == 11
    assert len(execute(pools.write_pool, TABLE)) == 1


async def test_an_ended_address_leads_nowhere(addresses: CalendarAddresses) -> None:
    of_ada, of_bob = await addresses.share(ADA), await addresses.share(BOB)
    await addresses.end(ADA)
    await addresses.end(ADA)
    assert await addresses.owner_of(of_ada.secret) is None
    assert await addresses.owner_of(of_bob.secret) == BOB


@pytest.mark.parametrize("text", ["", "x", "\x00", "a" * 9000, "🧑", "\udc80"])
async def test_no_other_text_leads_to_a_person(addresses: CalendarAddresses, text: str) -> None:
    secret = (await addresses.share(ADA)).secret
    for other in (text, f"{secret}{text or '='}", f"{text}.{secret}", secret[:-1], secret.lower()):
        assert await addresses.owner_of(other) is None


async def test_a_digest_is_no_secret(addresses: CalendarAddresses) -> None:
    digest = sha256((await addresses.share(ADA)).secret.encode()).digest()
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert await addresses.owner_of(encoded) is None
    assert await addresses.owner_of(digest.hex()) is None


async def test_everything_of_a_person_can_be_deleted(
    addresses: CalendarAddresses, pools: Pools
) -> None:
    await addresses.share(ADA)
    await addresses.share(BOB)
    await addresses.delete_person(ADA)
    assert [person for person, _ in execute(pools.write_pool, TABLE)] == [BOB]


async def test_an_erased_person_gets_no_address(addresses: CalendarAddresses, pools: Pools) -> None:
    keys = PersonKeys(pools.write_pool, RING)
    keys.encryption_key(BOB)
    await asyncio.to_thread(keys.destroy, ADA)
    with pytest.raises(PersonIsErased):
        await addresses.share(ADA)
    await addresses.share(BOB)
    assert [person for person, _ in execute(pools.write_pool, TABLE)] == [BOB]
