"""Goes back to the version of a read model that was live before the last cut-over."""

from typing import Any
from uuid import UUID, uuid4

from psycopg import Connection, Cursor

from infrastructure.projection_engine.event_source import PeopleSource
from infrastructure.projection_engine.letter_actions import apply_people_again
from infrastructure.projection_engine.read_model import (
    ReadModelDefinition,
    fingerprint,
    subscribed_topics,
)
from infrastructure.projection_engine.rebuild import (
    ReportProgress,
    ignore_progress,
    rebuild_read_model,
)
from infrastructure.projection_engine.rebuild_steps import (
    RebuildRefused,
    retire_again,
)
from infrastructure.projection_engine.refold import PeopleEvents
from infrastructure.projection_engine.retirement import retired_versions
from infrastructure.projection_engine.version_locks import Version, lock_versions
from infrastructure.projection_engine.versions import connect, drop_version

REOPEN = """
UPDATE easeboard.projections
   SET role            = 'building',
       builder         = %s,
       builder_seen_at = clock_timestamp(),
       began_from      = position,
       error           = NULL
 WHERE name = %s
   AND version = %s
"""

SELECT_SKIPPED_PEOPLE = """
SELECT DISTINCT events.person_id
  FROM easeboard.skipped_events AS skipped
  JOIN easeboard.events ON events.event_id = skipped.id AND events.position = skipped.position
 WHERE skipped.projection = %s
   AND skipped.position <= %s
"""


class RollbackRefused(Exception):
    """There is no earlier version that can become live again."""


def roll_back(
    url: str,
    source: PeopleSource,
    model: ReadModelDefinition,
    report_progress: ReportProgress = ignore_progress,
) -> int:
    """Let the version that was live before catch up, and cut over to it; returns its number.

    It catches up like a rebuild, and the version that is live now answers until the cut-over. If
    the process dies before, a repetition goes on. The rollback can be rolled back too.

    Raises:
        RollbackRefused: If there is no earlier version, or another program created it.
        RebuildRefused: If a rebuild is running.
        RebuildLost: If another process took this over.
    """
    builder = uuid4()
    with connect(url) as connection:
        reopen_retired(connection, source, model, builder)
    return rebuild_read_model(url, source, model, report_progress, None, builder=builder)


def reopen_retired(
    connection: Connection[Any], source: PeopleSource, model: ReadModelDefinition, builder: UUID
) -> int:
    """Make the version that was live before one that is being built; returns its number.

    What was skipped since it was live is left out of it.
    """
    with connection.transaction(), connection.cursor() as cursor:
        versions = {each.number: each for each in lock_versions(cursor, model.name)}
        for each in versions.values():
            if each.role == "building":
                _end_unfinished(cursor, model.name, each)
        retired = retired_versions(cursor, model.name)
        if not retired:
            raise RollbackRefused(
                f"{model.name} has no earlier version: one is kept from each cut-over to the next."
            )
        earlier = versions[retired[0]]
        if earlier.fingerprint != fingerprint(model) or earlier.is_lost:
            raise RollbackRefused(
                f"Version {earlier.number} of {model.name} was created by another release, or"
                " before the log was restored, so this program cannot continue it. Roll the"
                " program back first, or use easeboard projections rebuild."
            )
        cursor.execute(REOPEN, [builder, model.name, earlier.number])
        cursor.execute(SELECT_SKIPPED_PEOPLE, [model.name, earlier.position])
        if people := {person for (person,) in cursor.fetchall()}:
            topics = subscribed_topics([model])
            positions = source.positions_of(people, 0, earlier.position, topics)
            cursor.execute(
                "DELETE FROM easeboard.dead_letters"
                " WHERE projection = %s AND version = %s AND person_id = ANY(%s)",
                [model.name, earlier.number, list(people)],
            )
            events = PeopleEvents(source, people, positions)
            apply_people_again(cursor, model, earlier.number, events)
        return earlier.number


def _end_unfinished(cursor: Cursor[Any], name: str, version: Version) -> None:
    if version.is_alive:
        raise RebuildRefused(f"{name} is being rebuilt: wait until that has ended.")
    if version.is_reopened:
        retire_again(cursor, name, version.number)
    else:
        drop_version(cursor, name, version.number)
