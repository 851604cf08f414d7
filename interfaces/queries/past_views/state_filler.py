"""Stores the states from which later views of a connection begin, after a view was answered."""

from collections.abc import Iterator, Sequence

from domain.recorded_event import RecordedEvent
from infrastructure.event_store.past_view_store import PastViewStore, StoredState
from interfaces.queries.name_book import NameBook
from interfaces.queries.past_views.fold import fold_onto
from interfaces.queries.past_views.stored_rows import (
    FORM,
    decode_rows,
    encode_rows,
    names_in,
    no_rows,
)

INTERVAL_EVENTS = 50
"""Events between two stored states at the begin of a history."""
MAX_INTERVAL_EVENTS = 500
"""Events between two stored states in a long history: to apply so many takes about 60 ms."""
STATES_PER_INTERVAL = 60
"""How many states a history has before the interval grows."""
STATES_PER_STATEMENT = 8


def store_states(
    store: PastViewStore, state: StoredState | None, events: Sequence[RecordedEvent]
) -> Iterator[None]:
    """Apply the events of a stream that follow a state again, and store states at intervals.

    It is a job in steps: each step applies the events of one interval.

    Raises: PersonIsErased; DatabaseBusy or DatabaseUnavailable.
    """
    rows = decode_rows(state.plain) if state else no_rows()
    names = NameBook.of(names_in(state.plain)) if state else NameBook()
    later, waiting = list(events), []
    while is_state_due(later):
        interval = _interval_at(later[0])
        part, later = later[:interval], later[interval:]
        fold_onto(rows, part)
        names.add_events(part)
        waiting.append(store.encrypt_state(encode_rows(rows, names.to_json()), part[-1], FORM))
        if len(waiting) == STATES_PER_STATEMENT or not is_state_due(later):
            store.store_states(waiting)
            waiting = []
        yield


def is_state_due(later: Sequence[RecordedEvent]) -> bool:
    """Return whether so many events follow the last state that another one is to be stored."""
    return bool(later) and len(later) >= _interval_at(later[0])


def _interval_at(event: RecordedEvent) -> int:
    """Return after how many events from this one on the next state is stored."""
    growing = event.event.originator_version // STATES_PER_INTERVAL
    return max(INTERVAL_EVENTS, min(growing, MAX_INTERVAL_EVENTS))
