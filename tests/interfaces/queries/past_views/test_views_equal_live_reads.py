"""A view of a past time is what the live read models answered at that time."""

from typing import Any

import psycopg
import pytest

from domain.events import ConnectionClosed, CourseFetched, CourseWithdrawn, PersonErased
from domain.recorded_event import RecordedEvent
from interfaces.queries.past_views import state_filler
from tests.infrastructure.event_store.background_jobs import wait_until_free
from tests.interfaces.queries.past_views.viewed_history import (
    documents_of,
    live_documents,
    process_with,
    project_to_live,
)
from tests.projections.event_builders import RandomHistory

SEEDS = range(4)
STEPS = 160
EVERY = 9
"""Events between two times that are compared: a prime against patterns."""


def history_of(seed: int) -> list[RecordedEvent]:
    """Return the events of one person with one connection, up to their erasure."""
    events = RandomHistory(seed, people=1, accounts=1).generate(STEPS)
    ends = [at for at, each in enumerate(events) if isinstance(each.event, PersonErased)]
    return events[: ends[0]] if ends else events


@pytest.mark.parametrize("interval", [10_000, 11], ids=["all events", "from stored states"])
@pytest.mark.parametrize("seed", SEEDS)
async def test_a_view_is_what_the_read_models_answered_then(
    database_url: str, seed: int, interval: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state_filler, "INTERVAL_EVENTS", interval)
    events = history_of(seed)
    connection = events[0].event.originator_id
    answered: list[tuple[RecordedEvent, dict[str, Any]]] = []
    async with process_with(database_url, events) as process:
        for end in range(EVERY, len(events), EVERY):
            project_to_live(database_url, events[end - EVERY : end])
            last = events[end - 1]
            then = await live_documents(process, last.person_id, last.recorded_at)
            answered.append((last, then))
        for last, then in reversed(answered):
            view, _ = await process.service.view_at(connection, as_of=last.recorded_at)
            assert documents_of(view) == then
            assert view.position == last.position
            assert not view.left_out
            wait_until_free(process.store.background)
    with psycopg.connect(database_url) as database:
        row = database.execute("SELECT count(*) FROM easeboard.past_views").fetchone()
    assert row
    assert (row[0] > 3) == (interval < STEPS)


def test_the_histories_have_what_makes_views_differ() -> None:
    events = [each.event for seed in SEEDS for each in history_of(seed)]
    assert {ConnectionClosed, CourseWithdrawn} <= {type(event) for event in events}
    assert any(isinstance(event, CourseFetched) and not event.complete for event in events)
