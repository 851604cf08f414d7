"""Applies migrations of the schema: SQL files, forward only, each once, in order."""

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
# An arbitrary number that no other program on the server is likely to use.
_ADVISORY_LOCK_ID = 7_305_119_860_412_553_216


MigrationStep = Callable[[psycopg.Connection[Any]], list[str]]


class MigrationRefused(Exception):
    """The schema cannot be migrated; the message names the reason and what to do."""


class Migration(NamedTuple):
    """One SQL file, named `NNNN_what.sql`."""

    version: int
    name: str
    statements: bytes

    @property
    def sha256(self) -> str:
        """The digest of the file, by which an edit after its application is detected."""
        return hashlib.sha256(self.statements).hexdigest()


def load_migrations(directory: Traversable = MIGRATIONS_DIRECTORY) -> list[Migration]:
    """Return the migrations in a directory, oldest first.

    Raises: MigrationRefused if two of them have the same number.
    """
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
        raise MigrationRefused(f"Two migrations in {directory} have the same number: rename one.")
    return migrations


def migrate(
    url: str,
    *,
    directory: Traversable = MIGRATIONS_DIRECTORY,
    up_to: int | None = None,
    extra_steps: Sequence[MigrationStep] = (),
) -> list[str]:
    """Apply the missing migrations, up to a version if given, and return their names.

    Each file is applied in its own transaction, which holds an advisory lock. So any number of
    processes may migrate at once, and a killed one leaves no partial migration. `extra_steps`
    migrate the schemas of libraries in the same way and return the names of what they applied.

    Raises:
        MigrationRefused: If the schema cannot be migrated.
        PostgresUnavailable: If the database cannot be reached.
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
    """Return the names of the missing migrations; changes nothing.

    `extra_steps` return the names of what is missing in the schemas of libraries.

    Raises:
        MigrationRefused: If an applied migration was edited or is not known to this program.
        PostgresUnavailable: If the database cannot be reached.
    """
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
                    f"The server is PostgreSQL {connection.info.server_version // 10_000}, but "
                    f"easeboard needs {MIN_SERVER_VERSION} or newer: upgrade the server."
                )
            # A process that waited for the lock must see what another one has applied.
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            yield connection
    except errors.InsufficientPrivilege as error:
        raise MigrationRefused(
            f"The database user may not change the schema ({error.diag.message_primary}): "
            "connect as the owner of the database, or GRANT CREATE ON DATABASE to the user."
        ) from error
    except errors.ReadOnlySqlTransaction as error:
        raise MigrationRefused(
            "The server is read-only, like a standby: set DATABASE_URL to the primary server."
        ) from error
    except errors.LockNotAvailable as error:
        raise MigrationRefused(
            "Another process has held the migration lock for a minute: wait until it has finished, "
            "or end it, and try again."
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
            f"Migration {migration.name} failed and was rolled back: {error}"
        ) from error


def _has_migrations_table(connection: psycopg.Connection) -> bool:
    row = connection.execute("SELECT to_regclass('easeboard.schema_migrations')").fetchone()
    return row != (None,)


def _create_migrations_table(connection: psycopg.Connection) -> None:
    # IF NOT EXISTS requires the right to create even if nothing is created.
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
                "it was migrated by a newer easeboard; run that version."
            )
        if by_version[version].sha256 != sha256:
            raise MigrationRefused(
                f"Migration {name} was edited after it was applied to this database: "
                "undo the edit and put the change into a new file."
            )
    applied = {version for version, _, _ in rows}
    return [migration for migration in migrations if migration.version not in applied]
