"""The law of causes and correlations, which the events of every store keep."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

RUN_EVENTS = {
    *("SyncStarted", "SyncRequeued", "SyncWidened", "CourseFetched", "CourseFetchFailed"),
    *("CourseUnlisted", "CourseWithdrawn", "DueDateChanged", "GradeChanged"),
}
BY_START: set[str | None] = {"SyncStarted"}
CAUSES: dict[str, set[str | None]] = {
    "SyncRequested": {None, "ConnectionOpened"},
    "SyncStarted": {"SyncRequested", "SyncRequeued"},
    "SyncRequeued": {*RUN_EVENTS},
    "SyncWidened": BY_START,
    "CourseFetched": BY_START,
    "CourseFetchFailed": BY_START,
    "CourseUnlisted": BY_START,
    "CourseWithdrawn": BY_START,
    "DueDateChanged": {"CourseFetched"},
    "GradeChanged": {"CourseFetched"},
    "SyncCompleted": BY_START,
    "SyncFailed": {*RUN_EVENTS},
    "TokenRejected": {None, "SyncStarted"},
}
"""Which events cause an event; those that are not named here begin a chain."""


class ChainedEvent(NamedTuple):
    """One event, in the order of the log."""

    topic: str
    person_id: UUID
    sync_id: str | None
    event_id: UUID
    correlation_id: str | None
    causation_id: UUID | None


def require_chains(events: Sequence[ChainedEvent]) -> None:
    """Require that each event has a correlation, and the cause that its kind must have."""
    earlier: dict[UUID, ChainedEvent] = {}
    runs: dict[str, str | None] = {}
    for event in events:
        assert event.correlation_id, event
        assert event.event_id not in earlier, event
        cause = earlier[event.causation_id] if event.causation_id else None
        assert (cause and cause.topic) in CAUSES.get(event.topic, {None}), (event, cause)
        if cause:
            assert cause.person_id == event.person_id
            assert cause.correlation_id == event.correlation_id
        if event.sync_id and event.topic != "SyncCancelled":
            run = runs.setdefault(event.sync_id, event.correlation_id)
            assert run == event.correlation_id, event
        earlier[event.event_id] = event
