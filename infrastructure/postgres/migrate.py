"""Applies migrations of the schema: SQL files, forward only, each once, in order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

import psycopg
from psycopg import errors

from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.errors import unreachable
from infrastructure.postgres.foreign_schemas import (
    refuse_existing_schemas,
    refuse_foreign_log,
    refuse_other_encodings,
)
from infrastructure.postgres.migration_files import (
    MIGRATIONS_DIRECTORY,
    Migration,
    MigrationRefused,
    load_migrations,
)
from infrastructure.postgres.session_settings import SessionSettings

MIN_SERVER_VERSION = 15
# An arbitrary number that no other program on the server is likely to use.
_ADVISORY_LOCK_ID = 7_305_119_860_412_553_216
MigrationStep = Callable[[psycopg.Connection[Any]], list[str]]
SchemaCheck = Callable[[psycopg.Connection[Any]], None]


class SchemaState(NamedTuple):
    """What the schema of a database lacks, and what it has that this program does not know.

    `missing` are the names of migrations that can be applied, `required` those of them without
    which this program cannot run, `newer` those that a newer release has applied.
    """

    missing: list[str]
    required: list[str]
    newer: list[str]


def migrate(
    url: str,
    *,
    directory: Traversable = MIGRATIONS_DIRECTORY,
    up_to: int | None = None,
    checks: Sequence[SchemaCheck] = (),
    extra_steps: Sequence[MigrationStep] = (),
) -> list[str]:
    """Apply the missing migrations, up to a version if given, and return their names.

    Each file is applied in its own transaction, which holds an advisory lock. So any number of
    processes may migrate at once, and a killed one leaves no partial migration. `extra_steps`
    migrate the schemas of libraries in the same way and return the names of what they applied;
    `checks` refuse a database before anything in it is changed.

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
        with _locked_transaction(connection):
            _check(connection, migrations, checks)
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
    """Return the names of the missing migrations; raises what read_schema_state raises."""
    return read_schema_state(url, directory=directory, extra_steps=extra_steps).missing


def read_schema_state(
    url: str,
    *,
    directory: Traversable = MIGRATIONS_DIRECTORY,
    checks: Sequence[SchemaCheck] = (),
    extra_steps: Sequence[MigrationStep] = (),
) -> SchemaState:
    """Compare the schema with the migrations of this program; changes nothing.

    `extra_steps` return the names of what is missing in the schemas of libraries.

    Raises:
        MigrationRefused: If this program cannot use the schema: an applied migration was edited,
            or breaks programs of this release.
        PostgresUnavailable: If the database cannot be reached.
    """
    migrations = load_migrations(directory)
    with _connect(url) as connection:
        missing, newer = _check(connection, migrations, checks)
        extra = [name for step in extra_steps for name in step(connection)]
    names = [migration.name for migration in missing]
    required = [migration.name for migration in missing if migration.is_needed_at_start]
    return SchemaState(names + extra, required + extra, newer)


def _check(
    connection: psycopg.Connection[Any],
    migrations: list[Migration],
    checks: Sequence[SchemaCheck],
) -> tuple[list[Migration], list[str]]:
    """Return the missing migrations and the names of unknown ones, of a database that is ours."""
    refuse_foreign_log(connection)
    missing, newer = migrations, list[str]()
    if _has_migrations_table(connection):
        missing, newer = _compare(connection, migrations)
    for migration in missing:
        refuse_existing_schemas(connection, migration.new_schemas)
    for check in checks:
        check(connection)
    return missing, newer


