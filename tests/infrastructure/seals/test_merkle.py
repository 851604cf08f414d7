import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infrastructure.seals.merkle import (
    EMPTY_ROOT,
    EntryRange,
    ProofInvalid,
    consistency_ranges,
    inclusion_ranges,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from infrastructure.seals.tiles import GrowingTree, TileId, range_root, tiles_of_ranges

VECTORS = Path(__file__).parent / "vectors"


def read_vectors(name: str) -> list[dict[str, Any]]:
    """Return the test vectors of transparency-dev/merkle of one kind."""
    vectors: list[dict[str, Any]] = json.loads((VECTORS / f"{name}.json").read_text())
    return vectors


def decoded(value: str | None) -> bytes:
    """Return bytes that are in base64."""
    return base64.b64decode(value or "")


def recursive_root(leaves: list[bytes]) -> bytes:
    """Return the root as RFC 6962 defines it."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    half = 1 << ((len(leaves) - 1).bit_length() - 1)
    return node_hash(recursive_root(leaves[:half]), recursive_root(leaves[half:]))


@pytest.mark.parametrize("vector", read_vectors("inclusion"), ids=lambda vector: vector["name"])
def test_inclusion_vectors(vector: dict[str, Any]) -> None:
    def verify() -> None:
        verify_inclusion(
            vector["leafIdx"],
            vector["treeSize"],
            decoded(vector["leafHash"]),
            [decoded(each) for each in vector["proof"] or []],
            decoded(vector["root"]),
        )

    if vector["wantErr"]:
        with pytest.raises(ProofInvalid):
            verify()
    else:
        verify()


@pytest.mark.parametrize("vector", read_vectors("consistency"), ids=lambda vector: vector["name"])
def test_consistency_vectors(vector: dict[str, Any]) -> None:
    def verify() -> None:
        verify_consistency(
            vector["size1"],
            vector["size2"],
            [decoded(each) for each in vector["proof"] or []],
            decoded(vector["root1"]),
            decoded(vector["root2"]),
        )

    if vector["wantErr"]:
        with pytest.raises(ProofInvalid):
            verify()
    else:
        verify()


@given(size=st.integers(1, 700), data=st.data())
def test_tiles_prove_each_entry_and_each_earlier_size(size: int, data: st.DataObject) -> None:
    leaves = [leaf_hash(index.to_bytes(4)) for index in range(size)]
    index, old_size = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    tree, tiles = GrowingTree(), dict[TileId, bytes]()
    for tile, hashes in tree.add(leaves).items():
        tiles[tile] = b"".join(hashes)
    for tile, hashes in tree.partial_tiles().items():
        tiles[tile] = b"".join(hashes)
    root, old_root = recursive_root(leaves), recursive_root(leaves[:old_size])
    assert tree.root() == root
    assert range_root(EntryRange(0, size), tiles) == root
    path = [range_root(part, tiles) for part in inclusion_ranges(index, size)]
    verify_inclusion(index, size, leaves[index], path, root)
    with pytest.raises(ProofInvalid):
        verify_inclusion(index, size, sha256(leaves[index]).digest(), path, root)
    ranges = consistency_ranges(old_size, size)
    assert all(
        len(tiles[tile]) == 32 * width for tile, width in tiles_of_ranges(ranges, size).items()
    )
    verify_consistency(old_size, size, [range_root(part, tiles) for part in ranges], old_root, root)
