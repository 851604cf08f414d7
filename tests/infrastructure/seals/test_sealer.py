"""The sealer grows one tree over the log, in batches, and only while its process may."""

import threading
from itertools import pairwise
from uuid import UUID

import psycopg
import pytest
from psycopg import errors

from infrastructure.postgres.lease import LeaseLost
from infrastructure.postgres.pools import ReadPool, WritePool
from infrastructure.seals.event_proofs import EventChanged, proof_of, seals_of
from infrastructure.seals.merkle import consistency_ranges, verify_consistency
from infrastructure.seals.seal_keys import verifier_keys
from infrastructure.seals.seal_store import checkpoints, indexes_of, newest_checkpoint, read_tiles
from infrastructure.seals.seal_writer import LogWentBackwards, SealedByAnother
from infrastructure.seals.signatures import ED25519, ML_DSA_44
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import open_note
from infrastructure.seals.tiles import (
    GrowingTree,
    bundle_hashes,
    range_root,
    tiles_of_ranges,
)
from tests.infrastructure.seals.log_rows import (
    burn_positions,
    expected_entries,
    insert_rows,
    take_lease,
)
from tests.infrastructure.seals.sealers import (
    END,
    expected_root,
    expected_tiles,
    new_sealer,
    seal_all,
    stored_tiles,
)


async def test_the_tree_is_the_one_of_all_rows_whatever_the_batches(
    database_url: str, write_pool: WritePool, read_pool: ReadPool
) -> None:
    sealer, claim = new_sealer(write_pool, 100), take_lease(database_url)
    for count in (1, 254, 1, 1, 300, 17):
        insert_rows(database_url, count)
        burn_positions(database_url, 2)
        seal_all(sealer, claim)
        newest = await newest_checkpoint(read_pool)
        assert newest
        assert newest.root == expected_root(database_url)
        assert newest.last_position == expected_entries(database_url)[-1][0]
        assert stored_tiles(database_url) == expected_tiles(database_url)


async def test_sizes_at_the_edges_of_tiles(
    database_url: str, write_pool: WritePool, read_pool: ReadPool
) -> None:
    claim, size = take_lease(database_url), 0
    for new_size in (255, 256, 257, 65_535, 65_536, 65_793):
        insert_rows(database_url, new_size - size)
        size = new_size
        # Another process goes on each time.
        seal_all(new_sealer(write_pool, 30_000), claim)
    assert stored_tiles(database_url) == expected_tiles(database_url)
    tree, leaves = (
        GrowingTree(),
        bundle_hashes(entry for _, entry in expected_entries(database_url)),
    )
    for checkpoint in reversed(await checkpoints(read_pool)):
        tree.add(leaves[tree.size : checkpoint.size])
        assert tree.root() == checkpoint.root, checkpoint.size


async def test_each_checkpoint_is_signed_and_continues_the_one_before(
    database_url: str, write_pool: WritePool, read_pool: ReadPool
) -> None:
    insert_rows(database_url, 700)
    assert seal_all(new_sealer(write_pool, 90), take_lease(database_url)) == 8
    found = await checkpoints(read_pool)
    keys = await verifier_keys(read_pool)
    assert [each.size for each in found] == [700, *range(630, 0, -90)]
    for newer, older in pairwise(found):
        text, signatures = open_note(newer.note, keys)
        assert list(signatures) == keys
        assert Checkpoint.parse(text) == Checkpoint(keys[0].name, newer.size, newer.root)
        ranges = consistency_ranges(older.size, newer.size)
        tiles = await read_tiles(read_pool, tiles_of_ranges(ranges, newer.size))
        path = [range_root(part, tiles) for part in ranges]
        verify_consistency(older.size, newer.size, path, older.root, newer.root)
    assert await checkpoints(read_pool, before_size=270, limit=1) == [found[-2]]


