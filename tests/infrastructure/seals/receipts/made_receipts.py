"""Receipts that tests make without a database: one grade in a tree of several events."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID

from domain.connection import Connection
from domain.events import GradeChanged
from infrastructure.event_store.mapper import Mapper
from infrastructure.seals.entry import LogEntry, decode_entry, encode_entry, microseconds
from infrastructure.seals.merkle import (
    EntryRange,
    fold_right,
    inclusion_ranges,
    leaf_hash,
    perfect_ranges,
    perfect_root,
)
from infrastructure.seals.receipts.receipt_file import GradeReceipt
from infrastructure.seals.receipts.shown_grade import STATEMENT, shown_grade
from infrastructure.seals.signatures import (
    ED25519,
    ED25519_COSIGNATURE,
    ML_DSA_44,
    SigningKey,
    signing_key,
)
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import sign_note
from infrastructure.seals.tlog_proof import TlogProof
from tests.infrastructure.event_store.event_rows import (
    NOW,
    PERSON,
    InMemoryPersonKeys,
    make_event,
    to_row,
)

ORIGIN = "log.example/easeboard/1"
CANVAS_URL = "https://school.instructure.com"
LOG = signing_key(ORIGIN, ED25519, bytes(range(32)))
LATER_LOG = signing_key(ORIGIN, ML_DSA_44, bytes(range(1, 33)))
WITNESS = signing_key("witness.example/w1", ED25519_COSIGNATURE, bytes(range(2, 34)))
OTHER_WITNESS = signing_key("witness.example/w2", ML_DSA_44, bytes(range(3, 35)))
STRANGER = signing_key(ORIGIN, ED25519, bytes(range(4, 36)))
COSIGNED_AT = 1_790_000_000
GRADE: dict[str, Any] = {
    "subject": "assignment",
    "course_id": "101",
    "assignment_id": "9007199254740993",
    "course_name": "Physics",
    "assignment_name": "Übung “5” 📐",
    "previous": {"score": 7.0, "grade": "C"},
    "current": {"score": 8.5, "grade": None},
    "baseline": False,
}


def make_receipt(
    *signers: SigningKey, size: int = 7, index: int = 3, topic: bytes | None = None, **fields: Any
) -> GradeReceipt:
    """Return a receipt of a grade with these fields, whose checkpoint these keys have signed."""
    mapper = Mapper(InMemoryPersonKeys())
    connection_id = Connection.id_for(PERSON, CANVAS_URL, 2)
    ids = {"connection_id": connection_id, "sync_id": UUID(int=7)}
    row = to_row(mapper, make_event(GradeChanged, **(ids | GRADE | fields)))
    opening = mapper.open_state(row)
    assert opening
    entry = encode_entry(
        LogEntry(
            position=40 + index,
            stream=row[0],
            version=row[1],
            event_id=UUID(int=index + 1),
            recorded_at=microseconds(NOW),
            command_id=UUID(int=9),
            person_id=PERSON,
            causation_id=UUID(int=8),
            topic=topic or row[2].encode(),
            actor=b"worker",
            correlation_id=None,
            state_digest=sha256(row[3]).digest(),
        )
    )
    return GradeReceipt(
        statement=STATEMENT,
        grade=shown_grade(
            decode_entry(entry)._replace(topic=b"GradeChanged"),
            opening.plaintext.decode(),
            canvas_url=CANVAS_URL,
            connection_number=2,
        ),
        connection_number=2,
        opening=opening,
        state=row[3],
        entry=entry,
        proof=_prove(entry, index, size, signers or (LOG,)),
        vkeys=tuple(str(key.verifier) for key in signers or (LOG,)),
    )


def _prove(entry: bytes, index: int, size: int, signers: Sequence[SigningKey]) -> bytes:
    leaves = [leaf_hash(b"entry %d" % number) for number in range(size)]
    leaves[index] = leaf_hash(entry)

    def root(part: EntryRange) -> bytes:
        return fold_right(
            [perfect_root(leaves[each.start : each.end]) for each in perfect_ranges(part)]
        )

    checkpoint = Checkpoint(ORIGIN, size, root(EntryRange(0, size)))
    path = [root(part) for part in inclusion_ranges(index, size)]
    return TlogProof(index, path, sign_note(checkpoint.text(), signers, COSIGNED_AT)).text()
