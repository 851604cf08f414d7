"""Makes messages of events: each is made once, however many hear it."""

from collections.abc import Callable, Container
from typing import Any
from uuid import UUID

import orjson

from domain.events import (
    CourseFetched,
    CourseFetchFailed,
    CourseWithdrawn,
    GradeChanged,
    SyncCancelled,
    SyncCompleted,
    SyncFailed,
    SyncRequested,
    SyncRequeued,
    SyncStarted,
    SyncWidened,
)
from domain.events.sync import SyncEvent
from domain.recorded_event import RecordedEvent
from interfaces.live.stream import Message
from projections.grade_history.projector import encode_grade_change
from projections.support.json_documents import format_rfc3339
from projections.sync_log.sync_rows import SyncRow, apply_event, new_sync_row

RUN_START_TOPIC = "SyncRequested"
TERMINAL_EVENTS = (SyncCompleted, SyncFailed, SyncCancelled)
RUN_EVENTS = (
    SyncRequested,
    SyncStarted,
    SyncRequeued,
    SyncWidened,
    CourseFetched,
    CourseWithdrawn,
    CourseFetchFailed,
    *TERMINAL_EVENTS,
)
SUBSCRIBED_TOPICS = tuple(event.__name__ for event in (*RUN_EVENTS, GradeChanged))

LoadRunEvents = Callable[[UUID, int], list[RecordedEvent]]
"""The events of a stream's newest run before a version."""


class MessageBuilder:
    """Knows of each run that goes on how far it was told."""

    def __init__(self, load_run_events: LoadRunEvents) -> None:
        self._load_run_events = load_run_events
        self._runs: dict[UUID, SyncRow] = {}

    def build(self, recorded: RecordedEvent) -> Message | None:
        """What to tell of an event, if anything; raises what the past raises."""
        event = recorded.event
        if isinstance(event, GradeChanged):
            return None if event.baseline else _grade_message(recorded)
        if isinstance(event, SyncEvent) and (run := self._advance_run(event, recorded)):
            return _sync_message(run, recorded)
        return None

    def evict_runs_except(self, person_ids: Container[UUID]) -> None:
        """Forget the runs of all but these: they go on untold."""
        others = [id_ for id_, run in self._runs.items() if run.person_id not in person_ids]
        for id_ in others:
            del self._runs[id_]

    def evict_all_runs(self) -> None:
        """Forget every run: the log is asked anew."""
        self._runs.clear()

    def _advance_run(self, event: SyncEvent, recorded: RecordedEvent) -> SyncRow | None:
        run = self._runs.pop(event.sync_id, None) or self._load_run(event)
        run = _apply(run, recorded)
        if run and not isinstance(event, TERMINAL_EVENTS):
            self._runs[event.sync_id] = run
        return run

    def _load_run(self, event: SyncEvent) -> SyncRow | None:
        if isinstance(event, SyncRequested):
            return None
        run: SyncRow | None = None
        for recorded in self._load_run_events(event.originator_id, event.originator_version):
            run = _apply(run, recorded)
        return run


def _apply(run: SyncRow | None, recorded: RecordedEvent) -> SyncRow | None:
    event = recorded.event
    if isinstance(event, SyncRequested):
        return new_sync_row(event, recorded)
    if run:
        apply_event(run.document, event, format_rfc3339(recorded.recorded_at))
    return run


def _sync_message(run: SyncRow, recorded: RecordedEvent) -> Message:
    return _message(
        recorded,
        {"type": "sync", "sync": run.document, "at": format_rfc3339(recorded.recorded_at)},
    )


def _grade_message(recorded: RecordedEvent) -> Message:
    change: Any = orjson.Fragment(encode_grade_change(recorded))
    return _message(recorded, {"type": "grade", "change": change})


def _message(recorded: RecordedEvent, content: dict[str, Any]) -> Message:
    return Message(recorded.position, orjson.dumps(content).decode())
