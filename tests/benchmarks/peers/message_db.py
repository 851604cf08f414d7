"""message-db: an event store of functions in PostgreSQL, called by psycopg."""

from typing import Any
from uuid import uuid4

import psycopg
from psycopg.types.json import Jsonb

from tests.benchmarks.peers.environments import node_modules

SESSION_OPTIONS = "-c search_path=message_store,public"
FOLDERS = ("types", "tables", "functions", "indexes")
"""Folders of the package, in the order of its own installer; the extension pgcrypto is not needed,
because PostgreSQL has `gen_random_uuid()` itself."""
DATA = {
    "connection_id": "0" * 36,
    "sync_id": "0" * 36,
    "course_id": "104857",
    "code": "canvas-timeout",
    "detail": "Canvas did not respond in time. " * 5,
    "progress": {"total": 40, "done": 17, "failed": 1},
}


def install_message_db(url: str) -> None:
    """Create the schema `message_store` in a database.

    Raises: PeerUnavailable if the package cannot be installed.
    """
    folder = node_modules() / "node_modules" / "@eventide" / "message-db" / "database"
    with psycopg.connect(url, autocommit=True, options=SESSION_OPTIONS) as connection:
        connection.execute("CREATE SCHEMA message_store")
        for name in FOLDERS:
            for path in sorted((folder / name).glob("*.sql")):
                connection.execute(path.read_bytes())


def write_messages(connection: psycopg.Connection[Any], stream: str, count: int) -> None:
    """Append `count` messages to a stream, in one transaction and pipelined."""
    rows = [(f"{uuid4()}", stream, "CourseFetchFailed", Jsonb(DATA)) for _ in range(count)]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany("SELECT write_message(%s, %s, %s, %s)", rows)


def read_messages(connection: psycopg.Connection[Any], stream: str) -> list[tuple[Any, ...]]:
    """Read all messages of a stream; their data is text."""
    query = "SELECT * FROM get_stream_messages(%s, 0, -1)"
    return connection.execute(query, [stream]).fetchall()


def stream_name() -> str:
    """Return the name of a new stream in the category `sync`."""
    return f"sync-{uuid4()}"
