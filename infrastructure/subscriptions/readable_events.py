"""Decodes the events that can be read, so that one that cannot does not stop the others."""

from collections.abc import Iterator

import structlog

from domain.recorded_event import RecordedEvent
from infrastructure.event_store.errors import EventUnreadable, describe_error
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.execute import Rows

logger = structlog.get_logger()


def decode_readable(mapper: Mapper, rows: Rows) -> list[RecordedEvent]:
    """Convert rows to events; those that cannot be decrypted or decoded are logged and left out.

    Raises: DatabaseBusy or DatabaseUnavailable if the keys of people cannot be read.
    """
    try:
        return mapper.to_recorded_events(rows)
    except EventUnreadable:
        return list(_decode_one_by_one(mapper, rows))


def _decode_one_by_one(mapper: Mapper, rows: Rows) -> Iterator[RecordedEvent]:
    for row in rows:
        try:
            yield from mapper.to_recorded_events([row])
        except EventUnreadable as error:
            logger.warning("live.event_unreadable", error=describe_error(error))