async def test_every_sealed_event_is_proven(
    database_url: str, write_pool: WritePool, read_pool: ReadPool
) -> None:
    insert_rows(database_url, 200)
    burn_positions(database_url, 7)
    positions = insert_rows(database_url, 200)
    seal_all(new_sealer(write_pool, 150), take_lease(database_url))
    (unsealed,) = insert_rows(database_url, 1)
    keys = await verifier_keys(read_pool)
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT position, event_id FROM easeboard.events ORDER BY position"
        ).fetchall()
    for index in (0, 1, 199, 200, 255, 256, 399):
        position, event_id = rows[index]
        proof = await proof_of(read_pool, event_id)
        assert proof
        assert (proof.position, proof.proof.entry_index) == (position, index)
        checkpoint, _ = proof.proof.verify(proof.entry, keys)
        assert checkpoint.size == 400
    assert await proof_of(read_pool, rows[400][1]) is None
    assert await proof_of(read_pool, UUID(int=1)) is None
    assert await indexes_of(read_pool, [positions[0], 203, unsealed]) == {positions[0]: 200}
    seals = await seals_of(read_pool, [1, positions[-1], unsealed])
    assert {position: (seal["index"], seal["tree_size"]) for position, seal in seals.items()} == {
        1: (0, 150),
        positions[-1]: (399, 400),
    }
    assert open_note(seals[1]["checkpoint"].encode(), keys)


async def test_a_changed_event_is_not_proven(
    database_url: str, write_pool: WritePool, read_pool: ReadPool
) -> None:
    insert_rows(database_url, 3)
    seal_all(new_sealer(write_pool), take_lease(database_url))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
        connection.execute("UPDATE easeboard.events SET actor = 'another' WHERE position = 2")
        (event_id,) = connection.execute(
            "SELECT event_id FROM easeboard.events WHERE position = 2"
        ).fetchone() or (None,)
    with pytest.raises(EventChanged, match="position 2"):
        await proof_of(read_pool, event_id)


async def test_a_process_that_lost_its_lease_writes_nothing(
    database_url: str, write_pool: WritePool, read_pool: ReadPool
) -> None:
    insert_rows(database_url, 10)
    frozen, old_claim = new_sealer(write_pool, 4), take_lease(database_url, "frozen")
    frozen.seal_batch(old_claim, END)
    claim = take_lease(database_url, "other")
    with pytest.raises(LeaseLost):
        frozen.seal_batch(old_claim, END)
    assert seal_all(new_sealer(write_pool, 4), claim) == 2
    newest = await newest_checkpoint(read_pool)
    assert newest
    assert newest.size == 10


async def test_the_size_is_compared_also_within_one_lease(
    database_url: str, write_pool: WritePool, read_pool: ReadPool
) -> None:
    insert_rows(database_url, 10)
    first, second, claim = (
        new_sealer(write_pool, 4),
        new_sealer(write_pool),
        take_lease(database_url),
    )
    first.sealed()
    second.seal_batch(claim, END)
    with pytest.raises(SealedByAnother):
        first.seal_batch(claim, END)
    assert not first.seal_batch(claim, END).entries, "it has read the tree again"
    assert len(await checkpoints(read_pool)) == 1


