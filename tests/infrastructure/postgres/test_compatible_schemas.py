"""A program uses the schemas of older and newer releases, unless a migration states otherwise."""

from pathlib import Path

import psycopg
import pytest

from infrastructure.postgres.migrate import migrate, pending_migrations, read_schema_state
from infrastructure.postgres.migration_files import MigrationRefused


def test_a_schema_of_a_newer_program_is_used(empty_database_url: str, folder: Path) -> None:
    migrate(empty_database_url, directory=folder)
    (folder / "0003_third.sql").unlink()
    assert migrate(empty_database_url, directory=folder) == []
    state = read_schema_state(empty_database_url, directory=folder)
    assert state == ([], [], ["0003_third"])


@pytest.mark.parametrize(("breaks_before", "is_usable"), [(1, True), (2, True), (3, False)])
def test_a_migration_states_which_programs_it_breaks(
    empty_database_url: str, folder: Path, breaks_before: int, *, is_usable: bool
) -> None:
    (folder / "0003_third.sql").write_text(
        f"-- breaks programs before: {breaks_before:04}\nCREATE TABLE third (n integer);"
    )
    migrate(empty_database_url, directory=folder)
    (folder / "0003_third.sql").unlink()
    for command in (migrate, pending_migrations):
        if is_usable:
            assert command(empty_database_url, directory=folder) == []
            continue
        with pytest.raises(MigrationRefused, match=r"0003_third.*before migration 0003.*0002"):
            command(empty_database_url, directory=folder)


def test_a_migration_states_that_this_program_starts_without_it(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url, directory=folder, up_to=1)
    (folder / "0003_third.sql").write_text(
        "-- Explains itself.\n-- needed at start: no\nCREATE TABLE third (n integer);"
    )
    state = read_schema_state(empty_database_url, directory=folder)
    assert (state.missing, state.required) == (["0002_second", "0003_third"], ["0002_second"])


def test_a_list_of_migrations_of_an_earlier_release_is_extended(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url, directory=folder, up_to=2)
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("ALTER TABLE easeboard.schema_migrations DROP COLUMN breaks_before")
    assert pending_migrations(empty_database_url, directory=folder) == ["0003_third"]
    assert migrate(empty_database_url, directory=folder) == ["0003_third"]


def test_an_unknown_migration_between_known_ones_is_of_another_program(
    empty_database_url: str, folder: Path
) -> None:
    migrate(empty_database_url, directory=folder)
    (folder / "0002_second.sql").unlink()
    for command in (migrate, pending_migrations):
        with pytest.raises(MigrationRefused, match=r"0002_second.*another program"):
            command(empty_database_url, directory=folder)
