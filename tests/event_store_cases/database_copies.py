"""Copies of a database, to put an earlier state in its place as a failover or a restore does."""

import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.deadlines import scaled

ANOTHER_SERVER = """
UPDATE easeboard.timelines
   SET server_started_at = server_started_at - interval '1 hour'
"""
ALLOW_SYNCING = """
UPDATE easeboard.syncing
   SET database = easeboard.database_identity()
 WHERE database IS NOT NULL
"""
"""A failover keeps the identity of a database; after a restore an operator runs `syncing on`."""
CLOSE_SESSIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"


@dataclass
class CopiedDatabase:
    """A database, and a copy of it that can take its place."""

    server: EmbeddedPostgres
    url: str

    @property
    def name(self) -> str:
        return str(conninfo_to_dict(self.url)["dbname"])

    @property
    def copy_name(self) -> str:
        return f"{self.name}_copy"

    def take(self) -> None:
        """Copy the database as it is; all its sessions are ended for that."""
        with psycopg.connect(self.server.admin_url, autocommit=True) as admin:
            self._drop(admin, self.copy_name)
            self._copy(admin, self.name, self.copy_name)

    def put_in_place(self, *, is_another_server: bool) -> None:
        """Replace the database by its copy; all events after it are lost.

        With `is_another_server` a server with another start serves it, as after a failover to a
        standby; without it the same one, as after a restore. The files are others in both cases.
        """
        with psycopg.connect(self.server.admin_url, autocommit=True) as admin:
            self._close(admin, self.name)
            self._drop(admin, self.name)
            self._copy(admin, self.copy_name, self.name, is_reachable=not is_another_server)
            if is_another_server:
                admin.execute(_allow(self.name, is_allowed=True))
            with psycopg.connect(self.url, autocommit=True) as connection:
                if is_another_server:
                    connection.execute(ANOTHER_SERVER)
                connection.execute(ALLOW_SYNCING)

    def clone(self, name: str) -> "CopiedDatabase":
        """Copy the database to another one with this name."""
        with psycopg.connect(self.server.admin_url, autocommit=True) as admin:
            self._copy(admin, self.name, name)
        return CopiedDatabase(self.server, self.server.url_of(name))

    def drop(self) -> None:
        """Remove the database and its copy."""
        with psycopg.connect(self.server.admin_url, autocommit=True) as admin:
            self._drop(admin, self.copy_name)
            self._drop(admin, self.name)

    def drop_copy(self) -> None:
        """Remove the copy."""
        with psycopg.connect(self.server.admin_url, autocommit=True) as admin:
            self._drop(admin, self.copy_name)

    def _copy(
        self, admin: psycopg.Connection[Any], source: str, target: str, *, is_reachable: bool = True
    ) -> None:
        owner = conninfo_to_dict(self.url)["user"]
        self._close(admin, source)
        try:
            admin.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE {} ALLOW_CONNECTIONS {}").format(
                    sql.Identifier(target),
                    sql.Identifier(str(owner)),
                    sql.Identifier(source),
                    sql.Literal(is_reachable),
                )
            )
        finally:
            if source == self.name:
                admin.execute(_allow(source, is_allowed=True))

    def _close(self, admin: psycopg.Connection[Any], name: str) -> None:
        """Refuse connections to a database, and wait until no session is left."""
        if not _exists(admin, name):
            return
        admin.execute(_allow(name, is_allowed=False))
        deadline = time.monotonic() + scaled(10)
        while admin.execute(CLOSE_SESSIONS, [name]).fetchall():
            assert time.monotonic() < deadline, f"{name} still has sessions"
            time.sleep(0.01)

    def _drop(self, admin: psycopg.Connection[Any], name: str) -> None:
        admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def _allow(name: str, *, is_allowed: bool) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(
        sql.Identifier(name), sql.Literal(is_allowed)
    )


def _exists(admin: psycopg.Connection[Any], name: str) -> bool:
    rows = admin.execute("SELECT FROM pg_database WHERE datname = %s", [name]).fetchall()
    return bool(rows)
