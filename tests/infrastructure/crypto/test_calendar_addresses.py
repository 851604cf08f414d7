"""A person has at most one calendar address, and only its digest is stored."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import pytest

from infrastructure.crypto.calendar_addresses import CalendarAddresses
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import Pools, WritePool, open_pools
from tests.dev_tokens import ADA, BOB

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


@dataclass
class Sharing:
    """Shares and ends addresses without an append."""

    addresses: CalendarAddresses
    pool: WritePool

    def share(self, person: UUID) -> str:
        secret, change = self.addresses.sharing(person)
        execute(self.pool, change.statement, change.values)
        return secret

    def end(self, person: UUID) -> None:
        change = self.addresses.ending(person)
        execute(self.pool, change.statement, change.values)


@pytest.fixture
def sharing(addresses: CalendarAddresses, pools: Pools) -> Sharing:
    return Sharing(addresses, pools.write_pool)


async def test_a_secret_leads_to_its_person(addresses: CalendarAddresses, sharing: Sharing) -> None:
    of_ada, of_bob = sharing.share(ADA), sharing.share(BOB)
    assert await addresses.owner_of(of_ada) == ADA
    assert await addresses.owner_of(of_bob) == BOB


async def test_a_secret_that_is_not_stored_leads_nowhere(addresses: CalendarAddresses) -> None:
    secret, _ = addresses.sharing(ADA)
    assert await addresses.owner_of(secret) is None


async def test_a_secret_is_256_random_bits_in_base64url(addresses: CalendarAddresses) -> None:
    secrets = [addresses.sharing(ADA)[0] for _ in range(20)]
    assert len(set(secrets)) == 20
    for secret in secrets:
        assert len(base64.urlsafe_b64decode(f"{secret}=")) == 32


async def test_only_the_digest_of_a_secret_is_stored(sharing: Sharing, pools: Pools) -> None:
    secret = sharing.share(ADA)
    assert execute(pools.write_pool, TABLE) == [(ADA, sha256(secret.encode()).digest())]
    [(row,)] = execute(
        pools.write_pool, "SELECT row_to_json(a)::text FROM easeboard.calendar_addresses AS a"
    )
    assert secret not in row
    assert secret.encode().hex() not in row


async def test_a_new_address_ends_the_earlier_one(
    addresses: CalendarAddresses, sharing: Sharing, pools: Pools
) -> None:
    select = "SELECT created_at FROM easeboard.calendar_addresses"
    first, ((first_at,),) = sharing.share(ADA), execute(pools.write_pool, select)
    second, ((second_at,),) = sharing.share(ADA), execute(pools.write_pool, select)
    assert second_at > first_at
    assert await addresses.owner_of(first) is None
    assert await addresses.owner_of(second) == ADA


async def test_of_concurrent_shares_one_address_remains(
    addresses: CalendarAddresses, sharing: Sharing, pools: Pools
) -> None:
    secrets = await asyncio.gather(*(asyncio.to_thread(sharing.share, ADA) for _ in range(12)))
    owners = [await addresses.owner_of(secret) for secret in secrets]
    assert owners.count(ADA) == 1
    assert owners.count(None) == 11
    assert len(execute(pools.write_pool, TABLE)) == 1


async def test_an_ended_address_leads_nowhere(
    addresses: CalendarAddresses, sharing: Sharing
) -> None:
    of_ada, of_bob = sharing.share(ADA), sharing.share(BOB)
    sharing.end(ADA)
    sharing.end(ADA)
    assert await addresses.owner_of(of_ada) is None
    assert await addresses.owner_of(of_bob) == BOB


@pytest.mark.parametrize("text", ["", "x", "\x00", "a" * 9000, "🧑", "\udc80"])
async def test_no_other_text_leads_to_a_person(
    addresses: CalendarAddresses, sharing: Sharing, text: str
) -> None:
    secret = sharing.share(ADA)
    for other in (text, f"{secret}{text or '='}", f"{text}.{secret}", secret[:-1], secret.lower()):
        assert await addresses.owner_of(other) is None


async def test_a_digest_is_no_secret(addresses: CalendarAddresses, sharing: Sharing) -> None:
    digest = sha256(sharing.share(ADA).encode()).digest()
    encoded = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    assert await addresses.owner_of(encoded) is None
    assert await addresses.owner_of(digest.hex()) is None


async def test_everything_of_a_person_can_be_deleted(
    addresses: CalendarAddresses, sharing: Sharing, pools: Pools
) -> None:
    sharing.share(ADA)
    sharing.share(BOB)
    await addresses.delete_person(ADA)
    assert [person for person, _ in execute(pools.write_pool, TABLE)] == [BOB]
