"""Appends events that decide nothing at the end of a stream, where they conflict with none.

`Event.DECIDES` states which events these are.
"""

from collections.abc import Sequence
from uuid import UUID

from application.event_metadata import EventMetadata, current_metadata
from domain.aggregate import Aggregate
from domain.event import EVENT_TYPES, Event
from infrastructure.event_store.batched_appends import Caller
from infrastructure.event_store.pending_events import pending_events, require_one_person
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import WritePool

SELECT_LAST_VERSION = "SELECT coalesce(max(version), 0) FROM easeboard.events WHERE stream = %s"

SELECT_LATER_TOPICS = """
SELECT topic
  FROM easeboard.events
 WHERE stream = %s
   AND version >= %s
 ORDER BY version
"""

EventGroup = tuple[Sequence[Event], UUID, EventMetadata]
"""Events that are appended together, with their person and metadata."""


def at_end_of_stream(kind: type[Aggregate], stream: UUID, pool: WritePool) -> Aggregate:
    """Return an aggregate that has the version of its stream, but no state."""
    ((version,),) = execute(pool, SELECT_LAST_VERSION, [stream])
    aggregate = kind.new(stream)
    aggregate.version = version
    return aggregate


def decide_for_callers(
    aggregate: Aggregate, callers: Sequence[Caller]
) -> tuple[list[Exception | None], list[EventGroup]]:
    """Let each caller record its events; return the error of each, and the events by caller."""
    errors: list[Exception | None] = []
    groups: list[EventGroup] = []
    for caller in callers:
        count, version = len(aggregate.pending_events), aggregate.version
        try:
            caller.decide(aggregate)
            errors.append(None)
        except Exception as error:  # noqa: BLE001  # the caller gets it
            errors.append(error)
            del aggregate.pending_events[count:]
            aggregate.version = version
        if events := pending_events([aggregate])[count:]:
            metadata = caller.context.run(current_metadata)
            groups.append((events, require_one_person([aggregate]), metadata))
    return errors, groups


def move_behind_facts(aggregates: Sequence[Aggregate], pool: WritePool) -> bool:
    """Move pending events behind later ones that decide nothing; return whether that helps.

    It does not help if one of the later events decides something, or there is none.
    """
    counts: dict[UUID, int] = {}
    for aggregate in aggregates:
        if not aggregate.pending_events:
            continue
        first = aggregate.version - len(aggregate.pending_events) + 1
        topics = [topic for (topic,) in execute(pool, SELECT_LATER_TOPICS, [aggregate.id, first])]
        if any(topic not in EVENT_TYPES or EVENT_TYPES[topic].DECIDES for topic in topics):
            return False
        counts[aggregate.id] = len(topics)
    for aggregate in aggregates:
        if count := counts.get(aggregate.id):
            for event in aggregate.pending_events:
                vars(event)["originator_version"] += count
            aggregate.version += count
    return any(counts.values())
