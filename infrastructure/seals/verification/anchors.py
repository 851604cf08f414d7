"""Signed checkpoints that the log must agree with: of the database, published, and kept ones."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import psycopg

from infrastructure.seals.seal_store import SealedCheckpoint, to_checkpoint
from infrastructure.seals.signatures import SignatureWrong, VerifierKey
from infrastructure.seals.signed_checkpoint import Checkpoint, CheckpointMalformed
from infrastructure.seals.signed_note import NoteMalformed, NoteUnsigned, open_note
from infrastructure.seals.tlog_proof import require_origin
from infrastructure.seals.verification.findings import Finding

NOTE_ERRORS = (NoteMalformed, NoteUnsigned, SignatureWrong, CheckpointMalformed)

AnchorOrigin = Literal["database", "published", "kept"]

SELECT_CHECKPOINTS = """
SELECT size, last_position, root, note || cosignatures, sealed_at
  FROM easeboard.seal_checkpoints
 WHERE size > %s
   AND size <= %s
 ORDER BY size
"""
SELECT_NEWEST = """
SELECT size, last_position, root, note || cosignatures, sealed_at
  FROM easeboard.seal_checkpoints
 WHERE size <= %s
 ORDER BY size DESC
 LIMIT 1
"""


class Anchor(NamedTuple):
    """A checkpoint with a valid signature of the log."""

    origin: AnchorOrigin
    checkpoint: Checkpoint
    last_position: int | None = None
    """Position of the last event; nothing signs it, and only the database has it."""
    signers: tuple[str, ...] = ()
    """The names of the keys whose signatures were checked."""

    @property
    def size(self) -> int:
        """Number of events of the tree."""
        return self.checkpoint.size

    def __str__(self) -> str:
        """Return what reports call it."""
        return f"the {self.origin} checkpoint of size {self.size:,}"


def open_anchor(origin: AnchorOrigin, note: bytes, keys: Sequence[VerifierKey]) -> Anchor:
    """Return the checkpoint of a note that its log has signed.

    Raises: NoteMalformed, NoteUnsigned, SignatureWrong, CheckpointMalformed.
    """
    opened = open_note(note, keys)
    checkpoint = Checkpoint.parse(opened.text)
    require_origin(checkpoint, opened)
    return Anchor(origin, checkpoint, None, tuple(key.name for key in opened.signatures))


def open_stored(stored: SealedCheckpoint, keys: Sequence[VerifierKey]) -> Anchor | Finding:
    """Return a checkpoint of the database, or what is wrong with it."""
    try:
        anchor = open_anchor("database", stored.note, keys)
    except NOTE_ERRORS as error:
        return rewritten(stored.size, stored.last_position, str(error))
    if anchor.checkpoint.size != stored.size or anchor.checkpoint.root != stored.root:
        return rewritten(
            stored.size, stored.last_position, "its size or root is not the signed one"
        )
    return anchor._replace(last_position=stored.last_position)


def rewritten(size: int, position: int | None, reason: str) -> Finding:
    """Return the finding about a checkpoint of the database that was changed."""
    return Finding(
        kind="checkpoint rewritten",
        detail=f"The checkpoint of size {size:,} in the database was changed: {reason}.",
        size=size,
        position=position,
    )


def newest_stored(
    connection: psycopg.Connection[Any], up_to_size: int = 2**63 - 1
) -> SealedCheckpoint | None:
    """Return the largest checkpoint of the database with at most so many events."""
    row = connection.execute(SELECT_NEWEST, [up_to_size], binary=True).fetchone()
    return to_checkpoint(row) if row else None


def stored_between(
    connection: psycopg.Connection[Any], after_size: int, up_to_size: int
) -> Iterator[SealedCheckpoint]:
    """Yield the checkpoints of the database with after_size < size <= up_to_size, in order."""
    for row in connection.execute(SELECT_CHECKPOINTS, [after_size, up_to_size], binary=True):
        yield to_checkpoint(row)
