"""The tiles of a tree (C2SP tlog-tiles): 256 hashes each, and the roots of ranges from them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import NamedTuple

from infrastructure.seals.merkle import (
    HASH_BYTES,
    EntryRange,
    fold_right,
    perfect_ranges,
    perfect_root,
)

TILE_WIDTH = 256
TILE_HEIGHT = 8
"""Levels of the tree that one tile spans."""

_PATH = re.compile(r"tile/(\d{1,2}|entries)/((?:x\d{3}/)*\d{3})(?:\.p/(\d{1,3}))?")


class TileId(NamedTuple):
    """A tile: its level (0 has the hashes of entries) and its number in the level."""

    level: int
    number: int


class TileMissing(LookupError):
    """A tile that a range needs is missing or has too few hashes."""


def tile_path(tile: TileId, width: int = TILE_WIDTH) -> str:
    """Return the path of a tile, such as `tile/0/x001/234.p/17`; a full one has no width in it."""
    return f"tile/{tile.level}/{_number_path(tile.number)}{_width_path(width)}"


def bundle_path(number: int, width: int = TILE_WIDTH) -> str:
    """Return the path of the entries of a tile of level 0, such as `tile/entries/000`."""
    return f"tile/entries/{_number_path(number)}{_width_path(width)}"


def is_tile_path(path: str) -> bool:
    """Return whether a relative path is one of a tile or of a bundle of entries."""
    return _PATH.fullmatch(path) is not None


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """Return entries with their lengths, as a bundle has them."""
    return b"".join([len(entry).to_bytes(2) + entry for entry in entries])


def decode_bundle(data: bytes) -> list[bytes]:
    """Return the entries of a bundle; raises ValueError if it is cut off."""
    entries: list[bytes] = []
    at = 0
    while at < len(data):
        end = at + 2 + int.from_bytes(data[at : at + 2])
        if end > len(data):
            raise ValueError("a bundle of entries is cut off")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def split_hashes(data: bytes) -> list[bytes]:
    """Return the hashes of a tile."""
    return [data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)]


class GrowingTree:
    """The right edge of a tree: per level, the hashes of its last, partial tile.

    `add` appends entries; what it completes is returned as tiles. The memory is bounded: at most
    255 hashes a level.
    """

    def __init__(self, size: int = 0, edge: Sequence[Sequence[bytes]] = ()) -> None:
        self.size = size
        self.edge = [list(hashes) for hashes in edge]

    def add(self, leaves: Iterable[bytes]) -> dict[TileId, list[bytes]]:
        """Append hashes of entries; returns the tiles that became full, with their hashes."""
        full: dict[TileId, list[bytes]] = {}
        new, start = list(leaves), 0
        while start < len(new):
            hashes = self._hashes_of(0)
            end = start + TILE_WIDTH - len(hashes)
            hashes.extend(new[start:end])
            self.size += len(new[start:end])
            start = end
            self._complete(0, full)
        return full

    def partial_tiles(self) -> dict[TileId, list[bytes]]:
        """Return the tiles that are not full, with their hashes; empty ones are left out."""
        return {
            TileId(level, self.size >> (TILE_HEIGHT * (level + 1))): list(hashes)
            for level, hashes in enumerate(self.edge)
            if hashes
        }

    def root(self) -> bytes:
        """Return the root of the tree."""
        subtrees = [
            perfect_root(hashes[part.start : part.end])
            for hashes in reversed(self.edge)
            for part in perfect_ranges(EntryRange(0, len(hashes)))
        ]
        return fold_right(subtrees)

    def _hashes_of(self, level: int) -> list[bytes]:
        if level == len(self.edge):
            self.edge.append([])
        return self.edge[level]

    def _complete(self, level: int, full: dict[TileId, list[bytes]]) -> None:
        """Move the last tile of a level to the full ones if it is, and so those above it."""
        hashes = self.edge[level]
        if len(hashes) == TILE_WIDTH:
            number = (self.size - 1) >> (TILE_HEIGHT * (level + 1))
            full[TileId(level, number)] = hashes
            self.edge[level] = []
            self._hashes_of(level + 1).append(perfect_root(hashes))
            self._complete(level + 1, full)


def tiles_of_ranges(ranges: Iterable[EntryRange], size: int) -> dict[TileId, int]:
    """Return the tiles from which the roots of ranges are computed, and the width of each.

    The widths are those in the tree of `size`.
    """
    tiles = {_tile_of(part)[0] for entries in ranges for part in perfect_ranges(entries)}
    return {tile: tile_width(tile, size) for tile in sorted(tiles)}


def tile_width(tile: TileId, size: int) -> int:
    """Return how many hashes a tile has in the tree of `size`; 0 if it does not exist."""
    return max(0, min(TILE_WIDTH, (size >> (TILE_HEIGHT * tile.level)) - tile.number * TILE_WIDTH))


def edge_tiles(size: int) -> dict[TileId, int]:
    """Return the partial tiles of a tree and their widths, those that a GrowingTree starts from."""
    tiles: dict[TileId, int] = {}
    level = 0
    while size >> (TILE_HEIGHT * level):
        tile = TileId(level, size >> (TILE_HEIGHT * (level + 1)))
        if width := tile_width(tile, size):
            tiles[tile] = width
        level += 1
    return tiles


def range_root(entries: EntryRange, tiles: Mapping[TileId, bytes]) -> bytes:
    """Return the root of a range of entries, from the bytes of the tiles.

    The range must begin where a subtree of its size can begin, as those of proofs do.

    Raises: TileMissing.
    """
    return fold_right([_subtree_root(part, tiles) for part in perfect_ranges(entries)])


def bundle_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Return the hashes of entries."""
    # This is `leaf_hash`, without a call for each of the entries.
    return [sha256(b"\x00" + entry).digest() for entry in entries]


def _subtree_root(entries: EntryRange, tiles: Mapping[TileId, bytes]) -> bytes:
    tile, first, count = _tile_of(entries)
    data = tiles.get(tile, b"")[first * HASH_BYTES : (first + count) * HASH_BYTES]
    if len(data) != count * HASH_BYTES:
        raise TileMissing(f"{tile_path(tile)} has no hashes {first} to {first + count - 1}")
    return perfect_root(split_hashes(data))


def _tile_of(entries: EntryRange) -> tuple[TileId, int, int]:
    """Return the tile that has a perfect subtree, its first hash in it, and their number."""
    height = (entries.end - entries.start).bit_length() - 1
    level = height // TILE_HEIGHT
    first = entries.start >> (TILE_HEIGHT * level)
    return (
        TileId(level, first // TILE_WIDTH),
        first % TILE_WIDTH,
        1 << (height - TILE_HEIGHT * level),
    )


def _number_path(number: int) -> str:
    number, last = divmod(number, 1000)
    path = f"{last:03d}"
    while number:
        number, part = divmod(number, 1000)
        path = f"x{part:03d}/{path}"
    return path


def _width_path(width: int) -> str:
    return "" if width == TILE_WIDTH else f".p/{width}"
