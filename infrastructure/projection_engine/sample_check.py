"""Folds the events of some people again, and compares the result with their live rows.

This is the nightly check of every read model: it takes seconds where a verification takes as long
as a rebuild. A difference is reported, and never repaired.
"""

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

import structlog
from psycopg import Connection, Cursor, sql

from domain.aggregate import NO_PERSON
from infrastructure.event_store.errors import describe_error
from infrastructure.event_store.log_reader import EventPage
from infrastructure.projection_engine.dead_letters import FailedEvent, LeftOut, load_left_out
from infrastructure.projection_engine.event_source import PeopleSource
from infrastructure.projection_engine.read_model import (
    ReadModelDefinition,
    fingerprint,
    subscribed_topics,
)
from infrastructure.projection_engine.refold import PeopleEvents, refold_people
from infrastructure.projection_engine.table_comparison import SELECT_SHADOW_TABLES
from infrastructure.projection_engine.versions import connect, schema_name, set_search_path

SAMPLE_PEOPLE = 20
"""People in a sample."""
SHADOW = "pg_temp"

SELECT_PEOPLE = """
SELECT DISTINCT chosen.person_id
  FROM unnest(%s::bigint[]) AS place
 CROSS JOIN LATERAL (
           SELECT person_id
             FROM easeboard.events
            WHERE position >= place
            ORDER BY position
            LIMIT 1
       ) AS chosen
 WHERE chosen.person_id <> %s
"""

SELECT_LIVE = """
SELECT version, position
  FROM easeboard.projections
 WHERE name = %s
   AND role = 'live'
   AND fingerprint = %s
"""

ROWS_OF_PEOPLE = sql.SQL(
    """
    SELECT person_id, count(*), coalesce(sum(pg_catalog.hashtextextended(t::text, 0)), 0)::text
      FROM {table} AS t
     WHERE person_id = ANY(%s)
     GROUP BY person_id
    """
)

RECORD_SAMPLE = """
INSERT INTO easeboard.projection_samples (name, checked_at, position, people, differences)
VALUES (%s, clock_timestamp(), %s, %s, %s)
    ON CONFLICT (name) DO UPDATE
   SET checked_at  = excluded.checked_at,
       position    = excluded.position,
       people      = excluded.people,
       differences = excluded.differences
"""

logger = structlog.get_logger()


class SampleResult(NamedTuple):
    """What a sample of a read model showed, at a position of the log."""

    name: str
    version: int
    position: int
    people: int
    different: list[UUID]
    """The people whose rows are not those of the log, sorted."""
    tables: list[str]
    """The tables with such rows, sorted."""
    failed: int
    """Events that cannot be applied now, although the live version has applied them."""

    @property
    def result(self) -> str:
        """Return `ok`, or `different` if the live rows are not those of the log."""
        return "different" if self.different or self.failed else "ok"


def check_samples(
    url: str,
    source: PeopleSource,
    models: Sequence[ReadModelDefinition],
    *,
    people: int = SAMPLE_PEOPLE,
    on_checked: Callable[[], None] = lambda: None,
) -> list[SampleResult]:
    """Compare the rows of people chosen at random in every read model that this program can fold.

    The log is searched once for their events, without their states. `on_checked` is called after
    each read model. One that cannot be checked is logged and left out.

    Raises: errors of psycopg if the database cannot be used.
    """
    results = []
    with connect(url) as connection:
        mark = source.safe_place().position
        chosen = _choose_people(connection, mark, people)
        positions = source.positions_of(chosen, 0, mark, subscribed_topics(models))
        events = PeopleEvents(source, chosen, positions)
        for model in models:
            try:
                found = _check_sample(connection, model, events, mark)
            except Exception as error:
                if connection.broken:
                    raise
                logger.warning(
                    "projection.sample_failed", projection=model.name, error=describe_error(error)
                )
                continue
            on_checked()
            if found:
                results.append(found)
    return results


def _choose_people(connection: Connection[Any], mark: int, count: int) -> list[UUID]:
    """Return people at random; who has more events is chosen more often."""
    places = [random.randint(1, max(1, mark)) for _ in range(8 * count)]  # noqa: S311  # a sample
    rows = connection.execute(SELECT_PEOPLE, [places, NO_PERSON]).fetchall()
    people = [person for (person,) in rows]
    return random.sample(people, min(count, len(people)))


def _check_sample(
    connection: Connection[Any], model: ReadModelDefinition, events: PeopleEvents, mark: int
) -> SampleResult | None:
    """Fold and compare in one snapshot; returns None if the live version is of another release."""
    # The temporary tables end with the transaction.
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute(SELECT_LIVE, [model.name, fingerprint(model)])
        rows = cursor.fetchall()
        if not rows:
            return None
        [(version, position)] = rows
        failed = _fold(cursor, model, version, _up_to(events, mark, position, model))
        different, tables = _compare(cursor, schema_name(model.name, version), events.people)
    people = len(events.people)
    found = SampleResult(model.name, version, position, people, different, tables, failed)
    _record(connection, found)
    return found


def _up_to(
    events: PeopleEvents, mark: int, position: int, model: ReadModelDefinition
) -> PeopleEvents:
    """Return the events up to a checkpoint, with those that were appended after the search."""
    if position <= mark:
        return events.up_to(position)
    topics = subscribed_topics([model])
    later = events.source.positions_of(events.people, mark, position, topics)
    return events._replace(positions=[*events.positions, *later])


def _fold(
    cursor: Cursor[Any], model: ReadModelDefinition, version: int, events: PeopleEvents
) -> int:
    """Fold events into temporary tables; returns how many cannot be applied.

    What the live version has parked or skipped is left out.
    """
    set_search_path(cursor, sql.Identifier(SHADOW))
    cursor.execute(model.schema_sql)
    failures: list[FailedEvent] = []

    def load(page: EventPage) -> LeftOut:
        return load_left_out(cursor, {model.name: version}, page)[model.name]

    refold_people(cursor, model, SHADOW, events, load_left_out=load, set_aside=failures.extend)
    return len(failures)


def _compare(
    cursor: Cursor[Any], live: str, people: Collection[UUID]
) -> tuple[list[UUID], list[str]]:
    """Return the people whose rows differ, and the tables in which they do."""
    different: set[UUID] = set()
    tables = []
    cursor.execute(SELECT_SHADOW_TABLES)
    for (table,) in cursor.fetchall():
        found = _rows_of(cursor, sql.Identifier(live, table), people)
        expected = _rows_of(cursor, sql.Identifier(SHADOW, table), people)
        if differing := {person for person, *_ in found ^ expected}:
            different |= differing
            tables.append(table)
    return sorted(different), tables


def _rows_of(
    cursor: Cursor[Any], table: sql.Identifier, people: Iterable[UUID]
) -> set[tuple[UUID, int, str]]:
    cursor.execute(ROWS_OF_PEOPLE.format(table=table), [list(people)])
    return set(cursor.fetchall())


def _record(connection: Connection[Any], found: SampleResult) -> None:
    differences = len(found.different) + found.failed
    connection.execute(RECORD_SAMPLE, [found.name, found.position, found.people, differences])
    if found.result == "different":
        logger.error(
            "projection.sample_differs",
            projection=found.name,
            position=found.position,
            people=[str(person) for person in found.different],
            tables=found.tables,
            failed=found.failed,
        )
