"""The settings and the database of one demo run.

Both are created at the start, and the database is dropped at the end.
"""

import asyncio
import secrets
import shutil
from base64 import b64encode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.embedded.embedded_postgres import (
    OWNER_ROLE,
    EmbeddedPostgres,
    create_database,
)
from infrastructure.settings.settings import Settings, read_settings
from interfaces.cli.demo.running_demo import UNSET_SETTINGS, demo_home

DEMO_DATABASE_PREFIX = "demo_"


@asynccontextmanager
async def demo_environment(sandbox_url: str) -> AsyncIterator[Settings]:
    """Yield settings with a new database on the embedded server in EASEBOARD_HOME/demo.

    The service may connect to the sandbox at `sandbox_url`.
    Raises: PostgresUnavailable if the embedded server cannot be started.
    """
    database = _temporary_database(urlsplit(sandbox_url).netloc)
    settings = await asyncio.to_thread(database.__enter__)
    try:
        yield settings
    finally:
        await asyncio.to_thread(database.__exit__, None, None, None)


@contextmanager
def _temporary_database(sandbox_host: str) -> Iterator[Settings]:
    name = DEMO_DATABASE_PREFIX + secrets.token_hex(4)
    home = demo_home()
    seals = home / "seals" / name
    with EmbeddedPostgres(home) as server:
        _drop_abandoned(server)
        create_database(server.admin_url, name, owner=OWNER_ROLE)
        try:
            apply_migrations(server.admin_url_of(name))
            # A demo drops databases without a connection; this one protects ours.
            with psycopg.connect(server.url_of(name)):
                yield _settings(server.url_of(name), sandbox_host, seals)
        finally:
            shutil.rmtree(seals, ignore_errors=True)
            _drop(server, name)


def _settings(url: str, sandbox_host: str, seals: Path) -> Settings:
    overrides = UNSET_SETTINGS | {
        "database_url": url,
        "canvas_encryption_key": "base64:" + b64encode(secrets.token_bytes(32)).decode(),
        "supabase_jwt_secret": secrets.token_urlsafe(32),
        "canvas_allow_private": sandbox_host,
        "seal_dir": seals,
    }
    return read_settings(**overrides)


def _drop(server: EmbeddedPostgres, name: str) -> None:
    with psycopg.connect(server.admin_url, autocommit=True) as admin:
        admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def _drop_abandoned(server: EmbeddedPostgres) -> None:
    """Drop the databases of demos that were killed: no session is connected to them."""
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
