"""Fixtures that fill all read models with events, and a pool to query them."""

from collections.abc import AsyncIterator, Callable, Sequence

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.recorded_event import RecordedEvent
from infrastructure.postgres import pools
from infrastructure.projection_engine.ensure_versions import ensure_versions
from infrastructure.projection_engine.read_model import events_for
from infrastructure.projection_engine.versions import schema_of, set_search_path
from projections.registry import READ_MODELS

ProjectNewEvents = Callable[[Sequence[RecordedEvent]], None]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with pools.open_read_pool(database_url, size=2) as pool:
        yield pool


@pytest.fixture
def project_new(database_url: str) -> ProjectNewEvents:
    """Returns a function that applies the events that are new in a log since its last call."""
    projected = 0

    def project_new(log: Sequence[RecordedEvent]) -> None:
        nonlocal projected
        events = [recorded for recorded in log if recorded.position > projected]
        projected = len(log)
        project_events(database_url, events)

    return project_new


def project_events(database_url: str, events: Sequence[RecordedEvent]) -> None:
    """Create the tables of all read models unless they exist, and apply events to them."""
    with psycopg.connect(database_url) as connection:
        ensure_versions(connection, READ_MODELS)
        for model in READ_MODELS:
            with connection.cursor() as cursor:
                set_search_path(cursor, schema_of(model.name, 1))
                model.project(events_for(model, events), cursor)
