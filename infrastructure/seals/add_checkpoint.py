"""The body of the request `add-checkpoint` (C2SP tlog-witness): a checkpoint for a witness."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from infrastructure.seals.signed_checkpoint import CheckpointMalformed, decode_hash, encode_hash

PATH = "/add-checkpoint"
SIZE_MEDIA_TYPE = "text/x.tlog.size"
"""The type of the answer 409, which is the size of the newest checkpoint that was cosigned."""
MAX_PROOF_HASHES = 63
MAX_BODY_BYTES = 256 * 1024
"""Enough for a proof, and for 16 signatures of 5 KB each, which the specification requires."""

_OLD_SIZE = re.compile(r"old (0|[1-9][0-9]{0,18})")


class AddCheckpointMalformed(ValueError):
    """A body is no request to add a checkpoint."""


class AddCheckpoint(NamedTuple):
    """A signed checkpoint, and the proof that it continues the tree of `old_size` entries."""

    old_size: int
    proof: Sequence[bytes]
    note: bytes

    def body(self) -> bytes:
        """Return the body of the request."""
        lines = [f"old {self.old_size}", *map(encode_hash, self.proof)]
        return "".join(f"{line}\n" for line in lines).encode() + b"\n" + self.note

    @classmethod
    def parse(cls, body: bytes) -> "AddCheckpoint":
        """Return the request of a body; the note is not examined.

        Raises: AddCheckpointMalformed.
        """
        head, separator, note = body.partition(b"\n\n")
        try:
            first, *hashes = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            first, hashes = "", []
        old_size = _OLD_SIZE.fullmatch(first)
        if not separator or old_size is None:
            raise AddCheckpointMalformed(
                "the body is a line `old <size>`, lines with hashes, an empty line, a checkpoint"
            )
        if len(hashes) > MAX_PROOF_HASHES:
            raise AddCheckpointMalformed(f"a proof has at most {MAX_PROOF_HASHES} hashes")
        try:
            return cls(int(old_size[1]), [decode_hash(line) for line in hashes], note)
        except CheckpointMalformed as error:
            raise AddCheckpointMalformed(str(error)) from error