def test_two_sealers_at_once_make_one_tree(database_url: str, write_pool: WritePool) -> None:
    insert_rows(database_url, 3000)
    claim = take_lease(database_url)

    def seal_against_others() -> None:
        sealer = new_sealer(write_pool, 50)
        while True:
            try:
                if not sealer.seal_batch(claim, END).entries:
                    return
            except SealedByAnother:
                continue

    threads = [threading.Thread(target=seal_against_others) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stored_tiles(database_url) == expected_tiles(database_url)


@pytest.mark.parametrize("change", ["DELETE FROM", "UPDATE"])
def test_nothing_is_sealed_over_a_log_that_lost_its_last_sealed_event(
    database_url: str, write_pool: WritePool, change: str
) -> None:
    insert_rows(database_url, 5)
    claim = take_lease(database_url)
    seal_all(new_sealer(write_pool), claim)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
        setting = "SET actor = 'another'" if change == "UPDATE" else ""
        connection.execute(f"{change} easeboard.events {setting} WHERE position = 5".encode())
    insert_rows(database_url, 1)
    with pytest.raises(LogWentBackwards, match="position 5"):
        seal_all(new_sealer(write_pool), claim)


async def test_ml_dsa_signs_too_if_asked(
    database_url: str, write_pool: WritePool, read_pool: ReadPool
) -> None:
    claim = take_lease(database_url)
    for with_ml_dsa, kinds in ((False, [ED25519]), (True, [ED25519, ML_DSA_44]), (False, [1])):
        insert_rows(database_url, 1)
        seal_all(new_sealer(write_pool, with_ml_dsa=with_ml_dsa), claim)
        keys = await verifier_keys(read_pool)
        newest = await newest_checkpoint(read_pool)
        assert newest
        signatures = open_note(newest.note, keys).signatures
        assert [key.kind for key in signatures] == kinds
        assert len({key.name for key in keys}) == 1


async def test_old_checkpoints_are_thinned_to_one_an_hour(
    database_url: str, write_pool: WritePool, read_pool: ReadPool
) -> None:
    insert_rows(database_url, 12)
    sealer = new_sealer(write_pool, 1)
    seal_all(sealer, take_lease(database_url))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE easeboard.seal_checkpoints DISABLE TRIGGER USER")
        connection.execute(
            """
            UPDATE easeboard.seal_checkpoints
               SET sealed_at = date_trunc('hour', now()) - INTERVAL '3 hours'
                               + size / 4 * INTERVAL '1 hour'
             WHERE size < 12
            """
        )
        connection.execute("ALTER TABLE easeboard.seal_checkpoints ENABLE TRIGGER USER")
        connection.execute(
            "UPDATE easeboard.seal_checkpoints SET cosignatures = 'a line' WHERE size = 5"
        )
    sealer.delete_old_checkpoints()
    sizes = [each.size for each in await checkpoints(read_pool)]
    assert sizes == [12, 11, 10, 9, 8, 5, 3]
    sealer.delete_old_checkpoints()
    assert len(await checkpoints(read_pool)) == len(sizes)


def test_the_newest_checkpoint_is_never_deleted(database_url: str, write_pool: WritePool) -> None:
    insert_rows(database_url, 2)
    sealer, claim = new_sealer(write_pool, 1), take_lease(database_url)
    seal_all(sealer, claim)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "UPDATE easeboard.seal_checkpoints SET cosignatures = 'x' WHERE size = 1"
        )
        connection.execute("ALTER TABLE easeboard.seal_checkpoints DISABLE TRIGGER USER")
        connection.execute("UPDATE easeboard.seal_checkpoints SET sealed_at = '2026-01-01Z'")
    sealer.delete_old_checkpoints()
    assert new_sealer(write_pool).sealed().tree.size == 2


REFUSED = {
    "a hash is changed": "UPDATE easeboard.seal_tiles SET hashes = sha256(hashes) || sha256('x')",
    "a tile is cut": "UPDATE easeboard.seal_tiles SET hashes = substr(hashes, 1, 32)",
    "a tile is moved": "UPDATE easeboard.seal_tiles SET number = number + 1",
    "a first position": "UPDATE easeboard.seal_tiles SET first_position = 7",
    "a tile is deleted": "DELETE FROM easeboard.seal_tiles",
    "a root": "UPDATE easeboard.seal_checkpoints SET root = sha256('x')",
    "a note": "UPDATE easeboard.seal_checkpoints SET note = 'x'",
    "a size": "UPDATE easeboard.seal_checkpoints SET size = size + 1",
}


@pytest.mark.parametrize("change", REFUSED.values(), ids=REFUSED.keys())
def test_the_database_refuses_to_change_what_is_sealed(
    database_url: str, write_pool: WritePool, change: str
) -> None:
    insert_rows(database_url, 2)
    seal_all(new_sealer(write_pool), take_lease(database_url))
    with (
        psycopg.connect(database_url) as connection,
        pytest.raises(errors.ObjectNotInPrerequisiteState),
    ):
        connection.execute(change.encode())
