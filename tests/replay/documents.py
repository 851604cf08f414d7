"""Reads every document that the read models and aggregates give for one person."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import orjson
import psycopg

from interfaces.service import Service
from projections.support.page import Page
from projections.support.query import Query
from tests.projections.pages import decode_page
from tests.replay.release_files import Documents

R = TypeVar("R")


async def read_documents(
    service: Service, person: UUID, connections: Sequence[UUID], times: Sequence[datetime]
) -> Documents:
    """Return the documents of a person by the name of the query.

    `connections` are those that the person ever opened. What depends on the clock is read for each
    of the `times`, and the name of its query ends with a dot and the index of the time.
    """
    pages: dict[str, Query[Page]] = {
        "connections": service.connections_of(person, limit=None),
        "courses": service.courses_of(person, limit=None),
        "grades": service.grades_of(person, limit=None),
        "grade_history": service.grade_changes_of(person, limit=None),
        "sync_log": service.syncs_of(person, limit=None),
    }
    documents: Documents = {
        name: decode_page(await _read(service, query)) for name, query in pages.items()
    }
    for number, now in enumerate(times):
        assignments = await _read(service, service.assignments_of(person, now=now, limit=None))
        documents[f"assignments.{number}"] = decode_page(assignments)
        stats = await _read(service, service.stats_of(person, now=now))
        documents[f"dashboard.{number}"] = [orjson.loads(stats)]
    sync_status = await _read(service, service.sync_status_of(person))
    documents["sync_status"] = [orjson.loads(item) for item in sync_status]
    documents["aggregates"] = [
        {
            "connection": await service.current_connection(id_),
            "sync": await service.current_sync(id_),
        }
        for id_ in connections
    ]
    # Through JSON, so that ids and times are the text that clients receive.
    decoded: Documents = orjson.loads(orjson.dumps(documents))
    return decoded


async def _read(service: Service, query: Query[R]) -> R:
    (result,), _ = await service.read(query)
    return result  # type: ignore[no-any-return]  # a reading has results of any type


def opened_connections(url: str) -> dict[UUID, UUID]:
    """Return the person of every connection that was ever opened, in the order of opening."""
    with psycopg.connect(url) as connection:
        cursor = connection.execute(
            "SELECT stream, person_id FROM easeboard.events"
            " WHERE topic = 'ConnectionOpened' ORDER BY position"
        )
        return dict(cursor.fetchall())
