"""Reads the entries of events from the log: PostgreSQL makes their bytes, so no state is sent."""

from collections.abc import Sequence
from typing import Any, LiteralString
from uuid import UUID

import psycopg

UTF_8 = "utf-8"

# What follows is `entry.encode_entry` in SQL. `textsend` costs half of what `convert_to` does, and
# gives UTF-8 if the client reads UTF-8. A time that no append can have written, and a NULL where
# there can be none, make an entry as well: it differs from the sealed one, and is no error.
ENTRY: LiteralString = """
coalesce(
    '\\x65617365626f6172642e636f6d2f6576656e742f76310a'::bytea
    || int8send(position) || uuid_send(stream) || int8send(version) || uuid_send(event_id)
    || int8send(
           CASE WHEN recorded_at BETWEEN '1900-01-01Z' AND '2200-01-01Z'
                THEN (date_part('epoch', recorded_at) * 1000000)::bigint
                WHEN recorded_at > '290000-01-01Z' THEN 9223372036854775807
                WHEN isfinite(recorded_at)
                THEN (extract(epoch FROM recorded_at) * 1000000)::bigint
                ELSE -9223372036854775808
           END
       )
    || uuid_send(command_id) || uuid_send(person_id)
    || CASE WHEN causation_id IS NULL THEN '\\xffff'::bytea
            ELSE '\\x0010'::bytea || uuid_send(causation_id)
       END
    || CASE WHEN octet_length(topic) > 4096 THEN '\\xfffe'::bytea || sha256(textsend(topic))
            ELSE int2send(octet_length(topic)::int2) || textsend(topic)
       END
    || CASE WHEN octet_length(actor) > 4096 THEN '\\xfffe'::bytea || sha256(textsend(actor))
            ELSE int2send(octet_length(actor)::int2) || textsend(actor)
       END
    || CASE WHEN correlation_id IS NULL THEN '\\xffff'::bytea
            WHEN octet_length(correlation_id) > 4096
            THEN '\\xfffe'::bytea || sha256(textsend(correlation_id))
            ELSE int2send(octet_length(correlation_id)::int2) || textsend(correlation_id)
       END
    || sha256(state),
    'a column is NULL that is none'::bytea
)
"""

SELECT_ENTRIES: LiteralString = f"""
SELECT position, {ENTRY}
  FROM easeboard.events
 WHERE position > %s
   AND position <= %s
 ORDER BY position
 LIMIT %s
"""  # noqa: S608  # no value is in it

SELECT_ENTRIES_AT: LiteralString = f"""
SELECT position, {ENTRY}
  FROM easeboard.events
 WHERE position = ANY(%s)
 ORDER BY position
"""  # noqa: S608  # no value is in it

SELECT_ENTRY_OF: LiteralString = f"""
SELECT position, {ENTRY}
  FROM easeboard.events
 WHERE position = easeboard.position_of_event(%s)
"""  # noqa: S608  # no value is in it

Entries = list[tuple[int, bytes]]
"""The position and the entry of events, in the order of positions."""


class WrongEncoding(Exception):
    """The texts of a connection are not UTF-8, so its entries would have other bytes."""


def read_entries(
    connection: psycopg.Connection[Any], after_position: int, up_to: int, limit: int
) -> Entries:
    """Return entries of events with after_position < position <= up_to, at most `limit`.

    Raises: WrongEncoding, and the errors of psycopg.
    """
    _require_utf8(connection)
    values = [after_position, up_to, limit]
    return connection.execute(SELECT_ENTRIES, values, binary=True).fetchall()


def read_entries_at(connection: psycopg.Connection[Any], positions: Sequence[int]) -> Entries:
    """Return the entries of the events at these positions; those without an event are absent.

    Raises: WrongEncoding, and the errors of psycopg.
    """
    _require_utf8(connection)
    return connection.execute(SELECT_ENTRIES_AT, [list(positions)], binary=True).fetchall()


async def find_entry(
    connection: psycopg.AsyncConnection[Any], event_id: UUID
) -> tuple[int, bytes] | None:
    """Return the position and the entry of an event; None if there is no such event.

    Raises: WrongEncoding, and the errors of psycopg.
    """
    _require_utf8(connection)
    cursor = await connection.execute(SELECT_ENTRY_OF, [event_id], binary=True)
    return await cursor.fetchone()


def _require_utf8(connection: psycopg.BaseConnection[Any]) -> None:
    server = connection.info.parameter_status("server_encoding")
    if connection.info.encoding != UTF_8 or server != "UTF8":
        raise WrongEncoding(
            f"The database has the encoding {server}; the seals need UTF8: create it with "
            "ENCODING 'UTF8'."
        )
