"""A log with the events of one connection, and read models that follow it event by event."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
import psycopg

from domain.recorded_event import RecordedEvent
from infrastructure.projection_engine.read_model import events_for
from infrastructure.projection_engine.versions import schema_of, set_search_path
from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.process import Process
from interfaces.queries.past_views.past_views import PastView
from interfaces.queries.past_views.view_models import VIEW_MODELS, view_queries
from tests.benchmarks.event_logs import write_events

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"


@asynccontextmanager
async def process_with(url: str, events: Sequence[RecordedEvent]) -> AsyncIterator[Process]:
    """Open a process whose log has these events, at their positions."""
    settings = read_settings(_env_file=None, database_url=url, canvas_encryption_key=MASTER_KEY)
    async with bootstrap(settings) as process:
        write_events(url, process.mapper, events)
        yield process


def project_to_live(url: str, events: Sequence[RecordedEvent]) -> None:
    """Apply events to the live read models."""
    with psycopg.connect(url) as connection:
        for model in VIEW_MODELS:
            with connection.cursor() as cursor:
                set_search_path(cursor, schema_of(model.name, 1))
                model.project(events_for(model, events), cursor)


async def live_documents(process: Process, person: UUID, now: datetime) -> dict[str, Any]:
    """Return the documents of a view from the live read models, at the time `now`."""
    results, _ = await process.service.read(*view_queries(person, now))
    courses, assignments, grades, dashboard = results
    return {
        "courses": decode(courses.items),
        "assignments": decode(assignments.items),
        "grades": decode(grades.items),
        "dashboard": orjson.loads(dashboard.json),
    }


def documents_of(view: PastView) -> dict[str, Any]:
    """Return the documents of a view."""
    return {
        "courses": decode(view.courses),
        "assignments": decode(view.assignments),
        "grades": decode(view.grades),
        "dashboard": orjson.loads(view.dashboard),
    }


def decode(items: Sequence[bytes]) -> list[Any]:
    return [orjson.loads(item) for item in items]
