"""Bring the schema up to date: plain SQL files, forward only, each once, whoever starts first."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import psycopg
from psycopg import errors

from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.errors import PostgresUnavailable

MIGRATIONS_DIRECTORY = files("infrastructure.postgres") / "migrations"
MIN_SERVER_VERSION = 15
# Any number of our own, known to nobody else on the server.
_ADVISORY_LOCK_ID = 7_305_119_860_412_553_216


MigrationStep = Callable[[psycopg.Connection[Any]], list[str]]


class MigrationRefused(Exception):
    """The schema cannot be brought up to date; the message says why and names the way out."""


class Migration(NamedTuple):
    """One SQL file, `NNNN_what.sql`."""

    version: int
    name: str
    statements: bytes

    @property
    def sha256(self) -> str:
        """The digest that tells an edited file."""
        return hashlib.sha256(self.statements).hexdigest()


def load_migrations(directory: Traversable = MIGRATIONS_DIRECTORY) -> list[Migration]:
    """The migrations of this program, oldest first."""
    migrations = sorted(
        Migration(
            int(file.name.split("_")[0]),
            file.name.removesuffix(".sql"),
            file.read_bytes().replace(b"\r\n", b"\n"),
        )
        for file in directory.iterdir()
        if file.name.endswith(".sql")
    )
    if len({migration.version for migration in migrations}) != len(migrations):
        raise MigrationRefused(f"Two migrations in {directory} have the same number.")
    return migrations


def migrate(
    url: str,
    *,
    directory: Traversable = MIGRATIONS_DIRECTORY,
    up_to: int | None = None,
    extra_steps: Sequence[MigrationStep] = (),
) -> list[str]:
    """Apply what is missing, up to a version or all, and name what was applied.

    Each file is a transaction of its own under an advisory lock of that transaction, so any
    number of processes may do this at once, and a killed one leaves nothing half. `also` brings
    schemas of others up to date in the same way, each step naming what it applied.
    Raises MigrationRefused or PostgresUnavailable.
    """
    migrations = [
        migration
        for migration in load_migrations(directory)
        if up_to is None or migration.version <= up_to
    ]
    applied: list[str] = []
    with _connect(url) as connection:
        while (name := _apply_next(connection, migrations)) is not None:
            applied.append(name)
        for step in extra_steps:
            with _locked_transaction(connection):
                applied += step(connection)
    return applied


def pending_migrations(
    url: str,
    *,
    directory: Traversable = MIGRATIONS_DIRECTORY,
    extra_steps: Sequence[MigrationStep] = (),
) -> list[str]:
    """Name what is missing, changing nothing; raises MigrationRefused or PostgresUnavailable."""
    with _connect(url) as connection:
        missing = load_migrations(directory)
        if _has_migrations_table(connection):
            missing = _unapplied(connection, missing)
        names = [migration.name for migration in missing]
        return names + [name for step in extra_steps for name in step(connection)]


@contextmanager
def _connect(url: str) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(build_conninfo(url, name="migrate")) as connection:
            if connection.info.server_version < MIN_SERVER_VERSION * 10_000:
                raise MigrationRefused(
                    f"The server is PostgreSQL {connection.info.server_version // 10_000}: "
                    f"easeboard needs {MIN_SERVER_VERSION} or newer."
                )
            # Whoever waited for the lock must see what was done meanwhile.
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            yield connection
    except errors.InsufficientPrivilege as error:
        raise MigrationRefused(
            f"The database user may not change the schema ({error.diag.message_primary}): "
            "connect as the owner of the database, or GRANT CREATE ON DATABASE to the user."
        ) from error
    except errors.ReadOnlySqlTransaction as error:
        raise MigrationRefused("The server takes no writes: it is a standby.") from error
    except errors.LockNotAvailable as error:
        raise MigrationRefused(
            "Another process has been migrating for a minute: end it, or wait and try again."
        ) from error
    except psycopg.OperationalError as error:
        raise PostgresUnavailable(f"The database cannot be reached: {error}") from error


@contextmanager
def _locked_transaction(connection: psycopg.Connection) -> Iterator[None]:
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_ADVISORY_LOCK_ID])
        yield


def _apply_next(connection: psycopg.Connection, migrations: list[Migration]) -> str | None:
    with _locked_transaction(connection):
        _create_migrations_table(connection)
        missing = _unapplied(connection, migrations)
        if not missing:
            return None
        migration = missing[0]
        connection.execute("SET LOCAL search_path = easeboard")
        _apply(connection, migration)
        connection.execute(
            """
            INSERT INTO easeboard.schema_migrations (version, name, sha256)
            VALUES (%s, %s, %s)
            """,
            [migration.version, migration.name, migration.sha256],
        )
        return migration.name


def _apply(connection: psycopg.Connection, migration: Migration) -> None:
    try:
        connection.execute(migration.statements)
    except errors.InsufficientPrivilege:
        raise
    except (psycopg.ProgrammingError, psycopg.DataError, psycopg.IntegrityError) as error:
        raise MigrationRefused(
            f"Migration {migration.name} failed, and nothing of it was kept: {error}"
        ) from error


def _has_migrations_table(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT to_regclass('easeboard.schema_migrations')").fetchone()
    return row != (None,)


def _create_migrations_table(connection: psycopg.Connection) -> None:
    # Asked first: IF NOT EXISTS alone asks for the right to create also where nothing is created.
    if _has_migrations_table(connection):
        return
    connection.execute("CREATE SCHEMA IF NOT EXISTS easeboard")
    connection.execute(
        """
        CREATE TABLE easeboard.schema_migrations (
            version integer PRIMARY KEY,
            name text NOT NULL,
            sha256 text NOT NULL,
            applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
        )
        """
    )


def _unapplied(connection: psycopg.Connection, migrations: list[Migration]) -> list[Migration]:
    rows = connection.execute(
        "SELECT version, name, sha256 FROM easeboard.schema_migrations ORDER BY version"
    ).fetchall()
    by_version = {migration.version: migration for migration in migrations}
    for version, name, sha256 in rows:
        if version not in by_version:
            raise MigrationRefused(
                f"The database has migration {name}, which this program does not know: "
                "it was migrated by a newer easeboard; run that one."
            )
        if by_version[version].sha256 != sha256:
            raise MigrationRefused(
                f"Migration {name} was edited after it was applied to this database: "
                "undo the edit and put the change into a new file."
            )
    applied = {version for version, _, _ in rows}
    return [migration for migration in migrations if migration.version not in applied]
