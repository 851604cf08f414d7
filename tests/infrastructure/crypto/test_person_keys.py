"""Everybody has one key, and once it is destroyed there is never another."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import PersonIsErased
from infrastructure.crypto.master_key import KeyRing, key_ring
from infrastructure.crypto.person_keys import PeopleKeys, PersonKeyUnreadable
from infrastructure.postgres.execute import Pool
from infrastructure.postgres.pools import writes

OLD = "hex:" + "0123456789abcdef" * 4
NEW = "hex:" + "fedcba9876543210" * 4
NONCE = bytes(12)


@pytest.fixture
def pool(database_url: str) -> Iterator[Pool]:
    with writes(database_url) as pool:
        yield pool


@pytest.fixture
def ring() -> KeyRing:
    return key_ring(OLD)


@pytest.fixture
def person() -> UUID:
    return uuid4()


def forgetful(pool: Pool, ring: KeyRing) -> PeopleKeys:
    """One that looks everything up again, as another process would."""
    return PeopleKeys(pool, ring, seconds=0)


def opens(sealed: bytes, cipher: AESGCM | None) -> bool:
    assert cipher
    return cipher.decrypt(NONCE, sealed, None) == b"text"


def test_a_key_is_made_once_and_kept(pool: Pool, ring: KeyRing, person: UUID) -> None:
    sealed = forgetful(pool, ring).sealing(person).encrypt(NONCE, b"text", None)
    assert opens(sealed, forgetful(pool, ring).sealing(person))
    assert opens(sealed, forgetful(pool, ring).opening({person})[person])


def test_who_makes_it_first_makes_it_for_all(pool: Pool, ring: KeyRing, person: UUID) -> None:
    start = Barrier(6)

    def seal(_: int) -> bytes:
        keys = forgetful(pool, ring)
        start.wait()
        return keys.sealing(person).encrypt(NONCE, b"text", None)

    with ThreadPoolExecutor(6) as threads:
        assert len(set(threads.map(seal, range(6)))) == 1


def test_everybody_has_their_own(pool: Pool, ring: KeyRing) -> None:
    keys = PeopleKeys(pool, ring)
    sealed = {keys.sealing(uuid4()).encrypt(NONCE, b"text", None) for _ in range(5)}
    assert len(sealed) == 5


def test_many_are_looked_up_at_once(pool: Pool, ring: KeyRing) -> None:
    known, erased, unknown = uuid4(), uuid4(), uuid4()
    keys = forgetful(pool, ring)
    keys.sealing(known)
    keys.destroy(erased)
    found = keys.opening({known, erased, unknown})
    assert set(found) == {known, erased}
    assert found[known] is not None
    assert found[erased] is None


def test_a_destroyed_key_stays_destroyed(pool: Pool, ring: KeyRing, person: UUID) -> None:
    keys = PeopleKeys(pool, ring)
    keys.sealing(person)
    keys.destroy(person)
    keys.destroy(person)
    for each in (keys, forgetful(pool, ring)):
        with pytest.raises(PersonIsErased):
            each.sealing(person)
    with pool.connection() as connection:
        row = connection.execute(
            "SELECT key_id, wrapped, destroyed_at IS NULL FROM easeboard.people_keys"
        ).fetchone()
    assert row == (None, None, False)


def test_who_never_had_a_key_gets_none_after_erasure(
    pool: Pool, ring: KeyRing, person: UUID
) -> None:
    PeopleKeys(pool, ring).destroy(person)
    with pytest.raises(PersonIsErased):
        PeopleKeys(pool, ring).sealing(person)


def test_an_erasure_elsewhere_takes_effect_when_memory_fades(
    pool: Pool, ring: KeyRing, person: UUID
) -> None:
    lasting, fading = PeopleKeys(pool, ring, seconds=60), forgetful(pool, ring)
    lasting.sealing(person)
    fading.sealing(person)
    PeopleKeys(pool, ring).destroy(person)
    assert lasting.sealing(person)
    with pytest.raises(PersonIsErased):
        fading.sealing(person)


def test_memory_is_bounded(pool: Pool, ring: KeyRing) -> None:
    keys = PeopleKeys(pool, ring, size=3)
    for _ in range(5):
        keys.sealing(uuid4())
    assert len(keys._kept) == 3


def test_a_key_opens_by_the_master_key_that_wrapped_it(
    pool: Pool, ring: KeyRing, person: UUID
) -> None:
    sealed = forgetful(pool, ring).sealing(person).encrypt(NONCE, b"text", None)
    rotated = forgetful(pool, key_ring(f"k2={NEW},k1={OLD}"))
    assert opens(sealed, rotated.sealing(person))
    newcomer = uuid4()
    rotated.sealing(newcomer)
    assert newcomer not in forgetful(pool, ring).opening({newcomer})


@pytest.mark.parametrize("wrong", [NEW, f"k7={OLD}"])
def test_a_key_that_does_not_open_is_never_replaced(
    pool: Pool, ring: KeyRing, person: UUID, wrong: str
) -> None:
    forgetful(pool, ring).sealing(person)
    lost = forgetful(pool, key_ring(wrong))
    assert lost.opening({person}) == {}
    with pytest.raises(PersonKeyUnreadable):
        lost.sealing(person)
    assert forgetful(pool, ring).sealing(person)


def test_a_key_is_bound_to_its_person(pool: Pool, ring: KeyRing, person: UUID) -> None:
    other = uuid4()
    keys = forgetful(pool, ring)
    keys.sealing(person)
    keys.sealing(other)
    with pool.connection() as connection:
        connection.execute(
            """
            UPDATE easeboard.people_keys
               SET wrapped = (SELECT wrapped FROM easeboard.people_keys WHERE person_id = %s)
             WHERE person_id = %s
            """,
            [person, other],
        )
    assert set(keys.opening({person, other})) == {person}


def test_no_key_lies_in_the_database_as_it_is(
    pool: Pool, ring: KeyRing, person: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [bytes([nth]) * 32 for nth in (7, 8)]
    monkeypatch.setattr(os, "urandom", lambda size: drawn.pop(0)[:size])
    forgetful(pool, ring).sealing(person)
    with pool.connection() as connection:
        row = connection.execute("SELECT wrapped FROM easeboard.people_keys").fetchone()
    assert row
    assert b"\x07" * 8 not in row[0]
