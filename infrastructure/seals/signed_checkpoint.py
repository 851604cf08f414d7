"""The text of a checkpoint (C2SP tlog-checkpoint): the size and the root of a log's tree."""

import base64
import binascii
import re
from typing import NamedTuple

from infrastructure.seals.merkle import HASH_BYTES

MIN_LINES = 3

_SIZE = re.compile(r"0|[1-9]\d{0,18}")


class CheckpointMalformed(ValueError):
    """A text is no checkpoint."""


class Checkpoint(NamedTuple):
    """The size and the root of the tree of the log that `origin` names."""

    origin: str
    size: int
    root: bytes

    def text(self) -> bytes:
        """Return what is signed: three lines."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\n".encode()

    @classmethod
    def parse(cls, text: bytes) -> "Checkpoint":
        """Return the checkpoint of a text; lines after the third are ignored.

        Raises: CheckpointMalformed.
        """
        try:
            lines = text.decode().split("\n")
        except UnicodeDecodeError:
            raise CheckpointMalformed("a checkpoint is UTF-8") from None
        if len(lines) <= MIN_LINES or lines[-1] or not all(lines[:-1]):
            raise CheckpointMalformed("a checkpoint has three lines: origin, size and root")
        origin, size, root = lines[:MIN_LINES]
        if not _SIZE.fullmatch(size):
            raise CheckpointMalformed("the second line of a checkpoint is a number of entries")
        return cls(origin, int(size), decode_hash(root))


def decode_hash(text: str) -> bytes:
    """Return the 32 bytes of a hash in base64; raises CheckpointMalformed."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        decoded = b""
    if len(decoded) != HASH_BYTES or base64.b64encode(decoded).decode() != text:
        raise CheckpointMalformed("a hash is 32 bytes in base64")
    return decoded


def encode_hash(value: bytes) -> str:
    """Return a hash in base64."""
    return base64.b64encode(value).decode()
