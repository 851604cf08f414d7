"""The text of a proof that an entry is in a log (C2SP tlog-proof), and its verification."""

import base64
import binascii
import re
from collections.abc import Sequence
from typing import NamedTuple

from infrastructure.seals.merkle import leaf_hash, verify_inclusion
from infrastructure.seals.signatures import VerifierKey
from infrastructure.seals.signed_checkpoint import (
    Checkpoint,
    CheckpointMalformed,
    decode_hash,
    encode_hash,
)
from infrastructure.seals.signed_note import OpenedNote, open_note

HEADER = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 63

_INDEX = re.compile(r"index (0|[1-9]\d{0,18})")


class TlogProofMalformed(ValueError):
    """A text is no proof."""


class TlogProof(NamedTuple):
    """The place of an entry in the tree, and the signed checkpoint of that tree."""

    entry_index: int
    path: Sequence[bytes]
    note: bytes
    """The signed checkpoint."""
    extra: bytes | None = None
    """What an application adds; nothing proves it."""

    def text(self) -> bytes:
        """Return the proof as a `.tlog-proof` file has it."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {base64.b64encode(self.extra).decode()}")
        lines.append(f"index {self.entry_index}")
        lines.extend(map(encode_hash, self.path))
        return "\n".join(lines).encode() + b"\n\n" + self.note

    @classmethod
    def parse(cls, text: bytes) -> "TlogProof":
        """Return the proof of a `.tlog-proof` file, not verified.

        Raises: TlogProofMalformed.
        """
        head, separator, note = text.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError:
            lines = []
        if not separator or lines[:1] != [HEADER]:
            raise TlogProofMalformed(f"a proof begins with the line {HEADER}")
        lines = lines[1:]
        extra = None
        if lines and lines[0].startswith("extra "):
            extra = _decode_extra(lines.pop(0).removeprefix("extra "))
        index = _INDEX.fullmatch(lines.pop(0)) if lines else None
        if index is None:
            raise TlogProofMalformed("a proof has a line with the index of its entry")
        if len(lines) > MAX_HASHES:
            raise TlogProofMalformed(f"a proof has at most {MAX_HASHES} hashes")
        try:
            path = [decode_hash(line) for line in lines]
        except CheckpointMalformed as error:
            raise TlogProofMalformed(str(error)) from error
        return cls(int(index[1]), path, note, extra)

    def verify(self, entry: bytes, keys: Sequence[VerifierKey]) -> tuple[Checkpoint, OpenedNote]:
        """Return the checkpoint that proves the entry, with its signatures of these keys.

        The checkpoint must be signed by the log that it names.

        Raises: NoteMalformed, NoteUnsigned, SignatureWrong, CheckpointMalformed, ProofInvalid.
        """
        opened = open_note(self.note, keys)
        checkpoint = Checkpoint.parse(opened.text)
        require_origin(checkpoint, opened)
        verify_inclusion(
            self.entry_index, checkpoint.size, leaf_hash(entry), self.path, checkpoint.root
        )
        return checkpoint, opened


def require_origin(checkpoint: Checkpoint, opened: OpenedNote) -> None:
    """Require that one of the keys that signed a checkpoint is of the log that it names.

    Raises: CheckpointMalformed.
    """
    if all(key.name != checkpoint.origin for key in opened.signatures):
        raise CheckpointMalformed(f"the checkpoint is not signed by its log, {checkpoint.origin}")


def _decode_extra(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise TlogProofMalformed("what follows `extra` is base64") from None
