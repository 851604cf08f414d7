"""A PostgreSQL of our own: started with us, shared by our processes, stopped by the last one."""

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg import sql

from infrastructure.postgres.embedded import data_directory, postmaster
from infrastructure.postgres.embedded.binaries import programs
from infrastructure.postgres.embedded.os_account import server_account
from infrastructure.postgres.embedded.process_locks import Presence
from infrastructure.postgres.errors import PostgresUnavailable

DATABASE = ROLE = "easeboard"
_LOOK_SECONDS, _LONGEST_SECONDS = 0.25, 30.0
_OPEN_SECONDS = 30
_LOGGER = logging.getLogger(__name__)


class EmbeddedPostgres:
    """The server whose data is in `<home>/postgres`, as a context manager or by start and stop.

    A server left over by a killed process is adopted; one that is killed is started again.
    """

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.home = home.expanduser().resolve()
        self.data = self.home / "postgres"
        self._settings = dict(settings or {})
        self._server: postmaster.Postmaster | None = None
        self._closing = threading.Event()
        self._watch: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address of the database `easeboard`, as its owner, who is no superuser."""
        return self.url_of(DATABASE)

    def url_of(self, database: str) -> str:
        """The address of any database, as `easeboard`."""
        return self._running.url(ROLE, database)

    @property
    def admin_url(self) -> str:
        """The address of the database `postgres`, as superuser."""
        return self._running.url("postgres", "postgres")

    @property
    def _running(self) -> postmaster.Postmaster:
        if self._server is None:
            raise PostgresUnavailable("The embedded PostgreSQL was not started.")
        return self._server

    def start(self) -> None:
        """Start the server, or attach to the running one; raises PostgresUnavailable."""
        if self._watch is not None:
            return
        self._account = server_account()
        data_directory.prepare(self.home, self._account)
        self._presence = Presence(self.home, self._account)
        with self._presence.gate():
            try:
                self._open()
            except BaseException:
                self._presence.join()
                self._leave()
                raise
            self._presence.join()
        self._closing.clear()
        self._watch = threading.Thread(target=self._keep_alive, name="postgres", daemon=True)
        self._watch.start()

    def _open(self) -> None:
        deadline = time.monotonic() + _OPEN_SECONDS
        while True:
            self._server = self._up()
            try:
                return create_database(self.admin_url, DATABASE, owner=ROLE)
            except psycopg.OperationalError as error:
                # The one found may have been dying: the next look tells.
                if time.monotonic() > deadline:
                    raise PostgresUnavailable(f"{self.data} cannot be used: {error}") from error
                time.sleep(0.05)

    def stop(self) -> None:
        """Let go of the server, and stop it when nobody else of ours uses it; harmless twice."""
        if self._watch is None:
            return
        self._closing.set()
        self._watch.join()
        self._watch = None
        with self._presence.gate():
            self._leave()

    def _leave(self) -> None:
        self._server = None
        if self._presence.leave():
            postmaster.stop(self.data)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def _up(self) -> postmaster.Postmaster:
        where = programs(self.home, self._account)
        if not data_directory.check(self.data, self._account):
            half = data_directory.fresh(self.data, self._account)
            postmaster.initialise(half, where, self._account)
            half.rename(self.data)
        running = postmaster.await_ready(self.data)
        if running is not None:
            return running
        host = self._presence.elsewhere()
        if host is not None:
            raise PostgresUnavailable(
                f"{self.data} is in use on {host}: {data_directory.OTHER_HOME}."
            )
        sockets = data_directory.sockets(self.data, self._account)
        return postmaster.start(self.data, sockets, where, self._account, self._settings)

    def _keep_alive(self) -> None:
        pause = _LOOK_SECONDS
        while not self._closing.wait(pause):
            pause = _LOOK_SECONDS if self._alive() else min(pause * 2, _LONGEST_SECONDS)

    def _alive(self) -> bool:
        try:
            if not postmaster.is_running(self.data):
                self._revive()
        except (PostgresUnavailable, OSError):
            _LOGGER.exception("PostgreSQL could not be started again; trying once more")
            return False
        return True

    def _revive(self) -> None:
        with self._presence.gate():
            if self._closing.is_set() or postmaster.is_running(self.data):
                return
            if not data_directory.check(self.data, self._account):
                raise PostgresUnavailable(f"{self.data} is gone.")
            _LOGGER.warning("PostgreSQL died; starting it again")
            self._server = self._up()


def create_database(admin_url: str, name: str, *, owner: str) -> None:
    """Make a database and the role that owns it, where they are missing."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        known = "SELECT 1 FROM pg_roles WHERE rolname = %s"
        if connection.execute(known, [owner]).fetchone() is None:
            _create_role(connection, sql.Identifier(owner))
        known = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(known, [name]).fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(owner)
                )
            )


def _create_role(connection: psycopg.Connection[Any], name: sql.Identifier) -> None:
    with connection.transaction():
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        # Or "$user" would find the schema of this name here, and nowhere else.
        connection.execute(sql.SQL("ALTER ROLE {} SET search_path = public").format(name))
