"""Builds live messages from events, once for all subscribers."""

from collections.abc import Callable, Container
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from domain.events import GradeChanged, SyncRequested
from domain.events.sync import SyncEvent
from domain.recorded_event import RecordedEvent
from domain.sync_run import END_EVENTS, RUN_EVENTS, SyncRun, run_after
from interfaces.live.stream import Message
from projections.support.grade_change_document import encode_grade_change
from projections.support.json_documents import format_rfc3339

RUN_START_TOPIC = "SyncRequested"
SUBSCRIBED_TOPICS = tuple(event.__name__ for event in (*RUN_EVENTS, GradeChanged))

LoadRunEvents = Callable[[UUID, int], list[RecordedEvent]]
"""Loads the events of the newest run of a stream, up to the event before a version."""


class ActiveRun(NamedTuple):
    """A run that has not ended, in its state after the last applied event, and its person."""

    person_id: UUID
    run: SyncRun


class MessageBuilder:
    """Builds a live message from each event; the message shows the run after the event.

    The builder keeps the runs that have not ended, so that earlier events of a run are loaded at
    most once.
    """

    def __init__(self, load_run_events: LoadRunEvents) -> None:
        self._load_run_events = load_run_events
        self._runs: dict[UUID, ActiveRun] = {}

    def build(self, recorded: RecordedEvent) -> Message | None:
        """Build the message of an event; None if clients receive none for it, as for a baseline.

        Raises: The exceptions of `load_run_events`.
        """
        event = recorded.event
        if isinstance(event, GradeChanged):
            return None if event.baseline else _grade_message(event, recorded)
        if isinstance(event, SyncEvent) and (run := self._advance_run(event, recorded)):
            return _sync_message(run, recorded)
        return None

    def evict_runs_except(self, person_ids: Container[UUID]) -> None:
        """Evict the runs of all other people, whose later events are not read."""
        others = [id_ for id_, run in self._runs.items() if run.person_id not in person_ids]
        for id_ in others:
            del self._runs[id_]

    def evict_all_runs(self) -> None:
        """Evict all runs; a run is loaded from the log again when its next event arrives."""
        self._runs.clear()

    def _advance_run(self, event: SyncEvent, recorded: RecordedEvent) -> SyncRun | None:
        before = self._runs.pop(event.sync_id, None)
        run = run_after(before.run if before else self._load_run(event), event, _time_of(recorded))
        if run and not isinstance(event, END_EVENTS):
            self._runs[event.sync_id] = ActiveRun(recorded.person_id, run)
        return run

    def _load_run(self, event: SyncEvent) -> SyncRun | None:
        if isinstance(event, SyncRequested):
            return None
        run: SyncRun | None = None
        for recorded in self._load_run_events(event.originator_id, event.originator_version):
            run = run_after(run, recorded.event, _time_of(recorded))
        return run


def _sync_message(run: SyncRun, recorded: RecordedEvent) -> Message:
    return _message(recorded, {"type": "sync", "sync": run, "at": _time_of(recorded)})


def _grade_message(event: GradeChanged, recorded: RecordedEvent) -> Message:
    change: Any = orjson.Fragment(encode_grade_change(event, recorded))
    return _message(recorded, {"type": "grade", "change": change})


def _message(recorded: RecordedEvent, content: dict[str, Any]) -> Message:
    return Message(recorded.position, orjson.dumps(content).decode())


def _time_of(recorded: RecordedEvent) -> str:
    return format_rfc3339(recorded.recorded_at)
