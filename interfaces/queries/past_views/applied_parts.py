"""Decodes what was read for a past view, and applies it to the rows of the read models."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from domain.event import Event, Redacted
from domain.events import ConnectionClosed
from domain.recorded_event import RecordedEvent
from infrastructure.event_store.past_view_store import (
    LeftOutEvent,
    PastViewStore,
    StoredParts,
    StoredState,
)
from interfaces.queries.past_views.fold import (
    EventFailed,
    FoldedRows,
    fold_onto,
    fold_with_failures,
)
from interfaces.queries.past_views.stored_rows import FORM, ViewRows, decode_rows, no_rows


class AppliedParts(NamedTuple):
    """The rows of the read models, and from what they were made."""

    rows: ViewRows
    failed: Sequence[LeftOutEvent]
    """What could not be applied."""
    person_id: UUID | None
    is_redacted: bool
    state: StoredState | None
    """From which state the fold began."""
    later: list[RecordedEvent]
    """The events after it, if they can be applied."""
    own_events: list[Event]
    """The events of the connection itself that can be read."""


def apply_parts(store: PastViewStore, sync_stream: UUID, parts: StoredParts) -> AppliedParts:
    """Decode a state and the events after it, and apply them; may read keys.

    Raises: EventFailed if there is a state from which the fold cannot begin, or that should have
    waited for an event that fails. Without a state it is not raised.
    """
    state = _state_of(store, sync_stream, parts)
    events, unreadable = store.to_events(parts.events)
    if state and unreadable:
        raise EventFailed
    own = [each.event for each in events if each.event.originator_id != sync_stream]
    person_id = events[0].person_id if events else None
    is_redacted = any(isinstance(each.event, Redacted) for each in events)
    if any(isinstance(each.event, ConnectionClosed) for each in events):
        # The student sees nothing of a closed connection.
        return AppliedParts(no_rows(), [], person_id, is_redacted, None, [], own)
    if not (unreadable or parts.left_out):
        try:
            rows = decode_rows(state.plain) if state else no_rows()
            fold_onto(rows, events)
        except EventFailed:
            if state:
                raise
        else:
            later = [each for each in events if each.event.originator_id == sync_stream]
            return AppliedParts(rows, [], person_id, is_redacted, state, later, own)
    streams = {row[6]: row[0] for row in parts.events}
    found: FoldedRows = fold_with_failures(events, unreadable, parts.left_out, streams)
    return AppliedParts(found.rows, found.failed, person_id, is_redacted, None, [], own)


def _state_of(store: PastViewStore, stream: UUID, parts: StoredParts) -> StoredState | None:
    if parts.state is None:
        return None
    state = None if parts.left_out else store.decrypt_state(stream, FORM, parts.state)
    if state is None:
        raise EventFailed
    return state
