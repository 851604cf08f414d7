"""The query of the list of all connections, for auditors.

The log has the order in which connections were opened, and the read model `connections` what each
of them is. One statement joins both, up to the checkpoint of the read model.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from psycopg import sql

from domain.connection import Connection
from domain.sync import Sync
from interfaces.queries.current_state import connection_document
from projections.support.json_documents import add_members, encode_time_or_null
from projections.support.page import (
    Page,
    decode_cursor,
    encode_cursor,
    parse_position_key,
    rows_to_fetch,
)
from projections.support.query import Query
from projections.support.schedule_row import ScheduleRow
from projections.support.search import fold_case

CHECKPOINT = sql.SQL(
    "(SELECT position FROM easeboard.projections WHERE name = 'connections' AND role = 'live')"
)
OF_PERSON = sql.SQL("AND person_id = %(person)s")
OF_EVERYBODY = sql.SQL("")
SEARCHED_CONNECTIONS = 2000
"""Connections of which a page selects those with a status, or with a text."""

ERASED = "erased"
"""The status of a connection whose person is erased."""

OPENED_ANYWHERE = """
SELECT position, stream, person_id
  FROM easeboard.events
 WHERE topic = 'ConnectionOpened'
   AND position > %(after)s
   AND position <= {checkpoint}
   {of_whom}
 ORDER BY position
 LIMIT %(limit)s
"""

OPENED_AT_HOST = """
SELECT position, stream, person_id
  FROM (
           (
               SELECT opened AS position, connection_id AS stream, person_id
                 FROM read.connections
                WHERE origin = %(origin)s
                  AND opened > %(after)s
                  {of_whom}
                ORDER BY opened
                LIMIT %(limit)s
           )
            UNION ALL
           (
               SELECT opened AS position, connection_id AS stream, person_id
                 FROM read.closed_connections
                WHERE origin = %(origin)s
                  AND opened > %(after)s
                  {of_whom}
                ORDER BY opened
                LIMIT %(limit)s
           )
       ) AS at_host
 ORDER BY position
 LIMIT %(limit)s
