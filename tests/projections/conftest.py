"""Read models filled with a made-up past."""

from collections.abc import AsyncIterator, Callable, Sequence

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.recorded_event import Recorded
from infrastructure.postgres import pools
from infrastructure.projection_engine.ensure_versions import ensure
from infrastructure.projection_engine.versions import enter, schema_of
from projections.registry import READ_MODELS

Told = Callable[[Sequence[Recorded]], None]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[AsyncConnectionPool]:
    async with pools.reads(database_url, size=2) as pool:
        yield pool


@pytest.fixture
def tell(database_url: str) -> Told:
    """Lets every read model hear of what is new in a past."""
    told = 0

    def tell(past: Sequence[Recorded]) -> None:
        nonlocal told
        events = [one for one in past if one.position > told]
        told = len(past)
        take_in(database_url, events)

    return tell


def take_in(database_url: str, events: Sequence[Recorded]) -> None:
    """Let every read model hear of these events."""
    with psycopg.connect(database_url) as connection:
        ensure(connection, READ_MODELS)
        for model in READ_MODELS:
            with connection.cursor() as cursor:
                enter(cursor, schema_of(model.name, 1))
                model.project([one for one in events if type(one.event) in model.hears], cursor)
