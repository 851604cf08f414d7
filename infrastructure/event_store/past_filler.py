"""Adds the snapshots of the past that a long stream lacks, after a load that took long.

A log that an earlier release has written, or that was copied, has none. Each is made from the one
before it.
"""

from collections.abc import Callable, Iterator
from functools import partial
from uuid import UUID

from domain.aggregate import Aggregate
from infrastructure.event_store.background_job import BackgroundJob
from infrastructure.event_store.past_snapshots import (
    keep_snapshot,
    missing_versions,
    version_after_last,
)
from infrastructure.event_store.snapshot_writer import LoadVersion
from infrastructure.event_store.snapshots import Snapshots
from infrastructure.postgres.pools import WritePool

MIN_APPLIED_EVENTS = 2000
"""Events that a load has to apply so that snapshots are added: four times their usual interval."""


class PastFiller:
    """Adds snapshots of one stream at a time; `load` loads a version of a stream."""

    def __init__(
        self,
        pool: WritePool,
        snapshots_of: Callable[[type[Aggregate]], Snapshots],
        load: LoadVersion,
        job: BackgroundJob,
    ) -> None:
        self._pool = pool
        self._snapshots_of = snapshots_of
        self._load = load
        self._job = job

    def note_load(self, kind: type[Aggregate], stream: UUID, applied_events: int) -> None:
        """Begin to add snapshots if a load of the past had to apply too many events."""
        if applied_events >= MIN_APPLIED_EVENTS:
            self._job.begin("past snapshots", partial(self._fill, kind, stream))

    def _fill(self, kind: type[Aggregate], stream: UUID) -> Iterator[None]:
        snapshots = self._snapshots_of(kind)
        added: set[int] = set()
        # One that was added and is still missing cannot be kept; without the set, this had no end.
        while versions := [each for each in self._missing(stream, snapshots) if each not in added]:
            for version in versions:
                keep_snapshot(self._pool, snapshots.encrypt(self._load(kind, stream, version)))
                added.add(version)
                yield

    def _missing(self, stream: UUID, snapshots: Snapshots) -> list[int]:
        return missing_versions(self._pool, stream, snapshots.topic) or version_after_last(
            self._pool, stream
        )
