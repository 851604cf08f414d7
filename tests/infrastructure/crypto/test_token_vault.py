"""A stored token can be loaded for its person, connection and Canvas only."""

import hmac
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from uuid import UUID, uuid4

import pytest

from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.crypto.token_vault import TokenUnreadable, TokenVault
from infrastructure.postgres.execute import SecretStatement, execute
from infrastructure.postgres.pools import WritePool, open_write_pool

OLD = "hex:" + "0123456789abcdef" * 4
NEW = "hex:" + "fedcba9876543210" * 4
TOKEN = "7~stored-token-of-ada"
ORIGIN = "https://canvas.example.edu"
ADA, CONNECTION = uuid4(), uuid4()


@pytest.fixture
def pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url) as pool:
        yield pool


def make(pool: WritePool, change: SecretStatement) -> None:
    """Make a change without an append."""
    execute(pool, change.statement, change.values)


def stored_fingerprints(pool: WritePool, connection: UUID = CONNECTION) -> list[str]:
    rows = execute(
        pool,
        "SELECT fingerprint FROM easeboard.canvas_tokens WHERE connection_id = %s",
        [connection],
    )
    return [fingerprint for (fingerprint,) in rows]


@pytest.fixture
async def vault(pool: WritePool) -> AsyncIterator[TokenVault]:
    vault = TokenVault(pool, parse_key_ring(OLD))
    make(pool, vault.storing(ADA, CONNECTION, ORIGIN, TOKEN))
    yield vault
    vault.close()


async def test_a_stored_token_is_loaded_unchanged(vault: TokenVault) -> None:
    fingerprint = vault.fingerprint(CONNECTION, TOKEN)
    assert await vault.load(ADA, CONNECTION, ORIGIN, fingerprint) == TOKEN


async def test_a_connection_may_have_two_tokens(vault: TokenVault, pool: WritePool) -> None:
    make(pool, vault.storing(ADA, CONNECTION, ORIGIN, "7~newer"))
    make(pool, vault.storing(ADA, CONNECTION, ORIGIN, "7~newer"))
    for token in (TOKEN, "7~newer"):
        loaded = await vault.load(ADA, CONNECTION, ORIGIN, vault.fingerprint(CONNECTION, token))
        assert loaded == token


async def test_a_destroyed_token_is_deleted(vault: TokenVault, pool: WritePool) -> None:
    make(pool, vault.destroying(CONNECTION))
    make(pool, vault.destroying(CONNECTION))
    with pytest.raises(KeyError):
        await vault.load(ADA, CONNECTION, ORIGIN, vault.fingerprint(CONNECTION, TOKEN))
    with pool.connection() as connection:
        rows = connection.execute("SELECT fingerprint FROM easeboard.canvas_tokens").fetchall()
    assert rows == []


async def test_all_tokens_but_one_are_destroyed(vault: TokenVault, pool: WritePool) -> None:
    other = uuid4()
    make(pool, vault.storing(ADA, CONNECTION, ORIGIN, "7~newer"))
    make(pool, vault.storing(ADA, other, ORIGIN, TOKEN))
    newer = vault.fingerprint(CONNECTION, "7~newer")
    make(pool, vault.destroying(CONNECTION, keep=newer))
    assert stored_fingerprints(pool) == [newer]
    assert stored_fingerprints(pool, other) == [vault.fingerprint(other, TOKEN)]
    assert await vault.load(ADA, CONNECTION, ORIGIN, newer) == "7~newer"


async def test_a_token_is_replaced_only_where_it_is_stored(
    vault: TokenVault, pool: WritePool
) -> None:
    select = "SELECT sealed FROM easeboard.canvas_tokens"
    before = execute(pool, select)
    make(pool, vault.replacing(ADA, CONNECTION, ORIGIN, TOKEN))
    (replaced,) = execute(pool, select)
    assert [replaced] != before
    assert await vault.load(ADA, CONNECTION, ORIGIN, vault.fingerprint(CONNECTION, TOKEN)) == TOKEN
    make(pool, vault.replacing(ADA, CONNECTION, ORIGIN, "7~newer"))
    make(pool, vault.replacing(ADA, uuid4(), ORIGIN, TOKEN))
    make(pool, vault.replacing(uuid4(), CONNECTION, ORIGIN, TOKEN))
    assert execute(pool, select) == [replaced]