@contextmanager
def _connect(url: str) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(build_conninfo(url, name="migrate")) as connection:
            if connection.info.server_version < MIN_SERVER_VERSION * 10_000:
                raise MigrationRefused(
                    f"The server is PostgreSQL {connection.info.server_version // 10_000}, but "
                    f"easeboard needs {MIN_SERVER_VERSION} or newer: upgrade the server."
                )
            SessionSettings(url, statement_timeout="0").apply(connection)
            refuse_other_encodings(connection)
            connection.rollback()
            # A process that waited for the lock must see what another one has applied.
            connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
            yield connection
    except errors.InsufficientPrivilege as error:
        raise MigrationRefused(
            f"The database user may not use or change the schema ({error.diag.message_primary}). "
            "To migrate, connect as the owner of the database, or GRANT CREATE ON DATABASE to the "
            "user. For everything else, GRANT easeboard_app TO the user; easeboard migrate grants "
            "the rights of that role again."
        ) from error
    except errors.ReadOnlySqlTransaction as error:
        raise MigrationRefused(
            "The server is read-only, like a standby: set DATABASE_URL to the primary server, or "
            "set default_transaction_read_only to off."
        ) from error
    except errors.LockNotAvailable as error:
        raise MigrationRefused(
            "Another process has held the migration lock for a minute: wait until it has finished, "
            "or end it, and try again."
        ) from error
    except psycopg.OperationalError as error:
        raise unreachable(error) from error


@contextmanager
def _locked_transaction(connection: psycopg.Connection) -> Iterator[None]:
    with connection.transaction():
        connection.execute("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'")
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_ADVISORY_LOCK_ID])
        yield


def _apply_next(connection: psycopg.Connection, migrations: list[Migration]) -> str | None:
    with _locked_transaction(connection):
        _create_migrations_table(connection)
        missing, _ = _compare(connection, migrations)
        if not missing:
            return None
        migration = missing[0]
        # Releases before this column ignore it.
        connection.execute(
            "ALTER TABLE easeboard.schema_migrations ADD COLUMN IF NOT EXISTS breaks_before integer"
        )
        connection.execute("SET LOCAL search_path = easeboard")
        _apply(connection, migration)
        connection.execute(
            """
            INSERT INTO easeboard.schema_migrations (version, name, sha256, breaks_before)
            VALUES (%s, %s, %s, %s)
            """,
            [migration.version, migration.name, migration.sha256, migration.breaks_before],
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
    # to_regclass would answer from a cache that is older than the lock.
    cursor = connection.execute(
        """
        SELECT FROM pg_tables WHERE schemaname = 'easeboard' AND tablename = 'schema_migrations'
        """
    )
    return cursor.fetchone() is not None


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


def _compare(
    connection: psycopg.Connection, migrations: list[Migration]
) -> tuple[list[Migration], list[str]]:
    """Return the migrations to be applied, and the names of those of newer programs."""
    rows = connection.execute(
        """
        SELECT version, name, sha256, (to_jsonb(applied) ->> 'breaks_before')::integer
          FROM easeboard.schema_migrations AS applied
         ORDER BY version
        """
    ).fetchall()
    by_version = {migration.version: migration for migration in migrations}
    own_newest = max(by_version, default=0)
    newer: list[str] = []
    for version, name, sha256, breaks_before in rows:
        if version not in by_version:
            _refuse_unless_compatible(version, name, breaks_before, own_newest)
            newer.append(name)
        elif by_version[version].sha256 != sha256:
            raise MigrationRefused(
                f"Migration {name} was edited after it was applied to this database: "
                "undo the edit and put the change into a new file."
            )
    applied = {version for version, *_ in rows}
    return [migration for migration in migrations if migration.version not in applied], newer


def _refuse_unless_compatible(
    version: int, name: str, breaks_before: int | None, own_newest: int
) -> None:
    """Accept a migration of a newer program, unless it states that it breaks this one."""
    if version < own_newest:
        raise MigrationRefused(
            f"The database has migration {name}, which this program does not know although it is "
            f"older than its newest one, {own_newest:04}: it belongs to another program or build."
        )
    if breaks_before is not None and own_newest < breaks_before:
        raise MigrationRefused(
            f"The database has migration {name}, which programs before migration "
            f"{breaks_before:04} cannot use; this one ends with {own_newest:04}: run a newer "
            "easeboard."
        )
