"""Retries and skips dead letters: the events of their people are applied again.

A stream behind a letter has events that were never applied, and a projector can depend on events
of other streams of the same person. So all rows of the person are deleted and made again, up to
the checkpoint and in one transaction: they are then those of a rebuild.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

from psycopg import Connection, Cursor

from application.settle_dead_letter import Letter, LetterNotFound, LetterOutcome
from infrastructure.event_store.log_reader import EventPage
from infrastructure.postgres.retry import retry_transient_errors
from infrastructure.projection_engine.dead_letters import (
    FailedEvent,
    LeftOut,
    load_left_out,
    park,
)
from infrastructure.projection_engine.event_source import PeopleSource
from infrastructure.projection_engine.read_model import (
    ReadModelDefinition,
    fingerprint,
    subscribed_topics,
)
from infrastructure.projection_engine.rebuild import PROJECTION_BACKOFF
from infrastructure.projection_engine.refold import (
    PeopleEvents,
    RefoldRefused,
    refold_people,
)
from infrastructure.projection_engine.versions import connect, schema_name

R = TypeVar("R")

MAX_ATTEMPTS = 3
"""Attempts of a retry or skip whose database connection breaks."""

SELECT_LETTERS = """
SELECT letter.id, letter.person_id, letter.topic, letter.error
  FROM easeboard.dead_letters AS letter
  JOIN easeboard.projections AS live
    ON live.name = letter.projection
   AND live.version = letter.version
   AND live.role = 'live'
 WHERE letter.projection = %s
   AND letter.id = coalesce(%s, letter.id)
 ORDER BY letter.position
"""

LOCK_VERSIONS = """
SELECT version, position
  FROM easeboard.projections
 WHERE name = %s
   AND fingerprint = %s
   AND role IN ('live', 'building')
 ORDER BY version
   FOR UPDATE
"""

DELETE_LETTER = """
DELETE FROM easeboard.dead_letters
 WHERE projection = %s
   AND version = ANY(%s)
   AND id = %s
"""

SKIP_EVENT = """
INSERT INTO easeboard.skipped_events (projection, id, position)
SELECT %s, event_id, position
  FROM easeboard.events
 WHERE position = %s
    ON CONFLICT DO NOTHING
