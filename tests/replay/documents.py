"""Reads every document that the read models and aggregates give for one person."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson
import psycopg

from interfaces.service import Service
from tests.projections.pages import decode_page
from tests.replay.release_files import Documents


async def read_documents(
    service: Service, person: UUID, connections: Sequence[UUID], times: Sequence[datetime]
) -> Documents:
    """Return the documents of a person by the name of the query.

    `connections` are those that the person ever opened. What depends on the clock is read for each
    of the `times`, and the name of its query ends with a dot and the index of the time.
    """
    pages = {
        "connections": await service.connections_of(person, limit=None),
        "courses": await service.courses_of(person, limit=None),
        "grades": await service.grades_of(person, limit=None),
        "grade_history": await service.grade_changes_of(person, limit=None),
        "sync_log": await service.syncs_of(person, limit=None),
    }
    documents: Documents = {query: decode_page(page) for query, page in pages.items()}
    for number, now in enumerate(times):
        assignments = await service.assignments_of(person, now=now, limit=None)
        documents[f"assignments.{number}"] = decode_page(assignments)
        documents[f"dashboard.{number}"] = [orjson.loads(await service.stats_of(person, now=now))]
    documents["sync_status"] = [orjson.loads(row) for row in await service.sync_status_of(person)]
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


def opened_connections(url: str) -> dict[UUID, UUID]:
    """Return the person of every connection that was ever opened, in the order of opening."""
    with psycopg.connect(url) as connection:
        cursor = connection.execute(
            "SELECT stream, person_id FROM easeboard.events"
            " WHERE topic = 'ConnectionOpened' ORDER BY position"
        )
        return dict(cursor.fetchall())
