"""Read models filled with a made-up past."""

from collections.abc import AsyncIterator, Callable, Sequence

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.recorded_event import RecordedEvent
from infrastructure.postgres import pools
from infrastructure.projection_engine.ensure_versions import ensure_versions
from infrastructure.projection_engine.versions import schema_of, set_search_path
from projections.registry import READ_MODELS

ProjectNewEvents = Callable[[Sequence[RecordedEvent]], None]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with pools.open_read_pool(database_url, size=2) as pool:
        yield pool


@pytest.fixture
def project_new(database_url: str) -> ProjectNewEvents:
    """Lets every read model hear of what is new in a past."""
    projected = 0

    def project_new(log: Sequence[RecordedEvent]) -> None:
        nonlocal projected
        events = [recorded for recorded in log if recorded.position > projected]
        projected = len(log)
        project_events(database_url, events)

    return project_new


def project_events(database_url: str, events: Sequence[RecordedEvent]) -> None:
    """Let every read model hear of these events."""
    with psycopg.connect(database_url) as connection:
        ensure_versions(connection, READ_MODELS)
        for model in READ_MODELS:
            with connection.cursor() as cursor:
                set_search_path(cursor, schema_of(model.name, 1))
                model.project(
                    [each for each in events if type(each.event) in model.subscribes_to], cursor
                )