"""

LISTED = sql.SQL(
    """
    SELECT opened.position, opened.stream, opened.person_id, redacted.version,
           coalesce(closed.document, own.document),
           coalesce(own.active, FALSE), own.rested_at, own.failures, own.wait, host.open_until
      FROM ({opened}) AS opened
      LEFT JOIN LATERAL (
               SELECT destroyed_at
                 FROM easeboard.people_keys
                WHERE person_id = opened.person_id
                  AND destroyed_at IS NOT NULL
                LIMIT 1
           ) AS erased
        ON TRUE
      LEFT JOIN LATERAL (
               SELECT version
                 FROM easeboard.events
                WHERE stream = opened.stream
                  AND position <= {checkpoint}
                  AND erased.destroyed_at IS NOT NULL
                ORDER BY version DESC
                LIMIT 1
           ) AS redacted
        ON TRUE
      LEFT JOIN LATERAL (
               SELECT document, origin, active, rested_at, failures, wait
                 FROM read.connections
                WHERE connection_id = opened.stream
                LIMIT 1
           ) AS own
        ON TRUE
      LEFT JOIN LATERAL (
               SELECT document
                 FROM read.closed_connections
                WHERE connection_id = opened.stream
                LIMIT 1
           ) AS closed
        ON TRUE
      LEFT JOIN LATERAL (
               SELECT open_until
                 FROM easeboard.canvas_hosts
                WHERE origin = own.origin
                LIMIT 1
           ) AS host
        ON TRUE
     ORDER BY opened.position
    """
)
"""Each LIMIT 1 makes the planner look up one row by its key, whatever it expects of the page."""


def _listed(opened: str, of_whom: sql.SQL) -> sql.Composed:
    return LISTED.format(
        opened=sql.SQL(opened).format(checkpoint=CHECKPOINT, of_whom=of_whom),
        checkpoint=CHECKPOINT,
    )


STATEMENTS = {
    (is_of_person, is_at_host): _listed(
        OPENED_AT_HOST if is_at_host else OPENED_ANYWHERE,
        OF_PERSON if is_of_person else OF_EVERYBODY,
    )
    for is_of_person in (False, True)
    for is_at_host in (False, True)
}
"""The statement by whether it selects by person, and by Canvas host."""


class ListedConnection(NamedTuple):
    """A row of the statement; `redacted_version` is None unless the person is erased.

    `document` is None if the read model does not have the connection: its person is erased, or its
    first event cannot be read. The schedule is None unless the connection is open.
    """

    position: int
    id: UUID
    person_id: UUID
    redacted_version: int | None
    document: bytes | None
    active: bool
    rested_at: datetime
    failures: int
    wait: int
    open_until: datetime | None

    @property
    def is_erased(self) -> bool:
        """Whether the key of the person is destroyed."""
        return self.redacted_version is not None

    def matches(self, status: str | None, q: str | None) -> bool:
        """Return whether it has a status, and a text in a name, its address or the Canvas id."""
        if self.is_erased:
            return status == ERASED and not q
        if self.document is None:
            return False
        document = orjson.loads(self.document)
        if status is not None and document["status"] != status:
            return False
        texts = (
            document["canvas_name"],
            document["canvas_url"],
            *document["canvas_user"].values(),
        )
        return not q or any(fold_case(q) in fold_case(text) for text in texts)

    def encode(self, interval: timedelta) -> bytes:
        """Return the JSON of the connection as auditors see it."""
        if self.is_erased or self.document is None:
            blank = Connection.new(self.id)
            blank.version = self.redacted_version or 0
            document = connection_document(blank, Sync.new(Sync.id_for(self.id)), interval, {})
            return orjson.dumps(document | {"status": ERASED, "user_id": None})
        next_sync_at = ScheduleRow(*self[5:]).next_sync_at(interval)
        return add_members(
            self.document,
            b'"next_sync_at":%b,"user_id":"%b"'
            % (encode_time_or_null(next_sync_at), str(self.person_id).encode()),
        )


def all_connections(
    *,
    interval: timedelta,
    user_id: UUID | None = None,
    canvas_url: str | None = None,
    status: str | None = None,
    q: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> Query[Page]:
    """Query a page of the connections of all people, closed ones too, oldest first.

    An item is the JSON of a connection with `next_sync_at`, which depends on `interval`, the time
    between two syncs, and with `user_id`. Of an erased person there is only the id and the version
    of a connection. A connection whose first event cannot be read is left out, so that a page may
    be short.

    `status` and `q`, a part of a name, of an address or of a Canvas id, select among a limited
    number of connections, so that a page may be empty and still have a cursor.

    Raises: BadCursor if the cursor does not belong to this list.
    """
    [after] = decode_cursor(cursor, parse_position_key)
    is_search = status is not None or bool(q)
    fetched = max(limit, SEARCHED_CONNECTIONS) if is_search else limit

    def build(rows: Sequence[tuple[Any, ...]]) -> Page:
        listed = [ListedConnection(*row) for row in rows[:fetched]]
        found = [each for each in listed if each.matches(status, q)] if is_search else listed
        shown = found[:limit]
        # An erased connection has no address.
        items = [
            connection.encode(interval)
            for connection in shown
            if (connection.document is not None or connection.is_erased)
            and not (canvas_url and connection.is_erased)
        ]
        if len(found) > limit:
            return Page(items, encode_cursor(shown[-1].position))
        return Page(items, encode_cursor(listed[-1].position) if len(rows) > fetched else None)

    return Query(
        "connections",
        STATEMENTS[user_id is not None, canvas_url is not None],
        {
            "after": after or 0,
            "person": user_id,
            "origin": canvas_url,
            "limit": rows_to_fetch(fetched),
        },
        build,
    )
