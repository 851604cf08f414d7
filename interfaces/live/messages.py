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
from domain.recorded_event import Recorded
from interfaces.live.stream import Message
from projections.grade_history.projector import change_document
from projections.support.json_documents import rfc3339
from projections.sync_log.sync_rows import Run, advance, requested

BEGINNING = "SyncRequested"
ENDS = (SyncCompleted, SyncFailed, SyncCancelled)
STEPS = (
    SyncRequested,
    SyncStarted,
    SyncRequeued,
    SyncWidened,
    CourseFetched,
    CourseWithdrawn,
    CourseFetchFailed,
    *ENDS,
)
TOPICS = tuple(event.__name__ for event in (*STEPS, GradeChanged))

Past = Callable[[UUID, int], list[Recorded]]
"""The events of a stream's newest run before a version."""


class Telling:
    """Knows of each run that goes on how far it was told."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._runs: dict[UUID, Run] = {}

    def message(self, recorded: Recorded) -> Message | None:
        """What to tell of an event, if anything; raises what the past raises."""
        event = recorded.event
        if isinstance(event, GradeChanged):
            return None if event.baseline else _grade(recorded)
        if isinstance(event, SyncEvent) and (run := self._run_at(event, recorded)):
            return _sync(run, recorded)
        return None

    def forget_others(self, people: Container[UUID]) -> None:
        """Forget the runs of all but these: they go on untold."""
        others = [id_ for id_, run in self._runs.items() if run.person_id not in people]
        for id_ in others:
            del self._runs[id_]

    def forget(self) -> None:
        """Forget every run: the log is asked anew."""
        self._runs.clear()

    def _run_at(self, event: SyncEvent, recorded: Recorded) -> Run | None:
        run = self._runs.pop(event.sync_id, None) or self._begun(event)
        run = _after(run, recorded)
        if run and not isinstance(event, ENDS):
            self._runs[event.sync_id] = run
        return run

    def _begun(self, event: SyncEvent) -> Run | None:
        if isinstance(event, SyncRequested):
            return None
        run: Run | None = None
        for recorded in self._past(event.originator_id, event.originator_version):
            run = _after(run, recorded)
        return run


def _after(run: Run | None, recorded: Recorded) -> Run | None:
    event = recorded.event
    if isinstance(event, SyncRequested):
        return requested(event, recorded)
    if run:
        advance(run.document, event, rfc3339(recorded.recorded_at))
    return run


def _sync(run: Run, recorded: Recorded) -> Message:
    return _message(
        recorded,
        {"type": "sync", "sync": run.document, "at": rfc3339(recorded.recorded_at)},
    )


def _grade(recorded: Recorded) -> Message:
    change: Any = orjson.Fragment(change_document(recorded))
    return _message(recorded, {"type": "grade", "change": change})


def _message(recorded: Recorded, said: dict[str, Any]) -> Message:
    return Message(recorded.position, orjson.dumps(said).decode())
