"""Publishes the tree as files: new tiles first, then the checkpoint that covers them."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from threading import Event
from typing import NamedTuple

import structlog

from infrastructure.observability.instruments import SEAL_FAILURES, SEALS_PUBLISHED
from infrastructure.postgres.execute import autocommit, execute
from infrastructure.postgres.pools import WritePool
from infrastructure.postgres.retry import with_retry
from infrastructure.postgres.timeouts import TimedConnection
from infrastructure.seals.log_entries import read_entries
from infrastructure.seals.merkle import HASH_BYTES
from infrastructure.seals.recent_entries import RecentEntries
from infrastructure.seals.seal_agreement import require_agreement
from infrastructure.seals.seal_directory import (
    CHECKPOINT_FILE,
    VKEY_FILE,
    SealDirectory,
    SealFileDiffers,
    read_published_note,
)
from infrastructure.seals.seal_keys import SELECT_VKEYS
from infrastructure.seals.seal_store import (
    SELECT_NEWEST_CHECKPOINT,
    to_checkpoint,
)
from infrastructure.seals.seal_writer import first_position, select_tiles
from infrastructure.seals.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    TileId,
    bundle_hashes,
    bundle_path,
    encode_bundle,
    tile_path,
    tile_width,
)

WRITTEN_TOGETHER = 32
"""Tiles whose files are written before they wait for the disk together."""

logger = structlog.get_logger()


class PublishingStopped(Exception):
    """The process stops; another one publishes the rest."""


class _Published(NamedTuple):
    """What this process has published last."""

    note: bytes
    size: int


class SealPublisher:
    """Writes below a directory what the database has more than it; one thread at a time uses it.

    Every method may raise OSError, DatabaseBusy, DatabaseUnavailable and the errors of psycopg.
    """

    def __init__(self, pool: WritePool, directory: Path, recent: RecentEntries) -> None:
        self._pool = pool
        self._path = directory
        self._directory = SealDirectory(directory)
        self._recent = recent
        self._published: _Published | None = None
        self._stopping = Event()

    def stop(self) -> None:
        """Let `publish` end soon, with the error PublishingStopped."""
        self._stopping.set()

    def require_agreement(self) -> int:
        """Require that the database continues what is published; return the published size.

        Raises: SealsDisagree, SealFileUnreadable, TilesMissing.
        """
        return with_retry(self._pool, lambda connection: require_agreement(connection, self._path))

    def publish(self) -> int:
        """Publish the newest checkpoint and what it covers; return its size, 0 if there is none.

        Raises: SealsDisagree, SealFileUnreadable, TilesMissing.
        """
        rows = execute(self._pool, SELECT_NEWEST_CHECKPOINT)
        if not rows:
            return 0
        newest = to_checkpoint(rows[0])
        with self._directory.locked():
            self._publish_tiles(self._published_size(), newest.size)
            if self._published is None:
                keys = execute(self._pool, SELECT_VKEYS)
                lines = "".join(f"{vkey}\n" for (vkey,) in keys)
                self._directory.replace(VKEY_FILE, lines.encode())
            self._directory.replace(CHECKPOINT_FILE, newest.note)
            self._published = _Published(newest.note, newest.size)
        SEALS_PUBLISHED.set(newest.size)
        return newest.size

    def _published_size(self) -> int:
        """Return up to which size all files are there; the first time, search the directory."""
        note = read_published_note(self._path)
        if self._published and self._published.note == note:
            return self._published.size
        return self._first_gap(self.require_agreement())

    def _publish_tiles(self, old_size: int, size: int) -> None:
        tiles = list(_changed_tiles(old_size, size))
        for start in range(0, len(tiles), WRITTEN_TOGETHER):
            if self._stopping.is_set():
                raise PublishingStopped
            group = {
                tile: tile_width(tile, size) for tile in tiles[start : start + WRITTEN_TOGETHER]
            }
            files = with_retry(self._pool, partial(self._files_of, tiles=group))
            try:
                self._directory.write_once(files)
            except SealFileDiffers as error:
                _report("file", reason=str(error))
            for name in files:
                if ".p/" not in name:
                    self._directory.remove_partial(name)

    def _files_of(self, connection: TimedConnection, tiles: dict[TileId, int]) -> dict[str, bytes]:
        """Return the files of tiles of these widths, and of their entries on level 0."""
        files: dict[str, bytes] = {}
        with autocommit(connection):
            stored = select_tiles(connection, tiles)
        for tile, hashes in stored.items():
            width = tiles[tile]
            files[tile_path(tile, width)] = hashes
            if tile.level == 0:
                entries = self._entries_of(connection, tile.number, hashes)
                if entries is not None:
                    files[bundle_path(tile.number, width)] = encode_bundle(entries)
        return files

    def _entries_of(
        self, connection: TimedConnection, number: int, hashes: bytes
    ) -> list[bytes] | None:
        """Return the entries with these hashes; None if the log does not have them any more."""
        start, width = number * TILE_WIDTH, len(hashes) // HASH_BYTES
        if recent := self._recent.get(start, start + width):
            return recent
        position = first_position(connection, number)
        rows = read_entries(connection, position - 1, 2**63 - 1, width)
        entries = [entry for _, entry in rows]
        if b"".join(bundle_hashes(entries)) != hashes:
            _report("entries", first_position=position, first_index=start)
            return None
        return entries

    def _first_gap(self, size: int) -> int:
        """Return up to which size a directory has every file that it must have at `size`."""
        gap = size
        for tile in _changed_tiles(0, size):
            width = tile_width(tile, size)
            names = [tile_path(tile, width)]
            if tile.level == 0:
                names.append(bundle_path(tile.number, width))
            if not all((self._path / name).exists() for name in names):
                gap = min(gap, tile.number << (TILE_HEIGHT * (tile.level + 1)))
            elif width == TILE_WIDTH:
                for name in names:
                    self._directory.remove_partial(name)
        return gap


def _report(kind: str, **details: object) -> None:
    """Report what was changed after it was sealed; publishing goes on, so that more is kept."""
    SEAL_FAILURES.labels(kind).inc()
    logger.error("sealed_data_changed", kind=kind, **details)


def _changed_tiles(old_size: int, size: int) -> Iterator[TileId]:
    """Yield the tiles that a tree has or that are wider than in the tree of `old_size`."""
    level = 0
    while hashes := size >> (TILE_HEIGHT * level):
        old_hashes = old_size >> (TILE_HEIGHT * level)
        if hashes == old_hashes:
            return
        end = -(-hashes // TILE_WIDTH)
        yield from (TileId(level, number) for number in range(old_hashes // TILE_WIDTH, end))
        level += 1
