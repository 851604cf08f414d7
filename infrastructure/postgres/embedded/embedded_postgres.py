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
from infrastructure.postgres.embedded.binaries import find_binaries
from infrastructure.postgres.embedded.os_account import find_server_account
from infrastructure.postgres.embedded.process_locks import ProcessLocks
from infrastructure.postgres.errors import PostgresUnavailable

DATABASE_NAME = OWNER_ROLE = "easeboard"
_CHECK_INTERVAL_SECONDS, _MAX_CHECK_INTERVAL_SECONDS = 0.25, 30.0
_OPEN_TIMEOUT_SECONDS = 30
logger = logging.getLogger(__name__)


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
        self._monitor_thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """The address of the database `easeboard`, as its owner, who is no superuser."""
        return self.url_of(DATABASE_NAME)

    def url_of(self, database: str) -> str:
        """The address of any database, as `easeboard`."""
        return self._running_server.url(OWNER_ROLE, database)

    @property
    def admin_url(self) -> str:
        """The address of the database `postgres`, as superuser."""
        return self._running_server.url("postgres", "postgres")

    @property
    def _running_server(self) -> postmaster.Postmaster:
        if self._server is None:
            raise PostgresUnavailable("The embedded PostgreSQL was not started.")
        return self._server

    def start(self) -> None:
        """Start the server, or attach to the running one; raises PostgresUnavailable."""
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
                # The one found may have been dying: the next look tells.
                if time.monotonic() > deadline:
                    raise PostgresUnavailable(f"{self.data} cannot be used: {error}") from error
                time.sleep(0.05)

    def stop(self) -> None:
        """Let go of the server, and stop it when nobody else of ours uses it; harmless twice."""
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
                f"{self.data} is in use on {host}: {data_directory.OTHER_HOME_ADVICE}."
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
            logger.exception("PostgreSQL could not be started again; trying once more")
            return False
        return True

    def _restart(self) -> None:
        with self._locks.start_stop_lock():
            if self._closing.is_set() or postmaster.is_running(self.data):
                return
            if not data_directory.has_cluster(self.data, self._account):
                raise PostgresUnavailable(f"{self.data} is gone.")
            logger.warning("PostgreSQL died; starting it again")
            self._server = self._ensure_running()


def create_database(admin_url: str, name: str, *, owner: str) -> None:
    """Make a database and the role that owns it, where they are missing."""
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
        # Or "$user" would find the schema of this name here, and nowhere else.
        connection.execute(sql.SQL("ALTER ROLE {} SET search_path = public").format(name))
