"""The keys of the seals are made once, stored encrypted, and rotated with the master key."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest

from infrastructure.crypto.key_check import check_master_key
from infrastructure.crypto.master_key import KeyRing, MasterKey
from infrastructure.postgres.pools import ReadPool, WritePool
from infrastructure.seals.seal_keys import SealKeyUnreadable, ensure_signing_keys, verifier_keys
from infrastructure.seals.signatures import SigningKey
from interfaces.cli.keys import rotate
from tests.infrastructure.seals.log_rows import new_ring


def ensure(url: str, ring: KeyRing, host: str = "localhost", *, ml_dsa: bool = False) -> list[str]:
    return [str(key.verifier) for key in signing_keys(url, ring, host, ml_dsa=ml_dsa)]


def signing_keys(
    url: str, ring: KeyRing, host: str = "localhost", *, ml_dsa: bool = False
) -> list[SigningKey]:
    with psycopg.connect(url) as connection:
        return ensure_signing_keys(connection, ring, host=host, with_ml_dsa=ml_dsa)


@pytest.mark.parametrize("ml_dsa", [False, True])
async def test_processes_that_start_at_once_make_one_key(
    database_url: str, read_pool: ReadPool, *, ml_dsa: bool
) -> None:
    ring, barrier = new_ring(), Barrier(6)

    def start() -> list[str]:
        barrier.wait()
        return ensure(database_url, ring, ml_dsa=ml_dsa)

    with ThreadPoolExecutor(6) as threads:
        found = [future.result() for future in [threads.submit(start) for _ in range(6)]]
    assert all(keys == found[0] for keys in found)
    assert list(map(str, await verifier_keys(read_pool))) == found[0]


def test_the_origin_is_that_of_the_first_key(database_url: str) -> None:
    ring = new_ring()
    first = ensure(database_url, ring, "easeboard.school.edu")
    assert first[0].startswith("easeboard.school.edu/easeboard/")
    assert ensure(database_url, ring, "elsewhere") == first
    both = signing_keys(database_url, ring, "elsewhere", ml_dsa=True)
    assert both[0].name == both[1].name
    assert ensure(database_url, ring) == first


def test_without_the_master_key_nothing_is_signed(database_url: str) -> None:
    ensure(database_url, new_ring())
    with pytest.raises(SealKeyUnreadable, match="CANVAS_ENCRYPTION_KEY"):
        ensure(database_url, new_ring())


def test_the_private_half_of_another_key_is_refused(database_url: str) -> None:
    ring = new_ring()
    ensure(database_url, ring, ml_dsa=True)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            """
            UPDATE easeboard.seal_keys
               SET wrapped = (SELECT wrapped FROM easeboard.seal_keys WHERE kind = 6)
             WHERE kind = 1
            """
        )
    with pytest.raises(SealKeyUnreadable):
        ensure(database_url, ring)


def test_a_rotation_of_master_keys_rewraps_them(database_url: str, write_pool: WritePool) -> None:
    old = new_ring()
    check_master_key(write_pool, old)
    keys = signing_keys(database_url, old, ml_dsa=True)
    newest = MasterKey("k2", bytes(range(32)))
    rotation = rotate(write_pool, KeyRing([newest, old.active]), lambda _done, _all: None)
    assert (rotation.rewrapped, rotation.remaining.total) == (2, 0)
    assert rotation.status.removable == ["k1"]
    alone = KeyRing([newest])
    again = signing_keys(database_url, alone, ml_dsa=True)
    assert [key.private_bytes() for key in again] == [key.private_bytes() for key in keys]
