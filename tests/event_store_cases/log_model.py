"""What a reader may see of a log: a model of it in memory, and of the read models at each place."""

from collections.abc import Container, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from domain.event import Event
from domain.events import (
    ConnectionClosed,
    ConnectionOpened,
    CourseFetched,
    GradeChanged,
    SyncCompleted,
    SyncRequested,
    SyncStarted,
    TokenRotated,
)
from domain.events.sync import SyncEvent
from domain.log_position import LogPosition
from projections.support.page import Page

RUN_STATUS = {SyncRequested: "queued", SyncStarted: "running", SyncCompleted: "completed"}


class ModelEvent(NamedTuple):
    """A committed event, its position, and the person whose data it is."""

    position: int
    person: UUID
    event: Event


@dataclass
class Shown:
    """What read models show of one person."""

    connections: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Fingerprint and version of each open connection."""
    runs: dict[str, str] = field(default_factory=dict)
    """The status of each run."""
    totals: dict[str, float] = field(default_factory=dict)
    """The total of the only course of each connection, as `courses` shows it."""
    grades: dict[str, float] = field(default_factory=dict)
    """The same, as `grades` shows it."""
    changes: int = 0
    """The length of the history of grades."""


class Token(NamedTuple):
    """A place that a client has received."""

    place: LogPosition
    is_lost: bool = False
    """Whether the log has lost its event."""
    is_doubtful: bool = False
    """Whether the log may refuse it although it is not lost, because a clock was wrong."""


@dataclass
class LogModel:
    """The committed events in the order of positions, and the places that clients have."""

    events: list[ModelEvent] = field(default_factory=list)
    tokens: list[Token] = field(default_factory=list)
    had_wrong_clock: bool = False

    @property
    def head(self) -> int:
        return self.events[-1].position if self.events else 0

    def append(self, person: UUID, events: Sequence[Event], place: LogPosition) -> None:
        """Add the events of one append, which has this place."""
        first = place.position - len(events) + 1
        self.events += [
            ModelEvent(first + index, person, event) for index, event in enumerate(events)
        ]
        self.events.sort(key=lambda each: each.position)
        self.tokens.append(Token(place))

    def fail_over(
        self, copied: Sequence[ModelEvent], timelines: Container[int], *, by_time: bool
    ) -> None:
        """Lose all events but the copied ones; places after them are lost with them.

        So are places of a timeline that began after the copy, because the log has no trace of it.
        With `by_time` the log knows only by the times of events which of them it had before.
        """
        self.events = list(copied)
        self.tokens = [
            Token(
                each.place,
                each.is_lost or self._is_beyond(each.place) or each.place.timeline not in timelines,
                each.is_doubtful or (by_time and self.had_wrong_clock),
            )
            for each in self.tokens
        ]

    def _is_beyond(self, place: LogPosition) -> bool:
        return place.position > self.head

    def positions(self, up_to: int) -> list[int]:
        """Return the positions of all events up to one."""
        return [each.position for each in self.events if each.position <= up_to]

    def shown(self, person: UUID, up_to: int) -> Shown:
        """Return what a read of the state at a position shows to a person."""
        own = [each.event for each in self.events if each.person == person]
        in_time = own[: sum(1 for each in self.events if self._is_in(each, person, up_to))]
        shown = Shown()
        for id_ in _open_connections(in_time):
            _add_connection(shown, id_, [each for each in in_time if _connection_of(each) == id_])
        return shown

    def _is_in(self, each: ModelEvent, person: UUID, up_to: int) -> bool:
        return each.person == person and each.position <= up_to


def shown_by(results: Sequence[Page]) -> Shown:
    """Return what pages of all five read models show, in the order of the fields of Shown."""
    connections, runs, courses, grades, changes = ([*map(orjson.loads, p.items)] for p in results)
    return Shown(
        {each["id"]: (each["token_fingerprint"], each["version"]) for each in connections},
        {each["id"]: each["status"] for each in runs},
        _totals(courses),
        _totals(grades),
        len(changes),
    )


def _totals(documents: list[dict[str, Any]]) -> dict[str, float]:
    return {each["connection_id"]: each["current_score"] for each in documents}


def _connection_of(event: Event) -> UUID:
    return event.connection_id if isinstance(event, SyncEvent) else event.originator_id


def _open_connections(events: Sequence[Event]) -> list[UUID]:
    closed = {each.originator_id for each in events if isinstance(each, ConnectionClosed)}
    opened = [each.originator_id for each in events if isinstance(each, ConnectionOpened)]
    return [id_ for id_ in opened if id_ not in closed]


def _add_connection(shown: Shown, id_: UUID, events: Sequence[Event]) -> None:
    """Add what an open connection and its runs show."""
    fingerprint, version = "", 0
    for event in events:
        if isinstance(event, ConnectionOpened | TokenRotated):
            fingerprint = event.token_fingerprint
        if not isinstance(event, SyncEvent):
            version = event.originator_version
        elif status := RUN_STATUS.get(type(event)):
            shown.runs[str(event.sync_id)] = status
        if isinstance(event, CourseFetched):
            total = event.course["current_score"]
            assert total is not None
            shown.totals[str(id_)] = shown.grades[str(id_)] = total
        shown.changes += isinstance(event, GradeChanged)
    shown.connections[str(id_)] = (fingerprint, version)
