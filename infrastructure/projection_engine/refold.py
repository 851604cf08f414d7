"""Applies all events of some people again, in one transaction, to tables that have their rows."""

from bisect import bisect_right
from collections.abc import Callable, Collection, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor, sql

from infrastructure.event_store.log_reader import EventPage
from infrastructure.projection_engine.apply_events import apply_events
from infrastructure.projection_engine.dead_letters import FailedEvent, LeftOut
from infrastructure.projection_engine.event_source import PeopleSource
from infrastructure.projection_engine.read_model import ReadModelDefinition

SELECT_TABLES = """
SELECT class.relname,
       EXISTS (
           SELECT
             FROM pg_catalog.pg_attribute AS attribute
            WHERE attribute.attrelid = class.oid
              AND attribute.attname = 'person_id'
       )
  FROM pg_catalog.pg_class AS class
 WHERE class.relnamespace = CASE WHEN %(schema)s = 'pg_temp'
                                 THEN pg_my_temp_schema()
                                 ELSE to_regnamespace(quote_ident(%(schema)s))
                            END
   AND class.relkind = 'r'
   AND class.relname = ANY(
           coalesce(
               (
                   SELECT tables
                     FROM easeboard.projections
                    WHERE name || '_v' || version = %(schema)s
               ),
               ARRAY[class.relname::text]
           )
       )
 ORDER BY class.relname
"""


class RefoldRefused(Exception):
    """The events of one person cannot be applied again: the read model must be rebuilt."""


class PeopleEvents(NamedTuple):
    """The events of some people that a read model subscribes to, by their positions."""

    source: PeopleSource
    people: Collection[UUID]
    positions: Sequence[int]

    def up_to(self, position: int) -> "PeopleEvents":
        """Return those up to a position."""
        return self._replace(positions=self.positions[: bisect_right(self.positions, position)])


def refold_people(
    cursor: Cursor[Any],
    model: ReadModelDefinition,
    schema: str,
    events: PeopleEvents,
    *,
    load_left_out: Callable[[EventPage], LeftOut],
    set_aside: Callable[[Sequence[FailedEvent]], None],
) -> None:
    """Delete the rows of people from the tables of a schema, and apply their events again.

    `load_left_out` returns what is left out of a page; `set_aside` gets the events that cannot be
    applied.

    Raises:
        RefoldRefused: If a table has no column `person_id`.
        TooManyDeadLetters: If the events of too many people cannot be applied.
    """
    _delete_rows(cursor, model.name, schema, events.people)
    for page in events.source.pages_at(events.positions):
        left_out = load_left_out(page)
        applied = apply_events(cursor, model, sql.Identifier(schema), page, left_out, bisect=True)
        set_aside(applied.failed)


def _delete_rows(cursor: Cursor[Any], name: str, schema: str, people: Collection[UUID]) -> None:
    cursor.execute(SELECT_TABLES, {"schema": schema})
    for table, has_people in cursor.fetchall():
        if not has_people:
            raise RefoldRefused(
                f"The table {table} has no column person_id: use easeboard projections rebuild"
                f" {name} instead."
            )
        cursor.execute(
            sql.SQL("DELETE FROM {} WHERE person_id = ANY(%s)").format(
                sql.Identifier(schema, table)
            ),
            [list(people)],
        )
