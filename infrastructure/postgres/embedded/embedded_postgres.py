"""The embedded PostgreSQL server: shared by all processes of a home, stopped by the last one."""

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
from infrastructure.postgres.embedded.binaries import find_binaries
from infrastructure.postgres.embedded.os_account import find_server_account
from infrastructure.postgres.embedded.process_locks import ProcessLocks
from infrastructure.postgres.errors import PostgresUnavailable

DATABASE_NAME = OWNER_ROLE = "easeboard"
SUPERUSER = "postgres"
_CHECK_INTERVAL_SECONDS, _MAX_CHECK_INTERVAL_SECONDS = 0.25, 30.0
_OPEN_TIMEOUT_SECONDS = 30
logger = logging.getLogger(__name__)


class EmbeddedPostgres:
    """The server with its data in `<home>/postgres`; a context manager, or use start and stop.

    A server that a killed process has left running is adopted. A killed server is restarted.
    """

    def __init__(self, home: Path, *, settings: Mapping[str, str] | None = None) -> None:
        self.home = home.expanduser().resolve()
        self.data = self.home / "postgres"
        self._settings = dict(settings or {})
        self._server: postmaster.Postmaster | None = None
        self._closing = threading.Event()
        self._monitor_thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The URL of the database `easeboard`, as its owner, who is not a superuser."""
        return self.url_of(DATABASE_NAME)

    def url_of(self, database: str) -> str:
        """Return the URL of any database, as the role `easeboard`."""
        return self._running_server.url(OWNER_ROLE, database)

    @property
    def admin_url(self) -> str:
        """The URL of the database `postgres`, as superuser."""
        return self.admin_url_of("postgres")

    def admin_url_of(self, database: str) -> str:
        """Return the URL of any database, as superuser."""
        return self._running_server.url(SUPERUSER, database)

    @property
    def _running_server(self) -> postmaster.Postmaster:
        if self._server is None:
            raise PostgresUnavailable("The embedded PostgreSQL is not started: call start() first.")
        return self._server

    def start(self) -> None:
        """Start the server, or attach to the one that runs; has no effect if it is started.

        Raises: PostgresUnavailable if it cannot be started or used.
        """
        if self._monitor_thread is not None:
            return
        self._account = find_server_account()
        data_directory.prepare_home(self.home, self._account)
        self._locks = ProcessLocks(self.home, self._account)
        with self._locks.start_stop_lock():
            try:
                self._start_or_attach()
            except BaseException:
                self._locks.register_user()
                self._release()
                raise
            self._locks.register_user()
        self._closing.clear()
        self._monitor_thread = threading.Thread(target=self._monitor, name="postgres", daemon=True)
        self._monitor_thread.start()

    def _start_or_attach(self) -> None:
        deadline = time.monotonic() + _OPEN_TIMEOUT_SECONDS
        while True:
            self._server = self._ensure_running()
            try:
                return create_database(self.admin_url, DATABASE_NAME, owner=OWNER_ROLE)
            except psycopg.OperationalError as error:
                # The server that was found may have been stopping.
                if time.monotonic() > deadline:
                    raise PostgresUnavailable(
                        f"The PostgreSQL server in {self.data} accepts no connections: {error}"
                    ) from error
                time.sleep(0.05)

    def stop(self) -> None:
        """Detach from the server, and stop it if no other process uses it; may be called twice."""
        if self._monitor_thread is None:
            return
        self._closing.set()
        self._monitor_thread.join()
        self._monitor_thread = None
        with self._locks.start_stop_lock():
            self._release()

    def _release(self) -> None:
        self._server = None
        if self._locks.unregister_user():
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

    def _ensure_running(self) -> postmaster.Postmaster:
        binaries = find_binaries(self.home, self._account)
        if not data_directory.has_cluster(self.data, self._account):
            staging = data_directory.create_staging_directory(self.data, self._account)
            postmaster.create_cluster(staging, binaries, self._account)
            staging.rename(self.data)
        server = postmaster.wait_until_ready(self.data)
        if server is not None:
            return server
        host = self._locks.other_host()
        if host is not None:
            raise PostgresUnavailable(
                f"{self.data} is in use on the host {host}: stop easeboard there, "
                f"or {data_directory.OTHER_HOME_ADVICE}."
            )
        socket_directory = data_directory.create_socket_directory(self.data, self._account)
        return postmaster.start(
            self.data, socket_directory, binaries, self._account, self._settings
        )

    def _monitor(self) -> None:
        interval = _CHECK_INTERVAL_SECONDS
        while not self._closing.wait(interval):
            interval = (
                _CHECK_INTERVAL_SECONDS
                if self._check_server()
                else min(interval * 2, _MAX_CHECK_INTERVAL_SECONDS)
            )

    def _check_server(self) -> bool:
        try:
            if not postmaster.is_running(self.data):
                self._restart()
        except (PostgresUnavailable, OSError):
            logger.exception(
                "the embedded PostgreSQL could not be restarted; the restart is repeated soon"
            )
            return False
        return True

    def _restart(self) -> None:
        with self._locks.start_stop_lock():
            if self._closing.is_set() or postmaster.is_running(self.data):
                return
            if not data_directory.has_cluster(self.data, self._account):
                raise PostgresUnavailable(
                    f"The data directory {self.data} was removed: put it back, "
                    "or restart easeboard to begin with an empty database."
                )
            logger.warning("the embedded PostgreSQL stopped unexpectedly; it is restarted")
            self._server = self._ensure_running()


def create_database(admin_url: str, name: str, *, owner: str) -> None:
    """Create a database and the role that owns it, if they are missing."""
    with psycopg.connect(admin_url, autocommit=True) as connection:
        query = "SELECT 1 FROM pg_roles WHERE rolname = %s"
        if connection.execute(query, [owner]).fetchone() is None:
            _create_role(connection, sql.Identifier(owner))
        query = "SELECT 1 FROM pg_database WHERE datname = %s"
        if connection.execute(query, [name]).fetchone() is None:
            connection.execute(
                sql.SQL("CREATE DATABASE {} OWNER {}").format(
                    sql.Identifier(name), sql.Identifier(owner)
                )
            )


def _create_role(connection: psycopg.Connection[Any], name: sql.Identifier) -> None:
    with connection.transaction():
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(name))
        # With "$user" the schema `easeboard` would be in the path here, but not on other servers.
        connection.execute(sql.SQL("ALTER ROLE {} SET search_path = public").format(name))
