"""Verifies the log: rows, tiles, signed checkpoints, and the files of SEAL_DIR."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg

from infrastructure.seals.seal_store import SealedCheckpoint
from infrastructure.seals.signatures import VerifierKey, parse_vkey
from infrastructure.seals.verification.anchors import (
    Anchor,
    newest_stored,
    open_anchor,
)
from infrastructure.seals.verification.findings import Finding, Findings, Report, Result, TreeState
from infrastructure.seals.verification.interpretation import cut_history, interpret
from infrastructure.seals.verification.leaf_sources import (
    DatabaseTiles,
    LeafSource,
    PublishedEntries,
    PublishedTiles,
)
from infrastructure.seals.verification.log_check import CheckedLog, LogCheck, Progress
from infrastructure.seals.verification.log_laws import (
    count_unsealed,
    never_given_out,
    version_gaps,
)
from infrastructure.seals.verification.published_files import published_anchor, published_keys
from infrastructure.seals.verification.starting_point import (
    BEGINNING,
    StartDiffers,
    StartingPoint,
    start_after,
)

SELECT_KEYS = "SELECT vkey FROM easeboard.seal_keys ORDER BY number, kind"
SELECT_HEAD = "SELECT coalesce(max(position), 0) FROM easeboard.events"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationScope:
    """What to verify, and with what.

    Without `keys`, those that the database names are trusted. `kept` are signed checkpoints
    from elsewhere. `after` is a tree that is known to be right: its rows are not read again.
    """

    keys: Sequence[VerifierKey] = ()
    witness_keys: Sequence[VerifierKey] = ()
    folder: Path | None = None
    """SEAL_DIR, or a copy of it; None without one."""
    kept: Sequence[bytes] = ()
    after: TreeState | None = None
    max_events: int | None = None
    checks_streams: bool = True
    """Whether the versions of all streams are counted, also of rows that are not read."""


def verify_log(
    connection: psycopg.Connection[Any],
    wanted: VerificationScope,
    progress: Progress = lambda _: None,
) -> Report:
    """Return what was verified, and each difference with its place; appends may go on meanwhile.

    The connection must be in autocommit mode.

    Raises: NoteMalformed, NoteUnsigned, SignatureWrong or CheckpointMalformed if a kept checkpoint
    is not signed by the log; the errors of psycopg.
    """
    return _Verifier(connection, wanted, progress).run()


class _Verifier:
    def __init__(
        self, connection: psycopg.Connection[Any], wanted: VerificationScope, progress: Progress
    ) -> None:
        self._connection = connection
        self._wanted = wanted
        self._progress = progress
        self._began = time.monotonic()
        self._findings = Findings()
        connection.execute("SET client_encoding TO 'UTF8'")

    def run(self) -> Report:
        """Verify, in the order in which the log grows: published, checkpoints, rows."""
        keys = self._log_keys()
        trusted = (*keys, *self._wanted.witness_keys)
        anchors = [open_anchor("kept", note, trusted) for note in self._wanted.kept]
        published = published_anchor(self._wanted.folder, trusted, self._findings)
        anchors += [published] if published else []
        start = self._start(anchors)
        newest = newest_stored(self._connection)
        end = self._end(newest, anchors, start.state.size)
        if end is None:
            return self._report(keys, start.state, start.state, anchors)
        sources = self._sources(newest, published)
        log = self._check(start, end, newest, sources, anchors=anchors, keys=trusted)
        # Without new rows, the root is that of the tree to start from.
        root = log.last_good.checkpoint.root if log.last_good else start.state.root
        return self._report(
            keys,
            start.state,
            TreeState(*end, root),
            anchors,
            events=log.rows,
            checkpoints=log.checkpoints,
            compared_with=tuple(source.name for source in sources),
            is_complete=newest is None or end[0] >= newest.size,
        )

    def _check(
        self,
        start: StartingPoint,
        end: tuple[int, int],
        newest: SealedCheckpoint | None,
        sources: dict[LeafSource, int],
        *,
        anchors: Sequence[Anchor],
        keys: Sequence[VerifierKey],
    ) -> CheckedLog:
        """Compare the rows up to the end, and add what differs to the findings."""
        size, last_position = end
        log = LogCheck(
            self._connection,
            start,
            size=size,
            last_position=last_position,
            sources=sources,
            upper_sources=self._upper_sources(sources),
            keys=keys,
            anchors=anchors,
            findings=self._findings,
        ).run(self._progress)
        if newest is None or newest.size < size:
            self._findings.add(cut_history(newest, size))
        stored_size = newest.size if newest else 0
        interpret(self._connection, log, stored_size=stored_size, findings=self._findings)
        return log

    def _log_keys(self) -> list[VerifierKey]:
        """Return the trusted keys of the log; a key that only one side names is a finding."""
        rows = self._connection.execute(SELECT_KEYS).fetchall()
        stored = [parse_vkey(text) for (text,) in rows]
        published = published_keys(self._wanted.folder, self._findings)
        trusted = list(self._wanted.keys) or published or stored
        for key in dict.fromkeys((*stored, *published)):
            if key not in trusted:
                place = "The database" if key in stored else "The published file vkey"
                detail = f"{place} has the key {key}, which is not one of the trusted keys."
                self._findings.add(Finding(kind="key unknown", detail=detail))
        return trusted

    def _start(self, anchors: Sequence[Anchor]) -> StartingPoint:
        """Return where to begin: at the first event, if the log does not continue what is known."""
        known = self._wanted.after
        kept = [anchor for anchor in anchors if anchor.origin == "kept"]
        if known is None and kept:
            newest = max(kept, key=lambda anchor: anchor.size)
            known = TreeState(newest.size, 0, newest.checkpoint.root)
        if known is None:
            return BEGINNING
        try:
            return start_after(self._connection, known.size, known.root)
        except StartDiffers:
            if known is self._wanted.after:
                self._findings.add(_not_continued(known))
            return BEGINNING

    def _end(
        self, newest: SealedCheckpoint | None, anchors: Sequence[Anchor], start: int
    ) -> tuple[int, int] | None:
        """Return how many events there should be, and the last position to read."""
        largest = max((anchor.size for anchor in anchors), default=0)
        if newest is None or newest.size < largest:
            row = self._connection.execute(SELECT_HEAD).fetchone()
            return (largest, int(row[0]) if row else 0) if largest else None
        if self._wanted.max_events is not None and newest.size > start + self._wanted.max_events:
            reachable = newest_stored(self._connection, start + self._wanted.max_events)
            if reachable and reachable.size > start:
                newest = reachable
        return newest.size, newest.last_position

    def _sources(
        self, newest: SealedCheckpoint | None, published: Anchor | None
    ) -> dict[LeafSource, int]:
        sources: dict[LeafSource, int] = {}
        if newest:
            sources[DatabaseTiles(self._connection)] = newest.size
        if self._wanted.folder and published:
            sources[PublishedTiles(self._wanted.folder)] = published.size
            sources[PublishedEntries(self._wanted.folder)] = published.size
        return sources

    def _upper_sources(self, sources: Mapping[LeafSource, int]) -> dict[LeafSource, int]:
        """Return the sources of tiles above level 0, which are read in another order."""
        return {
            DatabaseTiles(self._connection) if isinstance(source, DatabaseTiles) else source: size
            for source, size in sources.items()
            if not isinstance(source, PublishedEntries)
        }

    def _report(
        self,
        keys: Sequence[VerifierKey],
        start: TreeState,
        end: TreeState,
        anchors: Sequence[Anchor],
        *,
        events: int = 0,
        checkpoints: int = 0,
        compared_with: tuple[str, ...] = (),
        is_complete: bool = True,
    ) -> Report:
        self._findings.extend(never_given_out(self._connection))
        if self._wanted.checks_streams:
            self._findings.extend(version_gaps(self._connection))
        untroubled: Result = "ok" if end.size else "nothing sealed"
        return Report(
            result="problems" if self._findings.total else untroubled,
            log=keys[0].name if keys else None,
            keys=tuple(map(str, keys)),
            start=start,
            end=end,
            events=events,
            unsealed_events=count_unsealed(self._connection, end.last_position),
            checkpoints=checkpoints + len(anchors),
            compared_with=compared_with,
            findings=tuple(self._findings.items),
            finding_count=self._findings.total,
            checked_at=datetime.now(UTC),
            seconds=time.monotonic() - self._began,
            is_complete=is_complete,
        )


def _not_continued(known: TreeState) -> Finding:
    detail = (
        f"The tiles of the database do not lead to the root of the first {known.size:,} events that"
        " was verified before: tiles or history were replaced since."
    )
    return Finding(kind="history replaced", detail=detail, size=known.size)
