"""Compares the rows of the log with every copy of their hashes and every signed checkpoint."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

import psycopg

from infrastructure.seals.merkle import HASH_BYTES
from infrastructure.seals.signatures import VerifierKey
from infrastructure.seals.tiles import TILE_WIDTH, TileId, split_hashes, tile_width
from infrastructure.seals.tree_levels import TileLevels, tile_levels
from infrastructure.seals.verification.anchors import (
    Anchor,
    open_stored,
    rewritten,
    stored_between,
)
from infrastructure.seals.verification.findings import MAX_FINDINGS, Finding, Findings
from infrastructure.seals.verification.folded_tree import FoldedTree
from infrastructure.seals.verification.leaf_reader import LeafRun, read_hashes
from infrastructure.seals.verification.leaf_sources import LeafSource
from infrastructure.seals.verification.starting_point import StartingPoint

RUN_TILES = 64
MAX_FAILURES = 1000
"""Checkpoints that do not match the rows; more of them are only counted."""

Progress = Callable[[int], None]
"""Called with the number of rows that were read."""


class HashDifference(NamedTuple):
    """The first hash of a tile that is not that of the row; the position is that of the row."""

    entry_index: int
    position: int | None


@dataclass(slots=True)
class CheckedSource:
    """A copy of the hashes of the first `size` events, its own tree, and where it differs."""

    source: LeafSource
    size: int
    tree: FoldedTree
    differences: list[HashDifference] = field(default_factory=list)
    """The first difference of each tile, of at most MAX_FINDINGS tiles."""
    difference_count: int = 0
    wrong_starts: list[HashDifference] = field(default_factory=list)
    """Tiles whose first position is not that of their first row."""
    first_missing: int | None = None
    """The first tile that it does not have; later ones are not compared."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A signed checkpoint that the rows do not match, and the sources that do match it."""

    anchor: Anchor
    matching: frozenset[str]


class UpperDifference(NamedTuple):
    """A tile above level 0 that does not have the hashes that follow from the rows."""

    source: str
    tile: TileId
    is_missing: bool


@dataclass(slots=True)
class CheckedLog:
    """What the comparison has found."""

    rows: int = 0
    """Rows up to the last position, those at the start not counted."""
    checkpoints: int = 0
    last_good: Anchor | None = None
    """The largest checkpoint that the rows match."""
    failures: list[Failure] = field(default_factory=list)
    failure_count: int = 0
    sources: Sequence[CheckedSource] = ()
    upper: list[UpperDifference] = field(default_factory=list)
    """Tiles above level 0 that differ; it means something only if the rows are right."""

    def add_failure(self, failure: Failure) -> None:
        """Add a checkpoint that does not match; the last one is kept always."""
        self.failure_count += 1
        if len(self.failures) == MAX_FAILURES:
            self.failures.pop()
        self.failures.append(failure)


