"""Where the demo plays: a database and keys of its own, made for one run and dropped after it."""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from infrastructure.postgres.embedded.embedded_postgres import (
    OWNER_ROLE,
    EmbeddedPostgres,
    create_database,
)
from infrastructure.queue.database_schema import apply_migrations
from infrastructure.settings import Settings, read_settings

DEMO_DATABASE_PREFIX = "demo_"
UNSET_SETTINGS: dict[str, Any] = dict.fromkeys(
    (
        "database_url",
        "canvas_encryption_key",
        "supabase_url",
        "supabase_jwt_secret",
        "supabase_service_key",
        "redis_url",
        "metrics_port",
    )
)
"""What the demo takes from nobody's environment."""


@asynccontextmanager
async def demo_environment(sandbox_url: str) -> AsyncIterator[Settings]:
    """Settings for one run: fresh data on the embedded server under EASEBOARD_HOME/demo."""
    database = _temporary_database(urlsplit(sandbox_url).netloc)
    settings = await asyncio.to_thread(database.__enter__)
    try:
        yield settings
    finally:
        await asyncio.to_thread(database.__exit__, None, None, None)


@contextmanager
def _temporary_database(sandbox_host: str) -> Iterator[Settings]:
    name = DEMO_DATABASE_PREFIX + secrets.token_hex(4)
    with EmbeddedPostgres(read_settings(**UNSET_SETTINGS).home / "demo") as server:
        _drop_abandoned(server)
        create_database(server.admin_url, name, owner=OWNER_ROLE)
        try:
            apply_migrations(server.url_of(name))
            # As long as somebody is connected, no other demo takes the database for abandoned.
            with psycopg.connect(server.url_of(name)):
                yield _settings(server.url_of(name), sandbox_host)
        finally:
            _drop(server, name)


def _settings(url: str, sandbox_host: str) -> Settings:
    overrides = UNSET_SETTINGS | {
        "database_url": url,
        "canvas_encryption_key": "base64:" + b64encode(secrets.token_bytes(32)).decode(),
        "supabase_jwt_secret": secrets.token_urlsafe(32),
        "canvas_allow_private": sandbox_host,
    }
    return read_settings(**overrides)


def _drop(server: EmbeddedPostgres, name: str) -> None:
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def _drop_abandoned(server: EmbeddedPostgres) -> None:
    """Drop what killed demos left: nobody is connected to it."""
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        abandoned = admin.execute(
            """
            SELECT datname
              FROM pg_database
             WHERE starts_with(datname, %s)
               AND NOT EXISTS (
                   SELECT FROM pg_stat_activity WHERE pg_stat_activity.datname = pg_database.datname
               )
             ORDER BY datname
            """,
            [DEMO_DATABASE_PREFIX],
        ).fetchall()
    for (name,) in abandoned:
        _drop(server, name)
