"""A log in memory that signs checkpoints of any size, for tests of witnesses."""

from collections.abc import Sequence
from functools import cached_property

from infrastructure.seals.add_checkpoint import AddCheckpoint
from infrastructure.seals.merkle import (
    EMPTY_ROOT,
    EntryRange,
    consistency_ranges,
    fold_right,
    inclusion_ranges,
    leaf_hash,
    perfect_ranges,
    perfect_root,
)
from infrastructure.seals.signatures import SigningKey, new_signing_key
from infrastructure.seals.signed_checkpoint import Checkpoint
from infrastructure.seals.signed_note import sign_note

NOW = 1_790_000_000


class SmallLog:
    def __init__(
        self,
        size: int = 40,
        *,
        seed: bytes = b"",
        origin: str = "log.example/a",
        keys: Sequence[SigningKey] = (),
    ) -> None:
        self.origin = origin
        self.keys = list(keys) or [new_signing_key(origin)]
        self._entries = [seed + b"%d" % number for number in range(size)]

    @property
    def vkeys(self) -> list[str]:
        return [str(key.verifier) for key in self.keys]

    @cached_property
    def _leaves(self) -> list[bytes]:
        return [leaf_hash(entry) for entry in self._entries]

    def root(self, size: int) -> bytes:
        return self._range_root(EntryRange(0, size)) if size else EMPTY_ROOT

    def proof(self, old_size: int, size: int) -> list[bytes]:
        return [self._range_root(part) for part in consistency_ranges(old_size, size)]

    def leaf(self, index: int) -> bytes:
        return self._leaves[index]

    def inclusion(self, index: int, size: int) -> list[bytes]:
        return [self._range_root(part) for part in inclusion_ranges(index, size)]

    def checkpoint(self, size: int) -> bytes:
        return sign_note(Checkpoint(self.origin, size, self.root(size)).text(), self.keys, NOW)

    def request(self, old_size: int, size: int) -> AddCheckpoint:
        proof = self.proof(old_size, size) if old_size <= size else []
        return AddCheckpoint(old_size, proof, self.checkpoint(size))

    def body(self, old_size: int, size: int) -> bytes:
        return self.request(old_size, size).body()

    def _range_root(self, entries: EntryRange) -> bytes:
        parts = perfect_ranges(entries)
        return fold_right([perfect_root(self._leaves[part.start : part.end]) for part in parts])
