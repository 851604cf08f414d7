"""A receipt is made of a grade of its person, when it is sealed, and never of an erased person."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.errors import PersonIsErased
from domain.events import GradeChanged, SyncStarted
from domain.sync import Sync
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.encryption import encrypt
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import ReadPool, WritePool
from infrastructure.seals.event_proofs import EventChanged
from infrastructure.seals.receipts.make_receipt import (
    GradeNotCommitted,
    GradeNotSealed,
    GradeUnknown,
    make_receipt,
)
from infrastructure.seals.receipts.receipt_file import GradeReceipt
from infrastructure.seals.receipts.verify_receipt import verify_receipt
from infrastructure.seals.seal_keys import verifier_keys
from infrastructure.seals.signatures import ED25519_COSIGNATURE, SigningKey, new_signing_key
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import sign_text, split_note
from infrastructure.seals.tlog_proof import TlogProof
from tests.dev_tokens import ADA, BOB
from tests.infrastructure.event_store.aggregate_histories import new_connection
from tests.infrastructure.event_store.event_rows import NOW
from tests.infrastructure.seals.log_rows import insert_rows, take_lease
from tests.infrastructure.seals.receipts.made_receipts import (
    COSIGNED_AT,
    GRADE,
    OTHER_WITNESS,
    WITNESS,
)
from tests.infrastructure.seals.sealers import RING, new_sealer, seal_all

INSERT_EVENT = """
INSERT INTO easeboard.events (stream, version, topic, actor, command_id, person_id, state)
VALUES (%s, %s, %s, 'worker', gen_random_uuid(), %s, %s)
RETURNING event_id
"""
ADD_COSIGNATURES = """
UPDATE easeboard.seal_checkpoints SET cosignatures = cosignatures || %s WHERE size = %s
"""


@dataclass
class GradeLog:
    """A log with a connection of Ada, to which a test appends grades."""

    url: str
    write_pool: WritePool
    read_pool: ReadPool
    keys: PersonKeys
    mapper: Mapper
    store: EventStore
    versions: int = 0

    def append(self, *, is_committed: bool = True, event: Any = None) -> UUID:
        """Append an event past the store, in the newest form or in the one before."""
        self.versions += 1
        connection_id = new_connection(ADA).id
        fields = {"connection_id": connection_id, "sync_id": UUID(int=7)} | (event or GRADE)
        kind = SyncStarted if event else GradeChanged
        stored = kind(
            originator_id=Sync.id_for(connection_id),
            originator_version=self.versions,
            timestamp=NOW,
            **fields,
        )
        (row,) = self.mapper.to_stored_events([stored], ADA)
        state = row.state
        if not is_committed:
            opening = self.mapper.open_state((*row[:4], NOW, ADA, 0))
            assert opening
            place = row[0].bytes + row[1].to_bytes(8) + row[2].encode()
            state = encrypt(opening.plaintext, self.keys.encryption_key(ADA), bytes(12), place)
        with psycopg.connect(self.url) as connection:
            values = [row[0], row[1], row[2], ADA, state]
            (event_id,) = connection.execute(INSERT_EVENT, values).fetchone() or (None,)
        assert isinstance(event_id, UUID)
        return event_id

    def seal(self) -> None:
        seal_all(new_sealer(self.write_pool), take_lease(self.url))

    async def receipt(self, change_id: UUID, person: UUID = ADA) -> GradeReceipt:
        made = await make_receipt(
            person,
            change_id,
            pool=self.read_pool,
            mapper=self.mapper,
            store=self.store,
            witness_keys=[WITNESS.verifier, OTHER_WITNESS.verifier],
        )
        return made.receipt

    def cosign(self, size: int, *witnesses: SigningKey, is_wrong: bool = False) -> None:
        with psycopg.connect(self.url) as connection:
            rows = connection.execute(
                "SELECT note FROM easeboard.seal_checkpoints WHERE size = %s", [size]
            ).fetchall()
            text, _ = split_note(rows[0][0].encode())
            signed = text.replace(b"\n", b"-", 1) + b"\n" if is_wrong else text
            lines = "".join(f"{sign_text(signed, each, COSIGNED_AT)}\n" for each in witnesses)
            connection.execute(ADD_COSIGNATURES, [lines, size])


@pytest.fixture
def log(database_url: str, write_pool: WritePool, read_pool: ReadPool) -> Iterator[GradeLog]:
    keys = PersonKeys(write_pool, RING)
    store = EventStore(write_pool, keys)
    store.save_blocking(new_connection(ADA))
    yield GradeLog(database_url, write_pool, read_pool, keys, Mapper(keys), store)
    store.close()


def size_of(receipt: GradeReceipt) -> int:
    text, _ = split_note(TlogProof.parse(receipt.proof).note)
    return Checkpoint.parse(text).size


async def test_a_sealed_grade_has_a_receipt_that_the_key_of_the_log_verifies(log: GradeLog) -> None:
    change = log.append()
    log.seal()
    receipt = await log.receipt(change)
    verified = verify_receipt(receipt, await verifier_keys(log.read_pool))
    assert verified.is_trusted
    assert verified.grade["event_id"] == str(change)
    assert verified.grade["person_id"] == str(ADA)
    assert verified.grade["current"] == {"score": 8.5, "grade": None}


async def test_a_grade_that_is_not_sealed_has_no_receipt_yet(log: GradeLog) -> None:
    change = log.append()
    with pytest.raises(GradeNotSealed):
        await log.receipt(change)
    log.seal()
    later = log.append()
    assert await log.receipt(change)
    with pytest.raises(GradeNotSealed):
        await log.receipt(later)


async def test_a_grade_of_somebody_else_and_another_event_are_unknown(log: GradeLog) -> None:
    change, other = log.append(), log.append(event={"worker": "w"})
    log.seal()
    for person, event_id in ((BOB, change), (ADA, other), (ADA, uuid4())):
        with pytest.raises(GradeUnknown):
            await log.receipt(event_id, person)


async def test_a_grade_from_before_commitments_has_no_receipt(log: GradeLog) -> None:
    change = log.append(is_committed=False)
    log.seal()
    with pytest.raises(GradeNotCommitted):
        await log.receipt(change)


async def test_after_an_erasure_there_is_no_receipt_and_an_earlier_one_stays_valid(
    log: GradeLog,
) -> None:
    change = log.append()
    log.seal()
    receipt = await log.receipt(change)
    log.keys.destroy(ADA)
    with pytest.raises(PersonIsErased):
        await log.receipt(change)
    assert verify_receipt(receipt, await verifier_keys(log.read_pool)).is_trusted


async def test_a_receipt_stays_the_same_while_the_log_grows(log: GradeLog) -> None:
    change = log.append()
    log.seal()
    first = await log.receipt(change)
    insert_rows(log.url, 300)
    log.seal()
    assert await log.receipt(change) == first


async def test_a_receipt_has_the_checkpoint_with_most_witnesses_and_their_keys(
    log: GradeLog,
) -> None:
    change = log.append()
    for _ in range(3):
        insert_rows(log.url, 5)
        log.seal()
    log.cosign(12, WITNESS)
    assert size_of(await log.receipt(change)) == 12
    log.cosign(17, WITNESS, OTHER_WITNESS)
    receipt = await log.receipt(change)
    assert size_of(receipt) == 17
    trusted = [*await verifier_keys(log.read_pool), WITNESS.verifier]
    assert verify_receipt(receipt, trusted).no_later_than == COSIGNED_AT


async def test_lines_of_unknown_keys_and_wrong_signatures_are_left_out(log: GradeLog) -> None:
    change = log.append()
    log.seal()
    log.cosign(2, new_signing_key("stranger.example", ED25519_COSIGNATURE))
    log.cosign(2, WITNESS, is_wrong=True)
    receipt = await log.receipt(change)
    assert receipt.vkeys == tuple(map(str, await verifier_keys(log.read_pool)))
    assert verify_receipt(receipt)


async def test_a_row_that_was_changed_has_no_receipt(log: GradeLog) -> None:
    change = log.append()
    log.seal()
    with psycopg.connect(log.url) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER USER")
        connection.execute("UPDATE easeboard.events SET actor = 'x' WHERE event_id = %s", [change])
    with pytest.raises(EventChanged):
        await log.receipt(change)
