"""Finds versions of read models that may have rows of events that the log has lost.

A failover or a restore of the whole database loses rows, checkpoints and events together. But
an operator can restore the event log alone. The read models then have rows of lost events.
"""

from collections.abc import Sequence
from typing import Any

import structlog
from psycopg import Connection

from infrastructure.event_store.lost_events import RESTORED_AT
from infrastructure.projection_engine.read_model import ReadModelDefinition

LOST_FINGERPRINT = "lost"
"""The fingerprint of a live version that may have rows of lost events; no program has it."""

logger = structlog.get_logger()


def mark_lost_versions(
    connection: Connection[Any], models: Sequence[ReadModelDefinition]
) -> list[str]:
    """Mark live versions that may have rows of lost events; returns the names of these now.

    That is a version whose checkpoint is beyond the last event, or that was created before the log
    was restored. It gets an error and a fingerprint that makes it outdated: no batch is applied to
    it, and it is rebuilt. A checkpoint beyond the log is set to the last event, so that reads give
    no token of a place that the log does not have.
    """
    marked = connection.execute(
        f"""
        UPDATE easeboard.projections
           SET position    = least(position, log.head),
               fingerprint = %s,
               error       = format(
                   CASE
                       WHEN position > log.head
                       THEN 'Its checkpoint %%s is beyond the last event of the log, %%s:'
                            ' it is rebuilt.'
                       ELSE 'The log was restored, but perhaps not its rows: it is rebuilt.'
                   END,
                   position, log.head
               )
          FROM (
                   SELECT (SELECT coalesce(max(position), 0) FROM easeboard.events) AS head,
                          ({RESTORED_AT}) AS restored_at
               ) AS log
         WHERE role = 'live'
           AND name = ANY(%s)
           AND fingerprint <> %s
           AND (position > log.head OR began_at < log.restored_at)
     RETURNING name, error
        """,  # noqa: S608  # a constant
        [LOST_FINGERPRINT, [model.name for model in models], LOST_FINGERPRINT],
    ).fetchall()
    for name, reason in marked:
        logger.warning("projection.lost", projection=name, reason=reason)
    return [name for name, _ in marked]
