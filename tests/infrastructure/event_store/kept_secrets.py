"""What secrets are stored, and which ones the log names."""

from contextlib import closing
from typing import NamedTuple
from uuid import UUID

import psycopg

from domain.calendar import Calendar
from domain.connection import Connection
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.store import EventStore
from infrastructure.postgres.pools import open_write_pool


class Secrets(NamedTuple):
    """Tokens by connection and fingerprint, the people with a calendar address, and with a key."""

    tokens: list[tuple[UUID, str]]
    calendars: list[UUID]
    keys: list[UUID]


def stored_secrets(url: str) -> Secrets:
    """What is in the tables."""
    with psycopg.connect(url) as session:
        tokens = session.execute("SELECT connection_id, fingerprint FROM easeboard.canvas_tokens")
        people = session.execute("SELECT person_id FROM easeboard.calendar_addresses")
        keys = session.execute(
            "SELECT person_id FROM easeboard.people_keys WHERE destroyed_at IS NULL"
        )
        return Secrets(
            sorted(tokens.fetchall()),
            sorted(person for (person,) in people),
            sorted(person for (person,) in keys),
        )


def named_secrets(url: str, ring: KeyRing) -> Secrets:
    """What the streams of connections and calendars name, as another process reads them."""
    with psycopg.connect(url) as session:
        rows = session.execute(
            """
            SELECT DISTINCT topic, stream, person_id
              FROM easeboard.events
             WHERE topic IN ('ConnectionOpened', 'CalendarShared', 'CalendarEnded')
            """
        ).fetchall()
    with (
        open_write_pool(url, size=1) as pool,
        closing(EventStore(pool, PersonKeys(pool, ring))) as store,
    ):
        connections = [
            store.load_blocking(Connection, stream)
            for topic, stream, _ in rows
            if topic == "ConnectionOpened"
        ]
        people = {person for topic, _, person in rows if topic != "ConnectionOpened"}
        shared = [
            person
            for person in people
            if store.load_blocking(Calendar, Calendar.id_for(person)).shared_at
        ]
    tokens = [
        (each.id, each.token_fingerprint)
        for each in connections
        if each.status in {"active", "token_rejected"}
    ]
    return Secrets(sorted(tokens), sorted(shared), sorted({person for *_, person in rows}))
