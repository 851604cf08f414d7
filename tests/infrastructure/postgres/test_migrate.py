"""Each migration is applied once and in order, by any number of processes."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infrastructure.postgres.embedded.embedded_postgres import (
    OWNER_ROLE,
    EmbeddedPostgres,
    create_database,
)
from infrastructure.postgres.errors import PostgresUnavailable
from infrastructure.postgres.migrate import migrate, pending_migrations
from infrastructure.postgres.migration_files import MigrationRefused, load_migrations
from tests.infrastructure.postgres.debian_server import BINARIES_DIRECTORY, postgres15_url
from tests.infrastructure.postgres.schema_catalog import read_schema_catalog

ROOT = Path(__file__).parents[3]
NAMES = [migration.name for migration in load_migrations()]
VERSIONS = [migration.version for migration in load_migrations()]


def fetch_rows(url: str, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_migrations_are_numbered_without_a_gap() -> None:
    assert list(range(1, len(VERSIONS) + 1)) == VERSIONS


@pytest.fixture(scope="module")
def reference_url(embedded_postgres: EmbeddedPostgres) -> str:
    """The URL of a database that was migrated in one step."""
    create_database(embedded_postgres.admin_url, "straight", owner=OWNER_ROLE)
    migrate(embedded_postgres.url_of("straight"))
    return embedded_postgres.url_of("straight")


@pytest.mark.parametrize("version", [0, *VERSIONS])
def test_migrating_from_any_version_gives_the_same_schema(
    reference_url: str, empty_database_url: str, version: int
) -> None:
    earlier = [name for name, number in zip(NAMES, VERSIONS, strict=True) if number <= version]
    assert migrate(empty_database_url, up_to=version) == earlier
    assert pending_migrations(empty_database_url) == NAMES[len(earlier) :]
    migrate(empty_database_url)
    assert pending_migrations(empty_database_url) == []
    assert read_schema_catalog(empty_database_url) == read_schema_catalog(reference_url)


def test_the_schema_catalog_detects_a_difference(
    reference_url: str, empty_database_url: str
) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE INDEX another ON easeboard.schema_migrations (name)")
    assert read_schema_catalog(empty_database_url) != read_schema_catalog(reference_url)


@pytest.mark.postgres
def test_every_migration_applies_on_postgres_15() -> None:
    with postgres15_url() as url:
        assert (url is not None) == BINARIES_DIRECTORY.exists()
        if url is not None:
            assert migrate(url) == NAMES
            assert migrate(url) == []


def test_each_migration_is_applied_once_and_recorded(empty_database_url: str, folder: Path) -> None:
    assert pending_migrations(empty_database_url, directory=folder) == [
        "0001_first",
        "0002_second",
        "0003_third",
    ]
    assert migrate(empty_database_url, directory=folder, up_to=1) == ["0001_first"]
    assert migrate(empty_database_url, directory=folder) == ["0002_second", "0003_third"]
    assert migrate(empty_database_url, directory=folder) == []
    assert fetch_rows(empty_database_url, "SELECT n FROM easeboard.third") == [(2,)]
    assert [
        (version, name, len(sha256))
        for version, name, sha256 in fetch_rows(
            empty_database_url,
            "SELECT version, name, sha256 FROM easeboard.schema_migrations ORDER BY applied_at",
        )
    ] == [(1, "0001_first", 64), (2, "0002_second", 64), (3, "0003_third", 64)]


@pytest.mark.process
def test_eight_concurrent_processes_apply_each_migration_once(
    empty_database_url: str, folder: Path
) -> None:
    start = threading.Barrier(8)

    def run(_: int) -> list[str]:
        start.wait()
        return migrate(empty_database_url, directory=folder)

    with ThreadPoolExecutor(8) as threads:
        applied = [name for names in threads.map(run, range(8)) for name in names]
    assert sorted(applied) == ["0001_first", "0002_second", "0003_third"]
    assert fetch_rows(empty_database_url, "SELECT count(*) FROM easeboard.first") == [(1,)]


def test_a_failing_migration_is_rolled_back_and_earlier_ones_stay(
    empty_database_url: str, folder: Path
) -> None:
    third = folder / "0003_third.sql"
    third.write_text("CREATE TABLE half (n integer); SELECT 1 / 0;")
    with pytest.raises(MigrationRefused, match=r"0003_third failed.*division by zero"):
        migrate(empty_database_url, directory=folder)
    assert pending_migrations(empty_database_url, directory=folder) == ["0003_third"]
    assert fetch_rows(empty_database_url, "SELECT to_regclass('easeboard.half')") == [(None,)]
    third.write_text("CREATE TABLE half (n integer)")
    assert migrate(empty_database_url, directory=folder) == ["0003_third"]


@pytest.mark.process
def test_a_killed_process_leaves_no_partial_migration(
    empty_database_url: str, folder: Path, postgres_url: str
) -> None:
    third = folder / "0003_third.sql"
    third.write_text("CREATE TABLE half (n integer); SELECT pg_sleep(600);")
    code = (
        "import sys, pathlib; from infrastructure.postgres.migrate import migrate; "
        "migrate(sys.argv[1], directory=pathlib.Path(sys.argv[2]))"
    )
    with subprocess.Popen(  # noqa: S603 - this program
        [sys.executable, "-c", code, empty_database_url, folder], cwd=ROOT
    ) as process:
        sleeping_pid = wait_for_sleeping_session(postgres_url)
        os.kill(process.pid, signal.SIGKILL)
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        # The server detects a lost client only when it writes to it.
        admin.execute("SELECT pg_terminate_backend(%s, 10000)", [sleeping_pid])
    assert fetch_rows(empty_database_url, "SELECT to_regclass('easeboard.half')") == [(None,)]
    third.write_text("CREATE TABLE half (n integer)")
    assert migrate(empty_database_url, directory=folder) == ["0003_third"]


def wait_for_sleeping_session(postgres_url: str) -> int:
    with psycopg.connect(postgres_url, autocommit=True) as admin:
        while True:
            row = admin.execute(
                "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
            ).fetchone()
            if row is not None:
                pid: int = row[0]
                return pid


def test_an_edited_migration_is_refused(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, directory=folder)
    (folder / "0002_second.sql").write_text("CREATE TABLE second (n bigint);")
    for command in (migrate, pending_migrations):
        with pytest.raises(MigrationRefused, match="0002_second was edited after it was applied"):
            command(empty_database_url, directory=folder)


def test_windows_line_endings_do_not_count_as_an_edit(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url, directory=folder)
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes().replace(b";", b";\n"))
    expected = load_migrations(folder)
    for file in folder.iterdir():
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert load_migrations(folder) == expected


def test_two_migrations_with_the_same_number_are_refused(
    empty_database_url: str, folder: Path
) -> None:
    (folder / "0003_other.sql").write_text("SELECT 1")
    with pytest.raises(MigrationRefused, match="the same number"):
        migrate(empty_database_url, directory=folder)


def test_a_server_below_the_minimum_version_is_refused(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infrastructure.postgres.migrate.MIN_SERVER_VERSION", 99)
    with pytest.raises(MigrationRefused, match=r"PostgreSQL 18, but easeboard needs 99 or newer"):
        migrate(empty_database_url)


@pytest.fixture
def unprivileged_url(empty_database_url: str, embedded_postgres: EmbeddedPostgres) -> str:
    """The URL of the same database, for a user without any privilege in it."""
    create_database(embedded_postgres.admin_url, "unprivileged", owner="unprivileged")
    return empty_database_url.replace("easeboard@", "unprivileged@")


def test_a_user_without_privileges_is_refused_with_advice(unprivileged_url: str) -> None:
    with pytest.raises(MigrationRefused, match=r"CREATE ON DATABASE.* GRANT easeboard_app TO"):
        migrate(unprivileged_url)


def test_a_user_without_privileges_may_start_when_nothing_is_pending(
    unprivileged_url: str, empty_database_url: str
) -> None:
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("GRANT USAGE ON SCHEMA easeboard TO unprivileged")
        connection.execute("GRANT SELECT ON easeboard.schema_migrations TO unprivileged")
    assert migrate(unprivileged_url) == []
    assert pending_migrations(unprivileged_url) == []


def test_a_standby_is_refused(empty_database_url: str, folder: Path) -> None:
    read_only = empty_database_url + "&options=-cdefault_transaction_read_only%3Don"
    with pytest.raises(MigrationRefused, match="standby"):
        migrate(read_only, directory=folder)


def test_an_unreachable_server_is_reported_without_the_password() -> None:
    for url in (
        "postgresql://u:s3cr3t-canary@127.0.0.1:1/x",
        "postgresql://u:s3cr3t-canary@nowhere.invalid/x",
        "postgresql://u:%zzs3cr3t-canary@db/x",
    ):
        with pytest.raises(PostgresUnavailable) as error:
            migrate(url)
        assert "s3cr3t-canary" not in str(error.value)


def test_extra_steps_run_in_one_process_at_a_time(empty_database_url: str, folder: Path) -> None:
    def step(connection: psycopg.Connection[Any]) -> list[str]:
        if connection.execute("SELECT to_regclass('public.others')").fetchone() != (None,):
            return []
        connection.execute("CREATE TABLE public.others (n integer)")
        return ["others"]

    with ThreadPoolExecutor(4) as threads:
        results = list(
            threads.map(
                lambda _: migrate(empty_database_url, directory=folder, extra_steps=[step]),
                range(4),
            )
        )
    assert sum(names.count("others") for names in results) == 1
