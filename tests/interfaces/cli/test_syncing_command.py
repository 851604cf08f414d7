import json
from pathlib import Path

import psycopg

from tests.interfaces.cli.run_cli import run_easeboard


def test_syncing_is_shown_and_turned_off_and_on(home: Path, database_url: str) -> None:
    def syncing(*arguments: str) -> dict[str, bool]:
        result = run_easeboard(home, "syncing", *arguments, "--json", DATABASE_URL=database_url)
        assert result.returncode == 0, result.stderr
        state: dict[str, bool] = json.loads(result.stdout)
        return state

    on, off = {"syncing": True, "is_copy": False}, {"syncing": False, "is_copy": False}
    assert syncing() == on
    assert syncing("off") == off
    assert syncing("show") == off
    assert syncing("on") == on
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE easeboard.syncing SET database = 'another'")
    assert syncing() == {"syncing": False, "is_copy": True}
    assert syncing("on") == on


def test_the_command_that_ends_it_is_named(home: Path, database_url: str) -> None:
    result = run_easeboard(home, "syncing", "off", DATABASE_URL=database_url)
    assert "easeboard syncing on" in result.stdout


def test_a_database_that_is_not_migrated_is_refused(home: Path, empty_database_url: str) -> None:
    result = run_easeboard(home, "syncing", "on", DATABASE_URL=empty_database_url)
    assert result.returncode == 1
    assert "easeboard migrate" in result.stderr
