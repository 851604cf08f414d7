"""Finds the rows that differ from what was sealed: tile by tile, with their positions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import psycopg

from infrastructure.seals.entry import EntryMalformed, LogEntry, decode_entry
from infrastructure.seals.log_entries import Entries, read_entries
from infrastructure.seals.merkle import leaf_hash
from infrastructure.seals.tiles import TILE_WIDTH, TileId, bundle_hashes, split_hashes
from infrastructure.seals.verification.leaf_sources import LeafSource

MIN_POSITION, MAX_POSITION = -(2**63), 2**63 - 1
MAX_ROWS_OF_TILE = 4096
"""Rows that are compared with one tile; more of them were inserted than anybody reads about."""


class RowDifference(NamedTuple):
    """A row of the log and the sealed entry in its place; one of both may be missing."""

    entry_index: int | None
    """Index in the tree; None for a row that was inserted."""
    position: int | None
    """Position of the row, or of the sealed entry if there is no row; None if it is unknown."""
    sealed_hash: bytes | None = None
    sealed: LogEntry | None = None
    """The sealed entry; None if only its hash is known."""
    actual: LogEntry | None = None
    """The row as it is now; None without one, or if its columns cannot be an entry."""
    has_row: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RowComparison:
    """Compares rows with the hashes of `reference`, which lead to a signed root.

    Where `bundles` has the entries of these hashes, it shows which columns differ. `tiles` has the
    positions at which tiles begin.
    """

    connection: psycopg.Connection[Any]
    reference: LeafSource
    bundles: LeafSource
    tiles: LeafSource
    size: int
    last_position: int | None
    """The position of the last event; None if it is not known."""

    def differences(self, first_tile: int) -> Iterator[RowDifference]:
        """Yield the differences from this tile of level 0 on, in the order of the log."""
        after = self._begin(first_tile) - 1 if first_tile else MIN_POSITION
        for number in range(first_tile, -(-self.size // TILE_WIDTH)):
            sealed, entries = self._sealed(number)
            if sealed is None:
                return
            rows = self._rows(number, after, len(sealed), entries)
            first_index = number * TILE_WIDTH
            if entries is None:
                yield from compare_hashes(first_index, sealed, rows)
            else:
                yield from compare_entries(first_index, sealed, entries, rows)
            after = rows[-1][0] if rows else after

    def _sealed(self, number: int) -> tuple[list[bytes] | None, Sequence[bytes] | None]:
        """Return the sealed hashes of a tile, and its entries if they have these hashes."""
        width = min(TILE_WIDTH, self.size - number * TILE_WIDTH)
        hashes = self.reference.tile(TileId(0, number), width)
        if hashes is None:
            return None, None
        sealed = split_hashes(hashes)
        entries = self.bundles.entries(number, width)
        return sealed, entries if entries and bundle_hashes(entries) == sealed else None

    def _rows(
        self, number: int, after: int, width: int, entries: Sequence[bytes] | None
    ) -> Entries:
        """Return the rows in the place of a tile: up to where the next one begins."""
        if (number + 1) * TILE_WIDTH < self.size:
            up_to = self._begin(number + 1) - 1
        elif self.last_position is None and entries:
            up_to = decode_entry(entries[-1]).position
        else:
            up_to = self.last_position or 0
        if up_to <= after:
            return read_entries(self.connection, after, MAX_POSITION, width)
        return read_entries(self.connection, after, up_to, MAX_ROWS_OF_TILE)

    def _begin(self, number: int) -> int:
        """Return the position at which a tile begins; 0 if it is not known."""
        _, entries = self._sealed(number)
        if entries:
            return decode_entry(entries[0]).position
        return self.tiles.first_position(number) or 0


def compare_entries(
    first_index: int, hashes: Sequence[bytes], entries: Sequence[bytes], rows: Entries
) -> Iterator[RowDifference]:
    """Yield how rows differ from sealed entries, which are compared by position."""
    decoded = [decode_entry(entry) for entry in entries]
    sealed = {entry.position: index for index, entry in enumerate(decoded)}
    actual = dict(rows)
    for position in sorted(sealed.keys() | actual.keys()):
        index, row = sealed.get(position), actual.get(position)
        if index is None:
            yield RowDifference(None, position, actual=_decode(row))
        elif row is None:
            yield RowDifference(
                first_index + index, position, hashes[index], decoded[index], has_row=False
            )
        elif row != entries[index]:
            yield RowDifference(
                first_index + index, position, hashes[index], decoded[index], _decode(row)
            )


def compare_hashes(
    first_index: int, sealed: Sequence[bytes], rows: Entries
) -> Iterator[RowDifference]:
    """Yield how rows differ from sealed hashes; what is between two equal ones belongs together."""
    actual = [leaf_hash(entry) for _, entry in rows]
    known = {value: index for index, value in enumerate(sealed)}
    index = at = 0
    for end, value in enumerate([*actual, None]):
        match = len(sealed) if value is None else known.get(value, -1)
        if match < index:
            continue
        yield from _pair(first_index, sealed, range(index, match), rows[at:end])
        index, at = match + 1, end + 1


def _pair(
    first_index: int, sealed: Sequence[bytes], indexes: range, rows: Entries
) -> Iterator[RowDifference]:
    """Yield differences of rows and sealed hashes that are in the same place, in their order."""
    for index, (position, entry) in zip(indexes, rows, strict=False):
        yield RowDifference(first_index + index, position, sealed[index], None, _decode(entry))
    for index in indexes[len(rows) :]:
        yield RowDifference(first_index + index, None, sealed[index], has_row=False)
    for position, entry in rows[len(indexes) :]:
        yield RowDifference(None, position, actual=_decode(entry))


def _decode(entry: bytes | None) -> LogEntry | None:
    try:
        return decode_entry(entry or b"")
    except EntryMalformed:
        return None
