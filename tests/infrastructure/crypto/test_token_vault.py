"""A kept token comes back to whom it belongs, and to nobody else."""

from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import pytest

from infrastructure.crypto.master_key import key_ring
from infrastructure.crypto.token_vault import TokenUnreadable, TokenVault
from infrastructure.postgres.execute import Pool
from infrastructure.postgres.pools import writes

OLD = "hex:" + "0123456789abcdef" * 4
NEW = "hex:" + "fedcba9876543210" * 4
TOKEN = "7~kept-token-of-ada"
ORIGIN = "https://canvas.example.edu"
ADA, HER_CONNECTION = uuid4(), uuid4()


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    with writes(database_url) as pool:
        yield pool


@pytest.fixture
async def vault(pool: Pool) -> AsyncIterator[TokenVault]:
    vault = TokenVault(pool, key_ring(OLD))
    await vault.keep(ADA, HER_CONNECTION, ORIGIN, TOKEN)
    yield vault
    vault.close()


async def test_a_token_comes_back(vault: TokenVault) -> None:
    print_of_it = vault.fingerprint(TOKEN)
    assert await vault.reveal(ADA, HER_CONNECTION, ORIGIN, print_of_it) == TOKEN


async def test_two_tokens_of_a_connection_stand_side_by_side(vault: TokenVault) -> None:
    await vault.keep(ADA, HER_CONNECTION, ORIGIN, "7~newer")
    await vault.keep(ADA, HER_CONNECTION, ORIGIN, "7~newer")
    for token in (TOKEN, "7~newer"):
        found = await vault.reveal(ADA, HER_CONNECTION, ORIGIN, vault.fingerprint(token))
        assert found == token


async def test_a_destroyed_token_is_gone(vault: TokenVault, pool: Pool) -> None:
    await vault.destroy(HER_CONNECTION)
    await vault.destroy(HER_CONNECTION)
    with pytest.raises(KeyError):
        await vault.reveal(ADA, HER_CONNECTION, ORIGIN, vault.fingerprint(TOKEN))
    with pool.connection() as connection:
        rows = connection.execute("SELECT fingerprint FROM easeboard.canvas_tokens").fetchall()
    assert rows == []


async def test_one_of_several_is_destroyed(vault: TokenVault) -> None:
    await vault.keep(ADA, HER_CONNECTION, ORIGIN, "7~newer")
    other = uuid4()
    await vault.keep(ADA, other, ORIGIN, TOKEN)
    newer = vault.fingerprint("7~newer")
    await vault.destroy(HER_CONNECTION, vault.fingerprint(TOKEN))
    assert await vault.reveal(ADA, HER_CONNECTION, ORIGIN, newer) == "7~newer"
    assert await vault.reveal(ADA, other, ORIGIN, vault.fingerprint(TOKEN)) == TOKEN
    with pytest.raises(KeyError):
        await vault.reveal(ADA, HER_CONNECTION, ORIGIN, vault.fingerprint(TOKEN))


@pytest.mark.parametrize(
    ("person", "origin"), [(UUID(int=9), ORIGIN), (ADA, "https://canvas.attacker.example")]
)
async def test_a_token_opens_for_nobody_and_nowhere_else(
    vault: TokenVault, person: UUID, origin: str
) -> None:
    with pytest.raises(TokenUnreadable) as refused:
        await vault.reveal(person, HER_CONNECTION, origin, vault.fingerprint(TOKEN))
    assert str(refused.value) == f"The token of connection {HER_CONNECTION} cannot be opened."
    assert refused.value.__cause__ is None


async def test_nor_over_another_connection(vault: TokenVault, pool: Pool) -> None:
    other = uuid4()
    with pool.connection() as connection:
        connection.execute("UPDATE easeboard.canvas_tokens SET connection_id = %s", [other])
    with pytest.raises(TokenUnreadable):
        await vault.reveal(ADA, other, ORIGIN, vault.fingerprint(TOKEN))


@pytest.mark.parametrize(
    "change",
    [
        "SET sealed = set_bit(sealed, 130, 1 - get_bit(sealed, 130))",
        "SET wrapped = set_bit(wrapped, 130, 1 - get_bit(wrapped, 130))",
        "SET sealed = wrapped, wrapped = sealed",
        "SET sealed = ''",
        "SET key_id = 'k9'",
    ],
)
async def test_a_row_that_was_tampered_with_does_not_open(
    vault: TokenVault, pool: Pool, change: str
) -> None:
    with pool.connection() as connection:
        connection.execute(f"UPDATE easeboard.canvas_tokens {change}".encode())
    with pytest.raises(TokenUnreadable):
        await vault.reveal(ADA, HER_CONNECTION, ORIGIN, vault.fingerprint(TOKEN))


async def test_a_token_outlives_the_rotation_of_the_master_key(
    vault: TokenVault, pool: Pool
) -> None:
    kept_as = vault.fingerprint(TOKEN)
    rotated = TokenVault(pool, key_ring(f"k2={NEW},k1={OLD}"))
    assert await rotated.reveal(ADA, HER_CONNECTION, ORIGIN, kept_as) == TOKEN
    await rotated.keep(ADA, HER_CONNECTION, ORIGIN, TOKEN)
    with pool.connection() as connection:
        rows = connection.execute(
            "SELECT key_id FROM easeboard.canvas_tokens ORDER BY key_id"
        ).fetchall()
    assert rows == [("k1",), ("k2",)]
    rotated.close()


async def test_no_row_gives_a_token_away(vault: TokenVault, pool: Pool) -> None:
    await vault.keep(ADA, uuid4(), ORIGIN, TOKEN)
    with pool.connection() as connection:
        rows = connection.execute("SELECT wrapped, sealed FROM easeboard.canvas_tokens").fetchall()
    assert len(set(rows)) == len(rows) == 2
    assert all(TOKEN.encode() not in wrapped + sealed for wrapped, sealed in rows)


def test_a_fingerprint_tells_tokens_apart_and_nothing_else(pool: Pool) -> None:
    vault, elsewhere = TokenVault(pool, key_ring(OLD)), TokenVault(pool, key_ring(NEW))
    prints = {vault.fingerprint(token) for token in (TOKEN, TOKEN, "7~other")}
    assert len(prints) == 2
    assert all(len(each) == 8 and int(each, 16) >= 0 for each in prints)
    assert elsewhere.fingerprint(TOKEN) not in prints
    for each in (vault, elsewhere):
        each.close()
