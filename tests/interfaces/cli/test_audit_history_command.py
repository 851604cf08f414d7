"""`easeboard audit history` prints the events of a connection in the order of the log."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from domain.connection import Connection
from domain.sync import Sync
from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from tests.infrastructure.event_store.aggregate_histories import (
    new_connection,
    requested_sync,
    start_and_record_course,
)
from tests.interfaces.cli.run_cli import run_easeboard

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"
PERSON = UUID("00000000-0000-4000-8000-00000000ada1")
CONNECTION = str(new_connection(PERSON).id)


@pytest.fixture
def variables(database_url: str) -> dict[str, str]:
    """The environment of a database with a history: setup (1, 2), a run (3 to 6), a token (7).

    While the run was recorded, the clock was an hour ahead.
    """

    async def append() -> None:
        settings = read_settings(
            _env_file=None, database_url=database_url, canvas_encryption_key=MASTER_KEY
        )
        async with bootstrap(settings) as process:
            store, sync = process.store, requested_sync(PERSON)
            await store.save(new_connection(PERSON), sync)
            await store.save(start_and_record_course(await store.load(Sync, sync.id)))
            connection = await store.load(Connection, UUID(CONNECTION))
            connection.rotate_token("42", "c0ffee01")
            await store.save(connection)

    asyncio.run(append())
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE easeboard.events DISABLE TRIGGER events_are_history")
        connection.execute(
            "UPDATE easeboard.events SET recorded_at = timestamptz '2026-09-01T12:00:00Z'"
            " + position * interval '1 s'"
            " + CASE WHEN position BETWEEN 3 AND 6 THEN interval '1 h' ELSE interval '0' END"
        )
    return {"DATABASE_URL": database_url, "CANVAS_ENCRYPTION_KEY": MASTER_KEY}


def positions(home: Path, variables: dict[str, str], *options: str) -> list[int]:
    command = ["audit", "history", CONNECTION, "--json", "--purpose=test", *options]
    result = run_easeboard(home, *command, **variables)
    assert result.returncode == 0, result.stderr
    items: list[dict[str, Any]] = json.loads(result.stdout)["items"]
    return [item["position"] for item in items if item["type"] != "HistoryRead"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], [1, 2, 3, 4, 5, 6, 7]),
        (["--sort", "-position", "--limit", "4"], [7, 6, 5, 4]),
        (["--after-position", "4"], [5, 6, 7]),
        (["--after-position", "2", "--limit", "2"], [3, 4]),
        (["--type", "SyncRequested", "--type", "TokenRotated"], [2, 7]),
        (["--version", "2", "--after-position", "5"], [6, 7]),
        (["--version", "1", "--sort=-position"], [1]),
        (["--as-of", "2026-09-01T12:00:07Z"], [1, 2, 3, 4, 5, 6, 7]),
        (["--as-of", "2026-09-01T12:00:02Z"], [1, 2]),
        (["--until", "2026-09-01T12:00:07Z"], [1, 2]),
        (["--since", "2026-09-01T12:00:05Z"], [3, 4, 5, 6, 7]),
        (["--since", "2026-09-01T12:00:05Z", "--as-of", "2026-09-01T12:30:00Z"], [3, 4, 5, 6, 7]),
    ],
    ids=lambda value: " ".join(value) if value and isinstance(value[0], str) else "",
)
def test_events_are_selected_in_the_order_of_the_log(
    empty_home: Path, variables: dict[str, str], options: list[str], expected: list[int]
) -> None:
    assert positions(empty_home, variables, *options) == expected


def test_the_options_of_a_read_are_recorded(empty_home: Path, variables: dict[str, str]) -> None:
    options = ["--type", "HistoryRead", "--since", "2026-09-01", "--sort=-position"]
    command = ["audit", "history", CONNECTION, "--json", "--purpose", "a complaint", *options]
    for _ in range(2):
        result = run_easeboard(empty_home, *command, **variables)
    [read] = json.loads(result.stdout)["items"]
    assert read["payload"]["what"] == (
        "history types=HistoryRead since=2026-09-01T00:00:00Z sort=-position"
    )
    assert read["payload"]["purpose"] == "a complaint"
    assert read["stream"] == "readings"


def test_an_event_type_that_does_not_exist_is_a_usage_error(empty_home: Path) -> None:
    result = run_easeboard(
        empty_home, "audit", "history", CONNECTION, "--type", "Nonsense", "--purpose=test"
    )
    assert result.returncode == 2
    assert "ConnectionOpened" in result.stderr
