from hashlib import sha256

import pytest

from infrastructure.seals.tiles import TILE_WIDTH, GrowingTree, TileId
from infrastructure.seals.tree_levels import tile_levels
from infrastructure.seals.verification.folded_tree import FoldedTree

LEAVES = [sha256(str(number).encode()).digest() for number in range(1300)]


def edge_at(size: int) -> GrowingTree:
    tree = GrowingTree()
    tree.add(LEAVES[:size])
    return tree


@pytest.mark.parametrize("start", [0, 1, 255, 256, 257, 1024])
def test_every_root_on_the_way_is_that_of_the_growing_tree(start: int) -> None:
    known = edge_at(start)
    tree = FoldedTree(start, known.edge)
    first = start - start % TILE_WIDTH
    for begin in range(first, len(LEAVES), TILE_WIDTH):
        tree.put(tile_levels(LEAVES[begin : begin + TILE_WIDTH]))
        for size in range(begin + 1, min(begin + TILE_WIDTH, len(LEAVES)) + 1, 37):
            assert tree.root_at(size) == edge_at(size).root()


def test_a_size_outside_the_last_tile_has_no_root() -> None:
    tree = FoldedTree()
    assert tree.root_at(0) is None
    tree.put(tile_levels(LEAVES[:TILE_WIDTH]))
    tree.put(tile_levels(LEAVES[TILE_WIDTH : TILE_WIDTH + 10]))
    assert tree.root_at(TILE_WIDTH) is None
    assert tree.root_at(TILE_WIDTH + 11) is None


@pytest.mark.parametrize("size", [TILE_WIDTH, 1024, 1300])
def test_the_tiles_above_are_those_of_the_growing_tree(size: int) -> None:
    expected = GrowingTree()
    full = {tile: hashes for tile, hashes in expected.add(LEAVES[:size]).items() if tile.level}
    full |= {tile: hashes for tile, hashes in expected.partial_tiles().items() if tile.level}
    tree = FoldedTree()
    found: dict[TileId, list[bytes]] = {}
    for begin in range(0, size, TILE_WIDTH):
        found |= tree.put(tile_levels(LEAVES[begin : min(begin + TILE_WIDTH, size)]))
    assert found | tree.finish() == full
