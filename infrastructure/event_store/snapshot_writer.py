"""Saves snapshots of aggregates in hand, for many callers with a few statements.

Their events are appended, and now have the times of the log. They are applied again, with these,
to what was loaded; so a snapshot never has more than the log, and is what a load would give. What
has no times is taken as it is in hand. An aggregate of which that is not possible is loaded.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, NamedTuple, Self
from uuid import UUID

from domain.aggregate import Aggregate
from domain.errors import PersonIsErased
from domain.event import Event
from infrastructure.event_store.folds import TIMELINE_ATTRIBUTE, Fold, caches_of, fold_of
from infrastructure.event_store.past_snapshots import EncryptedState, keep_if_due
from infrastructure.event_store.snapshots import Snapshots, save_states
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool

MAX_APPENDED_EVENTS = 5000
"""Events that an aggregate in hand has appended; one that has more is loaded."""

# The events of one append have one time, and later ones in the stream have later times.
SELECT_TIMES = """
SELECT asked.stream, own.recorded_at, own.first, own.last,
       (SELECT easeboard.current_timeline()) AS timeline
  FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[]) AS asked (stream, first, last)
 CROSS JOIN LATERAL (
           SELECT recorded_at, min(version) AS first, max(version) AS last
             FROM (
                      SELECT version, recorded_at
                        FROM easeboard.events
                       WHERE stream = asked.stream
                         AND version >= asked.first
                         AND version <= asked.last
                       ORDER BY version
                       LIMIT %s
                  ) AS each
            GROUP BY recorded_at
       ) AS own
"""


class AppendTime(NamedTuple):
    """The time of an append, its first and last version, and the timeline of the log now."""

    recorded_at: datetime
    first: int
    last: int
    timeline: int


LoadVersion = Callable[[type[Aggregate], UUID, int | None], Aggregate]
Snapshotted = tuple[Aggregate, EncryptedState]


@dataclass(eq=False, slots=True)
class InHand:
    """An aggregate of which a snapshot is due, as it was when that was noticed."""

    kind: type[Aggregate]
    stream: UUID
    version: int
    timeline: int | None
    fold: Fold | None
    """From what it is folded; None if that is not known."""
    current_fold: Fold | None
    """That of the aggregate, which goes on."""
    timeless: dict[str, Any]
    """Its attributes TIMELESS and CACHES; nobody may change the former until it is saved."""

    @classmethod
    def of(cls, aggregate: Aggregate) -> Self:
        """Return what is needed of an aggregate without pending events."""
        fold = fold_of(aggregate)
        return cls(
            kind=type(aggregate),
            stream=aggregate.id,
            version=aggregate.version,
            timeline=vars(aggregate).get(TIMELINE_ATTRIBUTE),
            fold=replace(fold, appended=[*fold.appended]) if fold else None,
            current_fold=fold,
            timeless={
                **{name: getattr(aggregate, name) for name in aggregate.TIMELESS},
                **caches_of(aggregate),
            },
        )


class SnapshotWriter:
    """Saves snapshots; `load` loads a version of a stream, or its end."""

    def __init__(
        self,
        pool: WritePool,
        snapshots_of: Callable[[type[Aggregate]], Snapshots],
        load: LoadVersion,
    ) -> None:
        self._pool = pool
        self._snapshots_of = snapshots_of
        self._load = load

    def save(self, asked: Sequence[InHand]) -> list[Exception | None]:
        """Save the snapshot of each, unless the person is erased; returns the error of each.

        Raises: DatabaseBusy and DatabaseUnavailable.
        """
        times = self._times(asked)
        states, errors = dict[InHand, Snapshotted](), list[Exception | None]()
        for each in asked:
            try:
                with suppress(PersonIsErased):
                    states[each] = self._state_of(each, times.get(each.stream, []))
                errors.append(None)
            except Exception as error:  # noqa: BLE001  # the caller gets it
                errors.append(error)
        save_states(self._pool, [state for _, state in states.values()])
        for each, (aggregate, state) in states.items():
            keep_if_due(self._pool, state)
            if each.current_fold and aggregate.version == each.version:
                each.current_fold.continue_from(aggregate, caches_of(aggregate))
        return [error or self._fill_past(each) for each, error in zip(asked, errors, strict=True)]

    def _times(self, asked: Iterable[InHand]) -> dict[UUID, list[AppendTime]]:
        ranges = [
            (each.stream, each.fold.appended[0].originator_version, each.version)
            for each in asked
            if each.fold and each.fold.appended
        ]
        times: dict[UUID, list[AppendTime]] = {}
        if ranges:
            columns = [[*column] for column in zip(*ranges, strict=True)]
            rows = execute(self._pool, SELECT_TIMES, [*columns, MAX_APPENDED_EVENTS])
            for stream, *time in rows:
                times.setdefault(stream, []).append(AppendTime(*time))
        return times

    def _state_of(self, each: InHand, times: Sequence[AppendTime]) -> Snapshotted:
        aggregate = self._folded(each, times) or self._load(each.kind, each.stream, None)
        return aggregate, self._snapshots_of(each.kind).encrypt(aggregate)

    def _folded(self, each: InHand, times: Sequence[AppendTime]) -> Aggregate | None:
        """Return the aggregate with the times of the log; None if the log may have lost events."""
        fold = each.fold
        if fold is None or any(time.timeline != each.timeline for time in times):
            return None
        time_of = {
            version: time.recorded_at.astimezone(UTC)
            for time in times
            for version in range(time.first, time.last + 1)
        }
        if len(time_of) != len(fold.appended):
            return None
        aggregate = each.kind.new(each.stream)
        vars(aggregate).update(self._snapshots_of(each.kind).decode(fold.loaded), **each.timeless)
        for event in fold.appended:
            at = time_of[event.originator_version]
            aggregate.modified_on = at
            aggregate.evolve_again(_at(event, at))
        aggregate.version = each.version
        return aggregate

    def _fill_past(self, each: InHand) -> Exception | None:
        try:
            self._snapshots_of(each.kind).fill_past(
                each.stream,
                each.version,
                lambda version: self._load(each.kind, each.stream, version),
            )
        except PersonIsErased:
            return None
        except Exception as error:  # noqa: BLE001  # the caller gets it
            return error
        return None


def _at(event: Event, recorded_at: datetime) -> Event:
    """Return an event with another time."""
    copy = object.__new__(type(event))
    # The class is frozen, and its constructor is slow.
    object.__setattr__(copy, "__dict__", {**vars(event), "timestamp": recorded_at})
    return copy
