"""Applies the events of one connection to the read models of a view, in memory."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from domain.recorded_event import RecordedEvent
from infrastructure.event_store.errors import EventUnreadable, describe_error
from infrastructure.event_store.past_view_store import LeftOutEvent
from infrastructure.projection_engine.apply_events import can_be_about_an_event
from infrastructure.projection_engine.dead_letters import LeftOut
from infrastructure.projection_engine.read_model import ReadModelDefinition, subscribed_topics
from interfaces.queries.past_views.stored_rows import ViewRows, no_rows
from interfaces.queries.past_views.view_models import VIEW_MODELS, project_onto
from projections.support.rows_in_memory import RowsInMemory


class EventFailed(Exception):
    """A projector cannot apply one of the events: all must be folded from the first one."""


class FoldedRows(NamedTuple):
    """The rows of each read model by its name, and what could not be applied to it."""

    rows: ViewRows
    failed: Sequence[LeftOutEvent]


def fold_onto(rows: ViewRows, events: Sequence[RecordedEvent]) -> None:
    """Apply events to rows, of which all can be applied.

    Raises: EventFailed if one cannot; the rows are then of no use.
    """
    for model in VIEW_MODELS:
        try:
            project_onto(model.name, rows[model.name], events)
        except Exception as error:
            if not can_be_about_an_event(error):
                raise
            raise EventFailed from error


def fold_with_failures(
    events: Sequence[RecordedEvent],
    unreadable: Sequence[EventUnreadable],
    left_out: Sequence[LeftOutEvent],
    streams: Mapping[int, UUID],
) -> FoldedRows:
    """Fold all events, without those that a live read model leaves out and those behind a failure.

    `streams` has the streams of the positions in `left_out`.
    """
    rows = no_rows()
    failed: list[LeftOutEvent] = []
    for model in VIEW_MODELS:
        own = [each for each in left_out if each.read_model == model.name]
        topics = subscribed_topics([model])
        errors = [error for error in unreadable if error.topic in topics]
        failed += [
            LeftOutEvent(model.name, error.position, describe_error(error)) for error in errors
        ]
        rows[model.name], failures = _fold_model(model, events, _left_out(own, errors, streams))
        failed += failures
    return FoldedRows(rows, failed)


def _left_out(
    own: Sequence[LeftOutEvent], errors: Sequence[EventUnreadable], streams: Mapping[int, UUID]
) -> LeftOut:
    parked: dict[UUID, int] = {}
    places = [
        (streams[each.position], each.position)
        for each in own
        if each.error is not None and each.position in streams
    ]
    for stream, position in [*places, *((error.stream, error.position) for error in errors)]:
        parked[stream] = min(position, parked.get(stream, position))
    return LeftOut(parked, frozenset(each.position for each in own if each.error is None))


def _fold_model(
    model: ReadModelDefinition, events: Sequence[RecordedEvent], left_out: LeftOut
) -> tuple[RowsInMemory, list[LeftOutEvent]]:
    """Fold the events of a model; after an event that fails, those of its stream are left out."""
    failed: list[LeftOutEvent] = []
    parked = dict(left_out.parked)
    while True:
        waiting = LeftOut(parked, left_out.skipped)
        wanted = [each for each in events if not waiting.leaves_out(each)]
        rows = RowsInMemory()
        try:
            project_onto(model.name, rows, wanted)
        except Exception as error:
            if not can_be_about_an_event(error):
                raise
            first = _first_failure(model, wanted)
            failed.append(LeftOutEvent(model.name, first.position, describe_error(error)))
            parked[first.event.originator_id] = first.position
        else:
            return rows, failed


def _first_failure(model: ReadModelDefinition, events: Sequence[RecordedEvent]) -> RecordedEvent:
    """Return the event with which the projector begins to fail: the last of the shortest batch."""
    low, high = 0, len(events)
    while high - low > 1:
        middle = (low + high) // 2
        if _can_project(model, events[:middle]):
            low = middle
        else:
            high = middle
    return events[high - 1]


def _can_project(model: ReadModelDefinition, events: Sequence[RecordedEvent]) -> bool:
    try:
        project_onto(model.name, RowsInMemory(), events)
    except Exception:  # noqa: BLE001  # an error of any type means that the events cannot be applied
        return False
    return True
