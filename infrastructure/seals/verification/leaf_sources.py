"""Where the hashes of sealed events are kept: tiles in the database, and the files of SEAL_DIR."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import psycopg

from infrastructure.seals.merkle import HASH_BYTES
from infrastructure.seals.tiles import (
    TILE_WIDTH,
    TileId,
    bundle_hashes,
    bundle_path,
    decode_bundle,
    tile_path,
)

SELECT_TILES = """
SELECT number, first_position, hashes
  FROM easeboard.seal_tiles
 WHERE level = %s
   AND number >= %s
 ORDER BY number
 LIMIT %s
"""
FETCHED_TILES = 64


class LeafSource(Protocol):
    """A copy of the hashes of sealed events."""

    @property
    def name(self) -> str:
        """What reports call it."""

    def tile(self, tile: TileId, width: int) -> bytes | None:
        """Return the first `width` hashes of a tile; None if they are not there."""

    def entries(self, number: int, width: int) -> Sequence[bytes] | None:
        """Return the sealed entries of a tile of level 0; None if only hashes are known."""

    def first_position(self, number: int) -> int | None:
        """Return the position of the first event of a tile of level 0, if it is known."""


class DatabaseTiles:
    """The table of tiles."""

    name = "tiles of the database"

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        self._level = -1
        self._fetched: dict[int, tuple[int | None, bytes]] = {}
        self._range = range(0)

    def tile(self, tile: TileId, width: int) -> bytes | None:
        """Return the first `width` hashes of a tile; None if they are not there."""
        _, hashes = self._row(tile)
        return _cut(hashes, width)

    def entries(self, number: int, width: int) -> Sequence[bytes] | None:
        """Return None: the database has the rows themselves, and no copy of their entries."""
        del number, width
        return None

    def first_position(self, number: int) -> int | None:
        """Return the position of the first event of a tile of level 0, if the tile exists."""
        return self._row(TileId(0, number))[0]

    def _row(self, tile: TileId) -> tuple[int | None, bytes]:
        if tile.level != self._level or tile.number not in self._range:
            parameters = (tile.level, tile.number, FETCHED_TILES)
            rows = self._connection.execute(SELECT_TILES, parameters, binary=True).fetchall()
            self._fetched = {number: (first, hashes) for number, first, hashes in rows}
            self._level = tile.level
            self._range = range(tile.number, tile.number + FETCHED_TILES)
        return self._fetched.get(tile.number, (None, b""))


class PublishedTiles:
    """The tiles of SEAL_DIR, or of a copy of it."""

    name = "published tiles"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tile(self, tile: TileId, width: int) -> bytes | None:
        """Return the first `width` hashes of a tile; None if they are not there."""
        return _cut(_read_widest(self._folder / tile_path(tile)), width)

    def entries(self, number: int, width: int) -> Sequence[bytes] | None:
        """Return None: `PublishedEntries` has them."""
        del number, width
        return None

    def first_position(self, number: int) -> int | None:
        """Return None: hashes have no positions."""
        del number
        return None


class PublishedEntries:
    """The bundles of entries of SEAL_DIR, or of a copy of it."""

    name = "published entries"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def tile(self, tile: TileId, width: int) -> bytes | None:
        """Return the hashes of the entries of a tile of level 0; None if they are not there."""
        entries = self.entries(tile.number, width) if tile.level == 0 else None
        return b"".join(bundle_hashes(entries)) if entries else None

    def entries(self, number: int, width: int) -> Sequence[bytes] | None:
        """Return the first `width` entries of a bundle; None if they are not there."""
        data = _read_widest(self._folder / bundle_path(number))
        try:
            entries = decode_bundle(data)
        except ValueError:
            return None
        return entries[:width] if len(entries) >= width else None

    def first_position(self, number: int) -> int | None:
        """Return None: positions are in the entries."""
        del number
        return None


def _cut(hashes: bytes, width: int) -> bytes | None:
    length = width * HASH_BYTES
    return hashes[:length] if len(hashes) >= length else None


def _read_widest(path: Path) -> bytes:
    """Return a full file, or else its widest partial one; empty without either."""
    partials = (
        path.with_name(f"{path.name}.p") / str(width) for width in range(TILE_WIDTH - 1, 0, -1)
    )
    # The full file again at the end: a partial one is removed when it appears.
    for candidate in (path, *partials, path):
        try:
            return candidate.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            continue
    return b""
