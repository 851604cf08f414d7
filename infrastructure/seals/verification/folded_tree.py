"""Folds the hashes of events into roots, tile by tile, with a root at any size on the way."""

from collections.abc import Sequence

from infrastructure.seals.merkle import EntryRange, fold_right, perfect_ranges, perfect_root
from infrastructure.seals.tiles import TILE_HEIGHT, TILE_WIDTH, GrowingTree, TileId
from infrastructure.seals.tree_levels import TileLevels


class FoldedTree:
    """A tree that grows by whole tiles; only the last one may be partial.

    `edge` are the hashes of the partial tiles of a tree of `size`, from which it continues; then
    the first tile that is put has the hashes of `edge[0]` first.
    """

    def __init__(self, size: int = 0, edge: Sequence[Sequence[bytes]] = ()) -> None:
        self._start = size - size % TILE_WIDTH
        self._upper = GrowingTree(size // TILE_WIDTH, edge[1:])
        self._upper_roots: list[bytes] | None = None
        self._levels: TileLevels = []

    def put(self, levels: TileLevels) -> dict[TileId, list[bytes]]:
        """Add the next tile, by its levels; returns the tiles above it that became full."""
        full: dict[TileId, list[bytes]] = {}
        if self._levels:
            full = self._upper.add([self._levels[TILE_HEIGHT][0]])
            self._start += TILE_WIDTH
            self._upper_roots = None
        self._levels = levels
        return {TileId(tile.level + 1, tile.number): hashes for tile, hashes in full.items()}

    def root_at(self, size: int) -> bytes | None:
        """Return the root of the tree of a size that ends inside the last tile; else None."""
        width = size - self._start
        if not self._levels or not 0 < width <= len(self._levels[0]):
            return None
        if self._upper_roots is None:
            self._upper_roots = _roots(self._upper.edge)
        inner = [
            self._levels[height][part.start >> height]
            for part in perfect_ranges(EntryRange(0, width))
            for height in [(part.end - part.start).bit_length() - 1]
        ]
        return fold_right([*self._upper_roots, *inner])

    def finish(self) -> dict[TileId, list[bytes]]:
        """Add the last tile to those above it, if it is full; returns the partial ones above."""
        if self._levels and len(self._levels[0]) == TILE_WIDTH:
            self._upper.add([self._levels[TILE_HEIGHT][0]])
        return {
            TileId(tile.level + 1, tile.number): hashes
            for tile, hashes in self._upper.partial_tiles().items()
        }


def _roots(edge: Sequence[Sequence[bytes]]) -> list[bytes]:
    """Return the roots of the perfect subtrees left of the last tile, the largest first."""
    return [
        perfect_root(hashes[part.start : part.end])
        for hashes in reversed(edge)
        for part in perfect_ranges(EntryRange(0, len(hashes)))
    ]
