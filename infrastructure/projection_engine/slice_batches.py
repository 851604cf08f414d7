"""Fills versions slice by slice: what a worker process of a rebuild does, or its successor alone.

The log is read and decoded once for all versions that are filled together.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

from psycopg import Connection

from infrastructure.event_store.log_reader import EventPage
from infrastructure.event_store.people_slice import PeopleSlice
from infrastructure.projection_engine.apply_events import apply_to_version, can_be_about_an_event
from infrastructure.projection_engine.batch_size import AdaptiveBatchSize
from infrastructure.projection_engine.dead_letters import load_left_out
from infrastructure.projection_engine.event_source import EventSource
from infrastructure.projection_engine.gc_pause import pause_gc
from infrastructure.projection_engine.people_slices import advance_slice, end_slices, load_slices
from infrastructure.projection_engine.prefetch import Prefetcher
from infrastructure.projection_engine.read_model import subscribed_topics
from infrastructure.projection_engine.rebuild_steps import Rebuild, RebuildLost
from infrastructure.projection_engine.versions import BATCH_TIMEOUT_SECONDS

TARGET_BATCH_SECONDS = 1.0
"""Seconds for a batch: longer than for live read models, because nobody waits for its events."""
INDEX_TIMEOUT_SECONDS = 3600.0
"""Seconds for the creation of an index of all rows."""


def fill_slice(
    connection: Connection[Any],
    rebuilds: Sequence[Rebuild],
    people: PeopleSlice,
    places: tuple[int, int],
    source: EventSource,
    *,
    after_batch: Callable[[int], None],
) -> None:
    """Apply the events of a slice of people to versions, from a position up to another.

    `after_batch` gets the position after each batch.

    Raises:
        RebuildLost: If another builder took one of the versions over.
        TooManyDeadLetters: If the events of too many people cannot be applied.
    """
    start, target = places
    topics = subscribed_topics([rebuild.model for rebuild in rebuilds])
    batch_size = AdaptiveBatchSize(1_000, TARGET_BATCH_SECONDS)
    with closing(Prefetcher(source.of_slice(people))) as prefetcher:
        while start < target:
            with batch_size as limit, pause_gc():
                batch = prefetcher.read(start, target, topics, limit)
                apply_slice_batch(connection, rebuilds, people, start, batch)
            start = batch.up_to
            after_batch(start)


def apply_slice_batch(
    connection: Connection[Any],
    rebuilds: Sequence[Rebuild],
    people: PeopleSlice,
    start: int,
    batch: EventPage,
) -> None:
    """Apply a batch of a slice that was read after the position `start`; raises as `fill_slice`."""
    try:
        _apply(connection, rebuilds, people, start, batch, bisect=False)
    except Exception as error:
        if isinstance(error, RebuildLost) or not can_be_about_an_event(error):
            raise
        _apply(connection, rebuilds, people, start, batch, bisect=True)


def _apply(
    connection: Connection[Any],
    rebuilds: Sequence[Rebuild],
    people: PeopleSlice,
    start: int,
    batch: EventPage,
    *,
    bisect: bool,
) -> None:
    versions = [(rebuild.model.name, rebuild.version, rebuild.builder) for rebuild in rebuilds]
    with connection.transaction(), connection.cursor() as cursor:
        if not advance_slice(cursor, versions, people, start, batch.up_to):
            raise RebuildLost("Another process has taken over a rebuild.")
        left_out = load_left_out(cursor, {name: number for name, number, _ in versions}, batch)
        for model, version, _ in rebuilds:
            apply_to_version(cursor, model, version, batch, left_out[model.name], bisect=bisect)


def join_slices(connection: Connection[Any], rebuild: Rebuild) -> int:
    """Make a version whole again whose slices are at one position, and return that.

    Raises:
        RebuildLost: If another builder took it over.
    """
    vars(connection)["response_timeout_seconds"] = INDEX_TIMEOUT_SECONDS
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = 0")
        position = end_slices(cursor, rebuild.model.name, rebuild.version, rebuild.builder)
        if position is None:
            raise RebuildLost(
                f"Another process has taken over the rebuild of {rebuild.model.name}."
            )
    vars(connection)["response_timeout_seconds"] = BATCH_TIMEOUT_SECONDS
    return position


def complete_slices(
    connection: Connection[Any],
    rebuild: Rebuild,
    start: int,
    source: EventSource,
    after_batch: Callable[[int], None],
) -> int:
    """Bring the slices that a builder left to one position, in this process; return that.

    Without slices it is `start`. Raises as `fill_slice`.
    """
    with connection.cursor() as cursor:
        checkpoints = load_slices(cursor, rebuild.model.name, rebuild.version)
    if not checkpoints:
        return start
    target = max(checkpoints.values())
    for people, position in checkpoints.items():
        fill_slice(
            connection, [rebuild], people, (position, target), source, after_batch=after_batch
        )
    return join_slices(connection, rebuild)