class LogCheck:
    """One pass over the rows from a start up to `size` events and `last_position`.

    `sources` are the copies of the hashes, with the number of events that each of them has;
    `upper_sources` those with the tiles above level 0.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        start: StartingPoint,
        *,
        size: int,
        last_position: int,
        sources: Mapping[LeafSource, int],
        upper_sources: Mapping[LeafSource, int],
        keys: Sequence[VerifierKey],
        anchors: Iterable[Anchor],
        findings: Findings,
    ) -> None:
        self._connection = connection
        self._start = start.state
        self._size = size
        self._last_position = last_position
        self._keys = keys
        self._upper_sources = upper_sources
        self._anchors = sorted(anchors, key=lambda anchor: anchor.size)
        self._findings = findings
        self._rows_tree = FoldedTree(start.state.size, start.edge)
        self._hashes = b"".join(start.edge[0]) if start.edge else b""
        self._positions: list[int] = [0] * (len(self._hashes) // HASH_BYTES)
        self._taken = 0
        self._tile = LeafRun(b"", ())
        self._read_position = start.state.last_position
        self.log = CheckedLog(
            sources=[
                CheckedSource(source, source_size, FoldedTree(start.state.size, start.edge))
                for source, source_size in sources.items()
            ]
        )

    def run(self, progress: Progress) -> CheckedLog:
        """Read the rows, and compare each tile and each checkpoint in it."""
        first = self._start.size // TILE_WIDTH
        end = -(-self._size // TILE_WIDTH)
        for run_start in range(first, end, RUN_TILES):
            run_end = min(run_start + RUN_TILES, end)
            self._read((run_end - run_start) * TILE_WIDTH)
            anchors = self._anchors_between(run_start * TILE_WIDTH, run_end * TILE_WIDTH)
            anchor = next(anchors, None)
            for number in range(run_start, run_end):
                self._take_tile()
                self._check_tile(number)
                while anchor and anchor.size <= (number + 1) * TILE_WIDTH:
                    self._check_anchor(anchor, number)
                    anchor = next(anchors, None)
            progress(self.log.rows)
        self._count_further_rows()
        self._check_upper(self._rows_tree.finish())
        return self.log

    def _read(self, wanted: int) -> None:
        """Read rows until so many are in memory, or the last one is; the taken ones are dropped."""
        self._hashes = self._hashes[self._taken * HASH_BYTES :]
        del self._positions[: self._taken]
        self._taken = 0
        while (missing := wanted - len(self._positions)) > 0:
            run = read_hashes(self._connection, self._read_position, self._last_position, missing)
            if not run.positions:
                return
            self._hashes += run.hashes
            self._positions.extend(run.positions)
            self._read_position = run.positions[-1]
            self.log.rows += len(run.positions)

    def _take_tile(self) -> None:
        """Make the next tile of the rows in memory the one that is checked."""
        start, end = self._taken, self._taken + TILE_WIDTH
        hashes = self._hashes[start * HASH_BYTES : end * HASH_BYTES]
        self._tile = LeafRun(hashes, self._positions[start:end])
        self._taken = end

    def _count_further_rows(self) -> None:
        """Count the rows up to the last position that are more than there should be."""
        (count,) = self._connection.execute(
            "SELECT count(*) FROM easeboard.events WHERE position > %s AND position <= %s",
            (self._read_position, self._last_position),
        ).fetchone() or (0,)
        self.log.rows += count

    def _check_tile(self, number: int) -> None:
        width = min(TILE_WIDTH, self._size - number * TILE_WIDTH)
        hashes = self._tile.hashes[: width * HASH_BYTES]
        levels: TileLevels = tile_levels(split_hashes(hashes)) if hashes else []
        if hashes:
            self._check_upper(self._rows_tree.put(levels))
        for checked in self.log.sources:
            self._check_source(checked, number, hashes, levels)

    def _check_source(
        self, checked: CheckedSource, number: int, hashes: bytes, levels: TileLevels
    ) -> None:
        width = min(TILE_WIDTH, min(checked.size, self._size) - number * TILE_WIDTH)
        if checked.first_missing is not None or width <= 0:
            return
        sealed = checked.source.tile(TileId(0, number), width)
        if sealed is None:
            checked.first_missing = number
            return
        hashes = hashes[: width * HASH_BYTES]
        if sealed == hashes:
            is_same_width = len(hashes) == len(levels[0]) * HASH_BYTES
            checked.tree.put(levels if is_same_width else tile_levels(split_hashes(hashes)))
            self._check_start(checked, number)
            return
        checked.tree.put(tile_levels(split_hashes(sealed)))
        checked.difference_count += 1
        if len(checked.differences) < MAX_FINDINGS:
            checked.differences.append(self._first_difference(number, sealed, hashes))

    def _first_difference(self, number: int, sealed: bytes, hashes: bytes) -> HashDifference:
        pairs = zip_longest(split_hashes(sealed), split_hashes(hashes))
        at = next(at for at, (one, other) in enumerate(pairs) if one != other)
        positions = self._tile.positions
        position = positions[at] if at < len(positions) else None
        return HashDifference(number * TILE_WIDTH + at, position)

    def _check_start(self, checked: CheckedSource, number: int) -> None:
        first, index = checked.source.first_position(number), number * TILE_WIDTH
        if first is not None and index >= self._start.size and first != self._tile.positions[0]:
            checked.wrong_starts.append(HashDifference(index, self._tile.positions[0]))

    def _anchors_between(self, after: int, up_to: int) -> Iterator[Anchor]:
        """Yield the checkpoints of these sizes in order; those that are wrong become findings."""
        after, up_to = max(after, self._start.size), min(up_to, self._size)
        found = [anchor for anchor in self._anchors if after < anchor.size <= up_to]
        for stored in stored_between(self._connection, after, up_to):
            opened = open_stored(stored, self._keys)
            self.log.checkpoints += 1
            if isinstance(opened, Finding):
                self._findings.add(opened)
            else:
                found.append(opened)
        yield from sorted(found, key=lambda anchor: anchor.size)

    def _check_anchor(self, anchor: Anchor, number: int) -> None:
        if self._rows_tree.root_at(anchor.size) == anchor.checkpoint.root:
            self.log.last_good = anchor
            self._check_last_position(anchor, number)
            return
        matching = (
            checked.source.name
            for checked in self.log.sources
            if checked.first_missing is None
            and checked.tree.root_at(anchor.size) == anchor.checkpoint.root
        )
        self.log.add_failure(Failure(anchor, frozenset(matching)))

    def _check_last_position(self, anchor: Anchor, number: int) -> None:
        position = self._tile.positions[anchor.size - 1 - number * TILE_WIDTH]
        if anchor.last_position not in {None, position}:
            reason = f"its last event is at position {position}, not {anchor.last_position}"
            self._findings.add(rewritten(anchor.size, anchor.last_position, reason))

    def _check_upper(self, tiles: Mapping[TileId, Sequence[bytes]]) -> None:
        """Compare tiles above level 0 with those of the sources that have such tiles."""
        for tile, hashes in tiles.items():
            for source, size in self._upper_sources.items():
                width = min(len(hashes), tile_width(tile, size))
                sealed = source.tile(tile, width) if width else b""
                if sealed != b"".join(hashes[:width]) and len(self.log.upper) < MAX_FINDINGS:
                    self.log.upper.append(UpperDifference(source.name, tile, sealed is None))
