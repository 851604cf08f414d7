"""Pauses and resumes read models; a paused one stays so over restarts and rebuilds."""

from typing import Any

from psycopg import Connection

PAUSE = """
UPDATE easeboard.projections
   SET paused_at = coalesce(paused_at, clock_timestamp())
 WHERE name = %s
   AND role = 'live'
"""

RESUME = """
UPDATE easeboard.projections
   SET paused_at = NULL
 WHERE name = %s
   AND role = 'live'
"""


def pause_projection(connection: Connection[Any], name: str) -> None:
    """Apply no further events to the live version; when this returns, no batch is under way.

    Queries are answered with the state that it has. Reads that wait for a later one are refused.
    """
    connection.execute(PAUSE, [name])


def resume_projection(connection: Connection[Any], name: str) -> None:
    """Apply events to the live version again, from where it was paused."""
    connection.execute(RESUME, [name])
