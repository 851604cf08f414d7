"""Saves runs of syncs, and compares their snapshots with the log."""

from contextlib import suppress
from random import Random
from uuid import UUID, uuid4

import pytest

from domain.aggregate import Aggregate
from domain.canvas import Assignment
from domain.errors import SyncAlreadyRunning, VersionConflict
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from infrastructure.event_store.encryption import decrypt
from infrastructure.event_store.folds import fold_of
from infrastructure.event_store.rehydrate import rehydrate
from infrastructure.event_store.snapshots import MAX_VERSION, SELECT_STREAM
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.execute import execute
from tests.canvas_builders import assignment, course, group

NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)
COURSES = ("1", "2", "3")
SELECT_STORED = "SELECT person_id, state FROM easeboard.snapshots WHERE stream = %s"


def request_run(sync: Sync, person: UUID) -> None:
    connection_id = UUID(int=person.int ^ 1)
    sync.request(
        uuid4(), connection_id=connection_id, person_id=person, trigger="manual", mode="full"
    )


def read_course(sync: Sync, canvas_id: str, work: list[Assignment]) -> None:
    """Record a course whose response has a digest; known work is not parsed."""
    attempt, digest = sync.attempt, repr(work)
    assert attempt
    is_known = sync.work_digests.get(canvas_id) == digest and sync.courses[canvas_id]["complete"]
    progress = Progress(total=3, done=1, failed=0)
    read, groups = (None, None) if is_known else (work, [group()])
    of = course(canvas_id)
    sync.record_course(attempt, of, read, progress, groups, work_digest=digest)


def end_run(sync: Sync) -> None:
    assert sync.attempt
    sync.complete(sync.attempt, Progress(total=3, done=3, failed=0), NO_REQUESTS)


def some_work(random: Random, most: int = 4) -> list[Assignment]:
    ids = random.sample(["11", "12", "13", "14"], random.randint(0, most))
    return [assignment(id_, name=random.choice(["Problem", "Essay"])) for id_ in ids]


def save_run(store: EventStore, sync: Sync, person: UUID, works: list[list[Assignment]]) -> None:
    """Save a run of several appends."""
    request_run(sync, person)
    store.save_blocking(sync)
    sync.start("worker")
    store.save_blocking(sync)
    for canvas_id, work in zip(COURSES, works, strict=False):
        read_course(sync, canvas_id, work)
    store.save_blocking(sync)
    end_run(sync)
    store.save_blocking(sync)


def folded_from_log(store: EventStore, kind: type[Aggregate], stream: UUID) -> Aggregate:
    """Fold all events, whatever snapshots there are."""
    every = {"stream": stream, "after": 0, "up_to": MAX_VERSION, "limit": 10_000}
    rows = execute(store._pool, SELECT_STREAM, every)
    return rehydrate(kind, stream, None, store._mapper.to_events([row[:7] for row in rows]))


def assert_snapshot_is_that_of_the_log(store: EventStore, aggregate: Aggregate) -> None:
    """Assert that it is, and that the caches are those in hand."""
    snapshots = store._snapshots_of(type(aggregate))
    snapshot, rows = snapshots.load(aggregate.id, None)
    assert snapshot
    assert (snapshot.originator_version, rows) == (aggregate.version, [])
    expected = folded_from_log(store, type(aggregate), aggregate.id)
    vars(expected).update({name: getattr(aggregate, name) for name in aggregate.CACHES})
    ((person, stored),) = execute(store._pool, SELECT_STORED, [aggregate.id])
    cipher = store._keys.encryption_key(person)
    associated_data = snapshots._associated_data(aggregate.id, aggregate.version)
    assert decrypt(stored, cipher, associated_data) == snapshots.encode(expected)


class Runs:
    """Runs of one person: in hand is what a process has of the sync."""

    def __init__(self, store: EventStore, random: Random) -> None:
        self.store, self.random, self.person = store, random, uuid4()
        self.stream = Sync.id_for(self.person)
        self.in_hand = self.load()

    def load(self) -> Sync:
        return self.store.load_blocking(Sync, self.stream)

    def step(self) -> None:
        """Do the next thing of a run, or snapshot, or crash, or meet another process."""
        action = self.random.choice([*[self.go_on] * 6, self.snapshot, self.crash, self.conflict])
        action()

    def decide(self, sync: Sync) -> None:
        if not sync.active_run:
            request_run(sync, self.person)
        elif not sync.attempt:
            sync.start("worker")
        elif self.random.random() < 0.3:
            end_run(sync)
        elif self.random.random() < 0.2:
            sync.record_fetch_failure(
                sync.attempt, "1", "canvas-timeout", "slow", Progress(total=3, done=0, failed=1)
            )
        else:
            for canvas_id in self.random.sample(COURSES, 2):
                read_course(sync, canvas_id, some_work(self.random))

    def go_on(self) -> None:
        self.decide(self.in_hand)
        self.store.save_blocking(self.in_hand)

    def snapshot(self) -> None:
        self.store.save_snapshot_blocking(self.in_hand)
        if self.in_hand.exists and not self.store._snapshots_of(Sync).is_due(self.in_hand):
            fold = fold_of(self.in_hand)
            if fold and fold.version == self.in_hand.version:
                assert_snapshot_is_that_of_the_log(self.store, self.in_hand)

    def crash(self) -> None:
        self.in_hand = self.load()

    def conflict(self) -> None:
        """Lose against another process; nothing of the refused events gets into a snapshot."""
        other = self.load()
        with suppress(SyncAlreadyRunning):
            self.decide(other)
        self.store.save_blocking(other)
        refused = self.in_hand
        self.decide(refused)
        if other.version > refused.version - len(refused.pending_events) and refused.pending_events:
            with pytest.raises(VersionConflict):
                self.store.save_blocking(refused)
            before = self.store._snapshots_of(Sync).load(self.stream, None).snapshot
            self.store.save_snapshot_blocking(refused)
            assert self.store._snapshots_of(Sync).load(self.stream, None).snapshot == before
        self.in_hand = self.load()
        self.in_hand.keep_work_digests(refused)


def sync_of(store: EventStore, person: UUID) -> Sync:
    return store.load_blocking(Sync, Sync.id_for(person))


def has_snapshot_at(store: EventStore, sync: Sync) -> bool:
    snapshot = store._snapshots_of(Sync).load(sync.id, None).snapshot
    return bool(snapshot and snapshot.originator_version == sync.version)
