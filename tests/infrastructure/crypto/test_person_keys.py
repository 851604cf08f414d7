"""Each person has one key, and never gets another one after it is destroyed."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from psycopg.errors import UniqueViolation

from domain.errors import PersonIsErased
from infrastructure.crypto.master_key import KeyRing, parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys, PersonKeyUnreadable
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool, open_write_pool

OLD = "hex:" + "0123456789abcdef" * 4
NEW = "hex:" + "fedcba9876543210" * 4
NONCE = bytes(12)


@pytest.fixture
def pool(database_url: str) -> Iterator[WritePool]:
    with open_write_pool(database_url) as pool:
        yield pool


@pytest.fixture
def ring() -> KeyRing:
    return parse_key_ring(OLD)


@pytest.fixture
def person() -> UUID:
    return uuid4()


def uncached(pool: WritePool, ring: KeyRing) -> PersonKeys:
    """Return person keys without a cache, like those of another process."""
    return PersonKeys(pool, ring, cache_seconds=0)


def can_decrypt(ciphertext: bytes, cipher: AESGCM | None) -> bool:
    assert cipher
    return cipher.decrypt(NONCE, ciphertext, None) == b"text"


def test_a_key_is_created_once_and_stored(pool: WritePool, ring: KeyRing, person: UUID) -> None:
    ciphertext = uncached(pool, ring).encryption_key(person).encrypt(NONCE, b"text", None)
    assert can_decrypt(ciphertext, uncached(pool, ring).encryption_key(person))
    assert can_decrypt(ciphertext, uncached(pool, ring).decryption_keys({person})[person])


def test_concurrent_callers_get_the_same_key(pool: WritePool, ring: KeyRing, person: UUID) -> None:
    start = Barrier(6)

    def encrypt(_: int) -> bytes:
        keys = uncached(pool, ring)
        start.wait()
        return keys.encryption_key(person).encrypt(NONCE, b"text", None)

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(encrypt, range(6)))) == 1


def test_each_person_has_their_own_key(pool: WritePool, ring: KeyRing) -> None:
    keys = PersonKeys(pool, ring)
    ciphertexts = {keys.encryption_key(uuid4()).encrypt(NONCE, b"text", None) for _ in range(5)}
    assert len(ciphertexts) == 5


def test_many_keys_are_fetched_at_once(pool: WritePool, ring: KeyRing) -> None:
    person, erased, unknown = uuid4(), uuid4(), uuid4()
    keys = uncached(pool, ring)
    keys.encryption_key(person)
    keys.destroy(erased)
    ciphers = keys.decryption_keys({person, erased, unknown})
    assert set(ciphers) == {person, erased}
    assert ciphers[person] is not None
    assert ciphers[erased] is None


def test_a_destroyed_key_stays_destroyed(pool: WritePool, ring: KeyRing, person: UUID) -> None:
    keys = PersonKeys(pool, ring)
    keys.encryption_key(person)
    keys.destroy(person)
    keys.destroy(person)
    for person_keys in (keys, uncached(pool, ring)):
        with pytest.raises(PersonIsErased):
            person_keys.encryption_key(person)
    with pool.connection() as connection:
        row = connection.execute(
            "SELECT key_id, wrapped, destroyed_at IS NULL FROM easeboard.people_keys"
        ).fetchone()
    assert row == (None, None, False)


def test_a_person_without_a_key_gets_none_after_erasure(
    pool: WritePool, ring: KeyRing, person: UUID
) -> None:
    PersonKeys(pool, ring).destroy(person)
    with pytest.raises(PersonIsErased):
        PersonKeys(pool, ring).encryption_key(person)


def test_an_erasure_by_another_process_takes_effect_when_the_cache_expires(
    pool: WritePool, ring: KeyRing, person: UUID
) -> None:
    cached, expired = PersonKeys(pool, ring, cache_seconds=60), uncached(pool, ring)
    cached.encryption_key(person)
    expired.encryption_key(person)
    PersonKeys(pool, ring).destroy(person)
    assert cached.encryption_key(person)
    with pytest.raises(PersonIsErased):
        expired.encryption_key(person)


def test_the_cache_is_bounded(pool: WritePool, ring: KeyRing) -> None:
    keys = PersonKeys(pool, ring, cache_size=3)
    for _ in range(5):
        keys.encryption_key(uuid4())
    assert len(keys._cache) == 3


def test_a_key_is_decrypted_with_the_master_key_that_wrapped_it(
    pool: WritePool, ring: KeyRing, person: UUID
) -> None:
    ciphertext = uncached(pool, ring).encryption_key(person).encrypt(NONCE, b"text", None)
    rotated = uncached(pool, parse_key_ring(f"k2={NEW},k1={OLD}"))
    assert can_decrypt(ciphertext, rotated.encryption_key(person))
    new_person = uuid4()
    rotated.encryption_key(new_person)
    assert new_person not in uncached(pool, ring).decryption_keys({new_person})


@pytest.mark.parametrize("wrong", [NEW, f"k7={OLD}"])
def test_a_key_that_cannot_be_decrypted_is_never_replaced(
    pool: WritePool, ring: KeyRing, person: UUID, wrong: str
) -> None:
    uncached(pool, ring).encryption_key(person)
    with_wrong_key = uncached(pool, parse_key_ring(wrong))
    assert with_wrong_key.decryption_keys({person}) == {}
    with pytest.raises(PersonKeyUnreadable):
        with_wrong_key.encryption_key(person)
    assert uncached(pool, ring).encryption_key(person)


def test_a_key_is_bound_to_its_person(pool: WritePool, ring: KeyRing, person: UUID) -> None:
    other = uuid4()
    keys = uncached(pool, ring)
    keys.encryption_key(person)
    keys.encryption_key(other)
    with pool.connection() as connection:
        connection.execute(
            """
            UPDATE easeboard.people_keys
               SET wrapped = (SELECT wrapped FROM easeboard.people_keys WHERE person_id = %s)
             WHERE person_id = %s
            """,
            [person, other],
        )
    assert set(keys.decryption_keys({person, other})) == {person}


def test_no_key_is_stored_in_plain_text(
    pool: WritePool, ring: KeyRing, person: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    random_values = [bytes([value]) * 32 for value in (7, 8)]
    monkeypatch.setattr(os, "urandom", lambda size: random_values.pop(0)[:size])
    uncached(pool, ring).encryption_key(person)
    with pool.connection() as connection:
        row = connection.execute("SELECT wrapped FROM easeboard.people_keys").fetchone()
    assert row
    assert b"\x07" * 8 not in row[0]


def test_a_new_key_is_for_people_who_never_had_one(
    pool: WritePool, ring: KeyRing, person: UUID
) -> None:
    keys, erased = uncached(pool, ring), uuid4()
    keys.destroy(erased)
    assert keys.new_key(erased) is None
    new_key = keys.new_key(person)
    assert new_key
    cipher, storing = new_key
    assert keys.decryption_keys({person}) == {}, "it is not stored yet"
    execute(pool, storing.statement, storing.values)
    assert can_decrypt(cipher.encrypt(NONCE, b"text", None), keys.encryption_key(person))
    assert keys.new_key(person) is None
    assert PersonKeys(pool, parse_key_ring(NEW)).new_key(person) is None


def test_of_two_new_keys_the_second_is_refused(
    pool: WritePool, ring: KeyRing, person: UUID
) -> None:
    first, second = (uncached(pool, ring).new_key(person) for _ in range(2))
    assert first
    assert second
    execute(pool, first[1].statement, first[1].values)
    with pytest.raises(UniqueViolation):
        execute(pool, second[1].statement, second[1].values)
    assert can_decrypt(
        first[0].encrypt(NONCE, b"text", None), uncached(pool, ring).encryption_key(person)
    )
