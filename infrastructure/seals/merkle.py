"""Hashes and proofs of the Merkle tree of RFC 6962: inclusion of an entry, consistency of sizes."""

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = sha256(b"").digest()
"""The root of a tree without entries."""


class ProofInvalid(ValueError):
    """A proof does not lead to the root that it should lead to."""


class EntryRange(NamedTuple):
    """The entries of a subtree: from index `start` up to, not including, `end`."""

    start: int
    end: int


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees that are next to each other."""
    return sha256(b"\x01" + left + right).digest()


def fold_right(subtrees: Sequence[bytes]) -> bytes:
    """Return the root over perfect subtrees, the largest first; EMPTY_ROOT without any."""
    if not subtrees:
        return EMPTY_ROOT
    root = subtrees[-1]
    for left in reversed(subtrees[:-1]):
        root = node_hash(left, root)
    return root


def perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over hashes whose number is a power of two."""
    level = hashes
    while len(level) > 1:
        # This is `node_hash`, without a call for each of the nodes: all of the tree passes here.
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return level[0]


def perfect_ranges(entries: EntryRange) -> list[EntryRange]:
    """Split a range of the tree into the largest perfect subtrees, from left to right."""
    found: list[EntryRange] = []
    start, end = entries
    while start < end:
        size = 1 << ((end - start).bit_length() - 1)
        if start:
            size = min(size, start & -start)
        found.append(EntryRange(start, start + size))
        start += size
    return found


def inclusion_ranges(index: int, size: int) -> list[EntryRange]:
    """Return the subtrees whose roots prove that an entry is in the tree of a size, leaf first.

    Raises: ValueError if the tree has no such entry.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} entries has no entry {index}")
    path: list[EntryRange] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(EntryRange(middle, end))
            end = middle
        else:
            path.append(EntryRange(start, middle))
            start = middle
    return path[::-1]


def consistency_ranges(old_size: int, size: int) -> list[EntryRange]:
    """Return the subtrees whose roots prove that a tree continues a smaller one.

    Raises: ValueError if `old_size` is larger than `size`.
    """
    if not 0 <= old_size <= size:
        raise ValueError(f"a tree of {size} entries does not continue one of {old_size}")
    if old_size in {0, size}:
        return []
    path: list[EntryRange] = []
    start, end, is_whole = 0, size, True
    while old_size != end:
        middle = start + _split(end - start)
        if old_size <= middle:
            path.append(EntryRange(middle, end))
            end = middle
        else:
            path.append(EntryRange(start, middle))
            start, is_whole = middle, False
    if not is_whole:
        path.append(EntryRange(start, end))
    return path[::-1]


def root_from_inclusion(index: int, size: int, leaf: bytes, path: Sequence[bytes]) -> bytes:
    """Return the root that an inclusion proof leads to (RFC 9162, 2.1.3.2).

    Raises: ProofInvalid if the proof has another length than one for this index and size.
    """
    if not 0 <= index < size:
        raise ProofInvalid(f"a tree of {size} entries has no entry {index}")
    _require_hashes((leaf, *path))
    at, last, root = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if at & 1 or at == last:
            root = node_hash(sibling, root)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofInvalid("the proof is too short")
    return root


def verify_inclusion(
    index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes
) -> None:
    """Verify that the tree of this size and root has the leaf at the index.

    Raises: ProofInvalid.
    """
    if root_from_inclusion(index, size, leaf, path) != root:
        raise ProofInvalid("the proof leads to another root")


def verify_consistency(
    old_size: int, size: int, path: Sequence[bytes], old_root: bytes, root: bytes
) -> None:
    """Verify that the tree of `size` continues the one of `old_size` (RFC 9162, 2.1.4.2).

    The empty tree is continued by every tree, with an empty proof, as C2SP tlog-witness requires.

    Raises: ProofInvalid.
    """
    _require_hashes(path)
    if old_size > size:
        raise ProofInvalid("the tree is smaller than the earlier one")
    if old_size in {0, size}:
        _verify_trivial(old_size, size, path, old_root, root)
        return
    if not path:
        raise ProofInvalid("the proof is empty")
    hashes = [old_root, *path] if old_size & (old_size - 1) == 0 else list(path)
    if _roots_from_consistency(old_size, size, hashes) != (old_root, root):
        raise ProofInvalid("the proof leads to other roots")


def _roots_from_consistency(
    old_size: int, size: int, hashes: Sequence[bytes]
) -> tuple[bytes, bytes]:
    """Return the roots of both trees that a consistency proof leads to."""
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_root = root = hashes[0]
    for sibling in hashes[1:]:
        if last == 0:
            raise ProofInvalid("the proof is too long")
        if at & 1 or at == last:
            old_root, root = node_hash(sibling, old_root), node_hash(sibling, root)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            root = node_hash(root, sibling)
        at, last = at >> 1, last >> 1
    if last:
        raise ProofInvalid("the proof is too short")
    return old_root, root


def _verify_trivial(
    old_size: int, size: int, path: Sequence[bytes], old_root: bytes, root: bytes
) -> None:
    if path:
        raise ProofInvalid("the proof is too long")
    if old_size == 0 and old_root != EMPTY_ROOT:
        raise ProofInvalid("the root of a tree without entries is wrong")
    if old_size < size:
        _require_hashes([root])
    elif old_root != root:
        raise ProofInvalid("two trees of the same size have different roots")


def _split(count: int) -> int:
    """Return the largest power of two that is smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _require_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise ProofInvalid("a hash does not have 32 bytes")
