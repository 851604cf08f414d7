"""Makes the receipt of one grade from the log and its seals."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from domain.connection import Connection
from domain.errors import PersonIsErased
from domain.log_position import LogPosition
from infrastructure.event_store.encryption import Opening, commitment_of
from infrastructure.event_store.mapper import EventRow, Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.entry import decode_entry
from infrastructure.seals.event_proofs import EventProof, prove
from infrastructure.seals.log_entries import find_entry
from infrastructure.seals.receipts.receipt_file import GradeReceipt
from infrastructure.seals.receipts.shown_grade import STATEMENT, TOPIC, shown_grade
from infrastructure.seals.receipts.verify_receipt import verify_receipt
from infrastructure.seals.seal_keys import verifier_keys
from infrastructure.seals.seal_store import SealedCheckpoint, index_of, to_checkpoint
from infrastructure.seals.signatures import SignatureWrong, VerifierKey
from infrastructure.seals.signed_note import SignatureLine, split_note

MAX_CONNECTIONS = 10_000
"""Connections of a person to one Canvas, one after the other."""

SELECT_GRADE = """
SELECT stream, version, topic, state, recorded_at, person_id, position,
       (SELECT id FROM easeboard.timelines ORDER BY number DESC LIMIT 1)
  FROM easeboard.events
 WHERE position = easeboard.position_of_event(%s)
   AND person_id = %s
   AND topic = %s
"""

# The more witnesses, the better; of equal ones the oldest, which dates the grade best. Without any
# it is the first checkpoint, so that a receipt stays the same while new checkpoints appear.
SELECT_CHECKPOINT = """
SELECT size, last_position, root, note || cosignatures, sealed_at
  FROM (
           (
               SELECT *
                 FROM easeboard.seal_checkpoints
                WHERE size > %(index)s
                  AND cosignatures <> ''
                ORDER BY size
                LIMIT 100
           )
            UNION
           (SELECT * FROM easeboard.seal_checkpoints WHERE size > %(index)s ORDER BY size LIMIT 1)
       ) AS covering
 ORDER BY regexp_count(cosignatures, '\\n') DESC, size
 LIMIT 1
"""


class GradeUnknown(LookupError):
    """The person has no change of a grade with this id."""


class GradeNotSealed(Exception):
    """No signed checkpoint covers the grade yet."""


class GradeNotCommitted(Exception):
    """The grade was recorded before events had commitments: it can never be shown alone."""


class SealedGrade(NamedTuple):
    """The receipt of a grade, and the place of its event in the log."""

    receipt: GradeReceipt
    place: LogPosition


async def make_receipt(
    person_id: UUID,
    change_id: UUID,
    *,
    pool: ReadPool,
    mapper: Mapper,
    store: EventStore,
    witness_keys: Sequence[VerifierKey] = (),
) -> SealedGrade:
    """Return the receipt of a grade of this person; `change_id` is the id of its event.

    Cosignatures of witnesses with another key than `witness_keys` are left out.

    Raises: GradeUnknown, GradeNotCommitted, GradeNotSealed, PersonIsErased; EventChanged if the
    log was changed after it was sealed.
    """
    found = await _select(pool, SELECT_GRADE, [change_id, person_id, TOPIC.decode()])
    if not found:
        raise GradeUnknown(change_id)
    row: EventRow = found[0][:7]
    if commitment_of(row[3]) is None:
        raise GradeNotCommitted(change_id)
    # The mapper may read keys from the database, which blocks.
    opening = await asyncio.to_thread(mapper.open_state, row)
    if opening is None:
        raise PersonIsErased(person_id)
    proof = await _proof_of(pool, change_id)
    connection_id = UUID(json.loads(opening.plaintext)["connection_id"])
    connection = await store.load(Connection, connection_id)
    keys = [*await verifier_keys(pool), *witness_keys]
    receipt = _build(row, opening, proof, connection, keys)
    # In a thread, because signatures and hashes are checked.
    await asyncio.to_thread(verify_receipt, receipt)
    return SealedGrade(receipt, LogPosition(found[0][7], row[6]))


async def _proof_of(pool: ReadPool, event_id: UUID) -> EventProof:
    async with pool.connection() as connection:
        found = await find_entry(connection, event_id)
    index = await index_of(pool, found[0]) if found else None
    if found is None or index is None:
        raise GradeNotSealed(event_id)
    checkpoint = await _covering_checkpoint(pool, index)
    if checkpoint is None:
        raise GradeNotSealed(event_id)
    return await prove(pool, *found, index, checkpoint)


async def _covering_checkpoint(pool: ReadPool, index: int) -> SealedCheckpoint | None:
    rows = await _select(pool, SELECT_CHECKPOINT, {"index": index})
    return to_checkpoint(rows[0]) if rows else None


def _build(
    row: EventRow,
    opening: Opening,
    proof: EventProof,
    connection: Connection,
    keys: Sequence[VerifierKey],
) -> GradeReceipt:
    text, lines = split_note(proof.proof.note)
    signed = {line: key for line in lines if (key := _signer_of(text, line, keys))}
    note = text + b"\n" + "".join(f"{line}\n" for line in signed).encode()
    number = _number_of(connection)
    grade = shown_grade(
        decode_entry(proof.entry),
        opening.plaintext.decode(),
        canvas_url=connection.canvas_url,
        connection_number=number,
    )
    return GradeReceipt(
        statement=STATEMENT,
        grade=grade,
        connection_number=number,
        opening=opening,
        state=row[3],
        entry=proof.entry,
        proof=proof.proof._replace(note=note).text(),
        vkeys=tuple(map(str, dict.fromkeys(signed.values()))),
    )


def _signer_of(text: bytes, line: SignatureLine, keys: Sequence[VerifierKey]) -> VerifierKey | None:
    """Return the key that made a signature; None if it is unknown or the signature is wrong."""
    for key in keys:
        if (key.name, key.key_id) == (line.name, line.key_id):
            try:
                key.verify(text, line.signature)
            except SignatureWrong:
                return None
            return key
    return None


def _number_of(connection: Connection) -> int:
    """Return which of the person's connections to this Canvas it is; 0 if none has this id."""
    numbers = range(1, MAX_CONNECTIONS + 1)
    person_id, url = connection.person_id, connection.canvas_url
    return next((n for n in numbers if Connection.id_for(person_id, url, n) == connection.id), 0)


async def _select(pool: ReadPool, statement: str, values: Any) -> list[Any]:
    async with pool.connection() as connection:
        return await (await connection.execute(statement, values, binary=True)).fetchall()