"""


class _Locked(NamedTuple):
    """A version that is locked until the transaction ends, and its checkpoint."""

    version: int
    position: int


@dataclass(frozen=True, slots=True)
class LetterActions:
    """The dead letters of the read models; implements DeadLetters of the command."""

    url: str
    source: PeopleSource
    models: Mapping[str, ReadModelDefinition]

    async def find(self, projection: str, letter_id: UUID) -> Letter:
        """Return a letter of the live version; raises LetterNotFound if there is none."""
        letters = await asyncio.to_thread(self._load, projection, letter_id)
        if not letters:
            raise LetterNotFound(projection, letter_id)
        return letters[0]

    async def retry(self, projection: str, letter_id: UUID) -> LetterOutcome:
        """Apply the events of the letter's person again, in the live version and a new one.

        The letter is kept, with the new error, if its event still cannot be applied.

        Raises: LetterNotFound; RefoldRefused; TooManyDeadLetters.
        """
        return await asyncio.to_thread(self._settle, projection, letter_id, skip=False)

    async def skip(self, projection: str, letter_id: UUID) -> LetterOutcome:
        """Leave the event out of all versions for good, and apply what waits behind it.

        Raises: LetterNotFound; RefoldRefused; TooManyDeadLetters.
        """
        return await asyncio.to_thread(self._settle, projection, letter_id, skip=True)

    def _load(self, projection: str, letter_id: UUID) -> list[Letter]:
        return self._with_connection(partial(_load_letters, name=projection, letter_id=letter_id))

    def _settle(self, projection: str, letter_id: UUID, *, skip: bool) -> LetterOutcome:
        model = self.models[projection]
        return self._with_connection(
            partial(settle_letter, source=self.source, model=model, letter_id=letter_id, skip=skip)
        )

    def _with_connection(self, work: Callable[[Connection[Any]], R]) -> R:
        def attempt() -> R:
            with connect(self.url) as connection:
                return work(connection)

        return retry_transient_errors(attempt, attempts=MAX_ATTEMPTS, backoff=PROJECTION_BACKOFF)


def settle_letter(
    connection: Connection[Any],
    source: PeopleSource,
    model: ReadModelDefinition,
    letter_id: UUID,
    *,
    skip: bool,
) -> LetterOutcome:
    """Retry or skip a letter in one transaction, which locks the versions.

    The events of the person are found before the locks are taken, but for the newest ones: this
    compares the person of every event.

    Raises: LetterNotFound; RefoldRefused; TooManyDeadLetters.
    """
    for letter in _load_letters(connection, name=model.name, letter_id=letter_id):
        people = {letter.person_id}
        found_up_to = source.safe_place().position
        positions = source.positions_of(people, 0, found_up_to, subscribed_topics([model]))
        with connection.transaction(), connection.cursor() as cursor:
            # An administrator is told that it is done, so a crash must not undo it.
            cursor.execute("SET LOCAL synchronous_commit = on")
            cursor.execute(LOCK_VERSIONS, [model.name, fingerprint(model)])
            versions = [_Locked(*row) for row in cursor]
            _delete_letter(cursor, model.name, letter_id, versions, skip=skip)
            newest = max((each.position for each in versions), default=0)
            if newest > found_up_to:
                topics = subscribed_topics([model])
                positions += source.positions_of(people, found_up_to, newest, topics)
            events = PeopleEvents(source, people, positions)
            for each in versions:
                apply_people_again(cursor, model, each.version, events.up_to(each.position))
            return _outcome(cursor, model.name, letter_id, skip=skip)
    raise LetterNotFound(model.name, letter_id)


def _load_letters(
    connection: Connection[Any], *, name: str, letter_id: UUID | None
) -> list[Letter]:
    rows = connection.execute(SELECT_LETTERS, [name, letter_id]).fetchall()
    return [Letter(*row) for row in rows]


def _delete_letter(
    cursor: Cursor[Any], name: str, letter_id: UUID, versions: Iterable[_Locked], *, skip: bool
) -> None:
    """Delete the letter from the versions; with `skip`, leave its event out of all versions."""
    numbers = [each.version for each in versions]
    if not numbers:
        raise RefoldRefused(
            f"The tables of {name} are of another release of this program: they are rebuilt."
        )
    cursor.execute(DELETE_LETTER + " RETURNING position", [name, numbers, letter_id])
    positions = {position for (position,) in cursor}
    if not positions:
        raise LetterNotFound(name, letter_id)
    if skip:
        cursor.execute(SKIP_EVENT, [name, positions.pop()])


def apply_people_again(
    cursor: Cursor[Any],
    model: ReadModelDefinition,
    version: int,
    events: PeopleEvents,
) -> None:
    """Make the rows of people in a version again, from all their events up to its checkpoint.

    Events that cannot be applied become dead letters. Raises what `refold_people` raises.
    """
    name = model.name

    def load(page: EventPage) -> LeftOut:
        return load_left_out(cursor, {name: version}, page)[name]

    def set_aside(failed: Sequence[FailedEvent]) -> None:
        park(cursor, name, version, failed)

    refold_people(
        cursor,
        model,
        schema_name(name, version),
        events,
        load_left_out=load,
        set_aside=set_aside,
    )


def _outcome(cursor: Cursor[Any], name: str, letter_id: UUID, *, skip: bool) -> LetterOutcome:
    cursor.execute(SELECT_LETTERS, [name, letter_id])
    kept = cursor.fetchall()
    if kept:
        return LetterOutcome(letter_id, name, "kept", kept[0][3])
    return LetterOutcome(letter_id, name, "skipped" if skip else "applied", None)
