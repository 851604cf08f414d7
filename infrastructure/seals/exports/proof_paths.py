"""Inclusion proofs of many events in one tree; what the events of a tile share is computed once."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from infrastructure.postgres.pools import ReadPool
from infrastructure.seals.merkle import EntryRange, fold_right, inclusion_ranges, perfect_ranges
from infrastructure.seals.seal_store import read_tiles
from infrastructure.seals.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    TileId,
    split_hashes,
    tile_width,
)
from infrastructure.seals.tree_levels import TileLevels, tile_levels

TILES_AT_ONCE = 64
"""Tiles of level 0 whose levels are in memory, beside those above them: some MiB."""


class _SharedPath(NamedTuple):
    """What the proofs of all events of one tile of level 0 are made of."""

    levels: TileLevels
    above: Sequence[bytes]
    """The hashes that lead from the tile to the root; those inside the tile come before them."""

    def path(self, place: int) -> list[bytes]:
        """Return the proof of the event at a place of the tile.

        Raises: ValueError if the tile has no such place.
        """
        if len(self.levels[0]) == TILE_WIDTH:
            inside = [self.levels[height][place >> height ^ 1] for height in range(TILE_HEIGHT)]
        else:
            ranges = inclusion_ranges(place, len(self.levels[0]))
            inside = [_root_inside(self.levels, entries) for entries in ranges]
        return [*inside, *self.above]


class ProofPaths:
    """The proofs that events are in the tree of one size."""

    def __init__(self, pool: ReadPool, size: int) -> None:
        self._pool = pool
        self._size = size
        self._levels: dict[TileId, TileLevels] = {}

    async def paths(self, indexes: Sequence[int]) -> list[list[bytes]]:
        """Return the proof of each index, the hashes next to the event first.

        Raises: TilesMissing if the database lacks a tile; ValueError if the tree has no such index.
        """
        places: dict[int, list[int]] = {}
        for index in indexes:
            number, place = divmod(index, TILE_WIDTH)
            places.setdefault(number, []).append(place)
        found: dict[int, list[bytes]] = {}
        numbers = list(places)
        for start in range(0, len(numbers), TILES_AT_ONCE):
            shared = await self._shared_paths(numbers[start : start + TILES_AT_ONCE])
            for number, path in shared.items():
                first = number * TILE_WIDTH
                found |= {first + place: path.path(place) for place in places[number]}
        return [found[index] for index in indexes]

    async def _shared_paths(self, numbers: Iterable[int]) -> dict[int, _SharedPath]:
        above = {number: _ranges_above(number, self._size) for number in numbers}
        wanted = {TileId(0, number) for number in above}
        wanted |= {
            _place(part)[0]
            for ranges in above.values()
            for entries in ranges
            for part in perfect_ranges(entries)
        }
        await self._load(wanted)
        return {
            number: _SharedPath(
                self._levels[TileId(0, number)], [self._root(entries) for entries in ranges]
            )
            for number, ranges in above.items()
        }

    async def _load(self, wanted: Iterable[TileId]) -> None:
        """Have the levels of these tiles in memory, and no others."""
        kept = {tile: self._levels[tile] for tile in wanted if tile in self._levels}
        missing = {tile: tile_width(tile, self._size) for tile in wanted if tile not in kept}
        read = await read_tiles(self._pool, missing) if missing else {}
        new = {tile: tile_levels(split_hashes(hashes)) for tile, hashes in read.items()}
        self._levels = kept | new

    def _root(self, entries: EntryRange) -> bytes:
        return fold_right([self._subtree(part) for part in perfect_ranges(entries)])

    def _subtree(self, part: EntryRange) -> bytes:
        tile, height, at = _place(part)
        return self._levels[tile][height][at]


def _ranges_above(number: int, size: int) -> list[EntryRange]:
    """Return the subtrees of a proof that are outside a tile of level 0.

    Raises: ValueError if the tree has no such tile.
    """
    first = number * TILE_WIDTH
    inside = range(first, first + TILE_WIDTH)
    return [entries for entries in inclusion_ranges(first, size) if entries.start not in inside]


def _root_inside(levels: TileLevels, entries: EntryRange) -> bytes:
    """Return the root of a range of the places of a tile."""
    heights = {part: (part.end - part.start).bit_length() - 1 for part in perfect_ranges(entries)}
    return fold_right([levels[height][part.start >> height] for part, height in heights.items()])


def _place(part: EntryRange) -> tuple[TileId, int, int]:
    """Return the tile that has the root of a perfect subtree, and where in its levels it is."""
    height = (part.end - part.start).bit_length() - 1
    level, inner = divmod(height, TILE_HEIGHT)
    number, first = divmod(part.start >> (TILE_HEIGHT * level), TILE_WIDTH)
    return TileId(level, number), inner, first >> inner