@pytest.mark.parametrize(
    ("person", "origin"), [(UUID(int=9), ORIGIN), (ADA, "https://canvas.attacker.example")]
)
async def test_a_token_cannot_be_loaded_for_another_person_or_origin(
    vault: TokenVault, person: UUID, origin: str
) -> None:
    with pytest.raises(TokenUnreadable) as error:
        await vault.load(person, CONNECTION, origin, vault.fingerprint(CONNECTION, TOKEN))
    assert str(error.value) == (
        f"The Canvas token of connection {CONNECTION} cannot be decrypted: "
        "check CANVAS_ENCRYPTION_KEY, or rotate the token."
    )
    assert error.value.__cause__ is None


async def test_a_token_cannot_be_loaded_for_another_connection(
    vault: TokenVault, pool: WritePool
) -> None:
    other = uuid4()
    with pool.connection() as connection:
        connection.execute("UPDATE easeboard.canvas_tokens SET connection_id = %s", [other])
    with pytest.raises(TokenUnreadable):
        await vault.load(ADA, other, ORIGIN, vault.fingerprint(CONNECTION, TOKEN))


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
async def test_a_row_that_was_tampered_with_cannot_be_decrypted(
    vault: TokenVault, pool: WritePool, change: str
) -> None:
    with pool.connection() as connection:
        connection.execute(f"UPDATE easeboard.canvas_tokens {change}".encode())
    with pytest.raises(TokenUnreadable):
        await vault.load(ADA, CONNECTION, ORIGIN, vault.fingerprint(CONNECTION, TOKEN))


async def test_a_token_stays_readable_after_a_master_key_rotation(
    vault: TokenVault, pool: WritePool
) -> None:
    fingerprint = vault.fingerprint(CONNECTION, TOKEN)
    rotated = TokenVault(pool, parse_key_ring(f"k2={NEW},k1={OLD}"))
    assert await rotated.load(ADA, CONNECTION, ORIGIN, fingerprint) == TOKEN
    make(pool, rotated.storing(ADA, CONNECTION, ORIGIN, TOKEN))
    with pool.connection() as connection:
        rows = connection.execute(
            "SELECT key_id FROM easeboard.canvas_tokens ORDER BY key_id"
        ).fetchall()
    assert rows == [("k1",), ("k2",)]
    rotated.close()


async def test_no_row_contains_a_token_in_plain_text(vault: TokenVault, pool: WritePool) -> None:
    make(pool, vault.storing(ADA, uuid4(), ORIGIN, TOKEN))
    with pool.connection() as connection:
        rows = connection.execute("SELECT wrapped, sealed FROM easeboard.canvas_tokens").fetchall()
    assert len(set(rows)) == len(rows) == 2
    assert all(TOKEN.encode() not in wrapped + sealed for wrapped, sealed in rows)


def early_fingerprint(ring: KeyRing, token: str) -> str:
    """The fingerprint that earlier releases have recorded."""
    key = ring.newest.derive("canvas/fingerprint/v1")
    return hmac.digest(key, token.encode(), "sha256").hex()[:8]


def test_a_fingerprint_distinguishes_tokens_connections_and_keys(pool: WritePool) -> None:
    rings = [parse_key_ring(OLD), parse_key_ring(NEW)]
    connections = [uuid4(), uuid4()]
    fingerprints = []
    for ring in rings:
        with closing(TokenVault(pool, ring)) as vault:
            fingerprints += [
                vault.fingerprint(connection, token)
                for connection in connections
                for token in (TOKEN, TOKEN, "7~other")
            ]
    assert len(set(fingerprints)) == 8
    assert all(len(item) == 8 and int(item, 16) >= 0 for item in fingerprints)
    # Nor can it be compared with one of an earlier release.
    assert early_fingerprint(rings[0], TOKEN) not in fingerprints


def test_the_same_token_is_recognised_by_every_fingerprint_it_has_had(pool: WritePool) -> None:
    old_ring, ring = parse_key_ring(OLD), parse_key_ring(f"k2={NEW},k1={OLD}")
    with closing(TokenVault(pool, old_ring)) as old, closing(TokenVault(pool, ring)) as vault:
        for known in (
            early_fingerprint(old_ring, TOKEN),
            early_fingerprint(ring, TOKEN),
            old.fingerprint(CONNECTION, TOKEN),
            vault.fingerprint(CONNECTION, TOKEN),
        ):
            assert vault.fingerprint(CONNECTION, TOKEN, known) == known
            assert vault.fingerprint(CONNECTION, "7~other", known) != known
        unknown = old.fingerprint(uuid4(), TOKEN)
        assert vault.fingerprint(CONNECTION, TOKEN, unknown) != unknown
