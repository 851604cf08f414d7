"""Reads every document that the read models and aggregates give for one person."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar
from uuid import UUID

import orjson
import psycopg

from interfaces.queries.take_out.taken_list import all_disclosures
from interfaces.service import Service
from projections.support.page import Page
from projections.support.query import Query
from tests.projections.pages import decode_page
from tests.replay.release_files import Documents

R = TypeVar("R")

SELECT_OPENED = """
SELECT stream, person_id
  FROM easeboard.events
 WHERE topic = 'ConnectionOpened'
   AND person_id NOT IN (SELECT person_id FROM easeboard.events WHERE topic = 'PersonErased')
 ORDER BY position
"""


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
        documents[f"dashboard.{number}"] = [orjson.loads(stats.json)]
    sync_status = await _read(service, service.sync_status_of(person))
    documents["sync_status"] = [orjson.loads(item) for item in sync_status.items]
    documents["aggregates"] = [
        {
            "connection": await service.current_connection(id_),
            "sync": await service.current_sync(id_),
        }
        for id_ in connections
    ]
    documents |= await _read_records(service, person)
    # Through JSON, so that ids and times are the text that clients receive.
    decoded: Documents = orjson.loads(orjson.dumps(documents))
    return decoded


async def _read_records(service: Service, person: UUID) -> Documents:
    """Return what is known of a person besides the documents of read models."""
    return {
        "account": [await service.person_records.account(person)],
        "disclosures": [
            orjson.loads(item)
            async for page in all_disclosures(service.disclosures_of, person)
            for item in page
        ],
        "history": [
            {name: value for name, value in orjson.loads(item).items() if name != "payload"}
            async for page in service.person_records.pages(person)
            for item in page
        ],
    }


async def _read(service: Service, query: Query[R]) -> R:
    (result,), _ = await service.read(query)
    return result  # type: ignore[no-any-return]  # a reading has results of any type


def opened_connections(url: str) -> dict[UUID, UUID]:
    """Return the person of every connection that was ever opened, in the order of opening.

    Those of erased people are left out: their events cannot be read any more.
    """
    with psycopg.connect(url) as connection:
        return dict(connection.execute(SELECT_OPENED).fetchall())
