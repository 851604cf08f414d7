"""Builds live messages from events, once for all subscribers.

A scheduled run that only repeats the failure of the run before gives no messages: while a Canvas
does not respond for days, a person receives one message about it, not one for each run.
"""

from collections.abc import Callable, Container
from typing import Any, NamedTuple
from uuid import UUID

import orjson
import structlog

from domain.circuit_breaker import NO_RESPONSE_CODES
from domain.event import Event
from domain.events import GradeChanged, PersonErased, SyncRequested
from domain.events.sync import SyncEvent, SyncFailed, SyncRequeued, SyncStarted
from domain.log_position import LogPosition
from domain.recorded_event import RecordedEvent
from domain.sync_run import END_EVENTS, RUN_EVENTS, SyncRun, run_after
from infrastructure.event_store.errors import describe_error
from infrastructure.postgres.errors import DATABASE_ERRORS
from interfaces.live.stream import Message, new_message
from projections.support.grade_change_document import encode_grade_change
from projections.support.json_documents import format_rfc3339

RUN_START_TOPIC = "SyncRequested"
SUBSCRIBED_TOPICS = tuple(event.__name__ for event in (*RUN_EVENTS, GradeChanged, PersonErased))
"""The events of which clients receive a message, and the one that ends their connections."""

LoadRunEvents = Callable[[UUID, int], list[RecordedEvent]]
"""Loads the events of the newest run of a stream, up to the event before a version."""

logger = structlog.get_logger()


class ActiveRun(NamedTuple):
    """A run in its state after the last applied event, and its person."""

    person_id: UUID
    run: SyncRun
    repeated_failure: str | None = None
    """The code of the failure of the run before, while this run has shown nothing else."""


class MessageBuilder:
    """Builds a live message from each event; the message shows the run after the event.

    The builder keeps the runs that have not ended, so that earlier events of a run are loaded at
    most once.
    """

    def __init__(self, load_run_events: LoadRunEvents) -> None:
        self._load_run_events = load_run_events
        self._runs: dict[UUID, ActiveRun] = {}

    def build(self, recorded: RecordedEvent, timeline: int) -> Message | None:
        """Build the message of an event; None if clients receive none for it, as for a baseline.

        An event of which no message can be built is logged, and clients receive none for it.

        Raises: DATABASE_ERRORS of `load_run_events`.
        """
        try:
            content = self._content_of(recorded)
        except DATABASE_ERRORS:
            raise
        except Exception as error:  # noqa: BLE001  # one event must not stop those of other people
            logger.warning(
                "live.message_failed", position=recorded.position, error=describe_error(error)
            )
            return None
        if content is None:
            return None
        place = LogPosition(timeline, recorded.position)
        return new_message(place, content, recorded.event.originator_id)

    def _content_of(self, recorded: RecordedEvent) -> dict[str, Any] | None:
        event = recorded.event
        if isinstance(event, GradeChanged):
            return None if event.baseline else _grade_content(event, recorded)
        if isinstance(event, SyncEvent):
            active = self._advance_run(event, recorded)
            if active and active.repeated_failure is None:
                return {"type": "sync", "sync": active.run, "at": _time_of(recorded)}
        return None

    def evict_runs_except(self, person_ids: Container[UUID]) -> None:
        """Evict the runs of all other people, whose later events are not read."""
        others = [id_ for id_, run in self._runs.items() if run.person_id not in person_ids]
        for id_ in others:
            del self._runs[id_]

    def evict_all_runs(self) -> None:
        """Evict all runs; a run is loaded from the log again when its next event arrives."""
        self._runs.clear()

    def _advance_run(self, event: SyncEvent, recorded: RecordedEvent) -> ActiveRun | None:
        before = self._runs.pop(event.sync_id, None) or self._load_run(event)
        after = self._run_after(before, recorded)
        if after and not isinstance(event, END_EVENTS):
            self._runs[event.sync_id] = after
        return after

    def _load_run(self, event: SyncEvent) -> ActiveRun | None:
        if isinstance(event, SyncRequested):
            return None
        active: ActiveRun | None = None
        for recorded in self._load_run_events(event.originator_id, event.originator_version):
            active = self._run_after(active, recorded)
        return active

    def _run_after(self, before: ActiveRun | None, recorded: RecordedEvent) -> ActiveRun | None:
        event = recorded.event
        run = run_after(before.run if before else None, event, _time_of(recorded))
        if run is None:
            return None
        if isinstance(event, SyncRequested):
            return ActiveRun(recorded.person_id, run, self._failure_before(event))
        failure = before.repeated_failure if before else None
        return ActiveRun(recorded.person_id, run, failure if _repeats(failure, event) else None)

    def _failure_before(self, event: SyncRequested) -> str | None:
        """Return the code with which the run before a scheduled one failed; None if it did not."""
        if event.trigger != "schedule":
            return None
        earlier = self._load_run_events(event.originator_id, event.originator_version)
        end = earlier[-1].event if earlier else None
        return end.code if isinstance(end, SyncFailed) else None


def _repeats(failure: str | None, event: Event) -> bool:
    """Return whether a run after this failure shows nothing new with this event."""
    if isinstance(event, SyncFailed):
        return event.code == failure or {event.code, failure} <= NO_RESPONSE_CODES
    return isinstance(event, SyncStarted | SyncRequeued)


def _grade_content(event: GradeChanged, recorded: RecordedEvent) -> dict[str, Any]:
    document = encode_grade_change(
        event, recorded, course_name=event.course_name, assignment_name=event.assignment_name
    )
    return {"type": "grade", "change": orjson.Fragment(document)}


def _time_of(recorded: RecordedEvent) -> str:
    return format_rfc3339(recorded.recorded_at)
