"""`easeboard projections`: what an operator does when an event cannot be applied, and why."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest

from domain.connection import Connection
from domain.events import ReadModelVerified
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.pools import open_write_pool
from infrastructure.settings.settings import read_settings
from interfaces.composition.bootstrap import bootstrap
from tests.infrastructure.event_store.aggregate_histories import new_connection
from tests.infrastructure.projection_engine.damaged_log import NEWER_FORM, write_state
from tests.infrastructure.projection_engine.wait_for_projections import wait_until_all_at
from tests.interfaces.cli.run_cli import run_easeboard

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"
PERSON = UUID("00000000-0000-4000-8000-00000000ada1")
SELECT_STATE = "SELECT state FROM easeboard.events WHERE position = %s"


class Installation:
    """A database with one connection, whose token is rotated at position 2, and its commands."""

    def __init__(self, home: Path, url: str, connection: psycopg.Connection[Any]) -> None:
        self._home, self.url, self.connection = home, url, connection
        self._variables = {"DATABASE_URL": url, "CANVAS_ENCRYPTION_KEY": MASTER_KEY}

    def projections(self, *arguments: str, code: int = 0) -> str:
        """Run a command; return what it prints."""
        result = run_easeboard(self._home, "projections", *arguments, **self._variables)
        assert result.returncode == code, result.stderr
        return result.stdout + result.stderr

    def items(self, *arguments: str, code: int = 0) -> list[dict[str, Any]]:
        """Run a command with --json; return its items."""
        printed = self.projections(*arguments, "--json", code=code)
        # Log messages can follow, on standard error.
        items: list[dict[str, Any]] = json.loads(printed.splitlines()[0])["items"]
        return items

    def model(self, name: str) -> dict[str, Any]:
        """Return what `list` prints of a read model."""
        return next(item for item in self.items("list") if item["name"] == name)

    def open_connection(self) -> None:
        """Append two events."""
        asyncio.run(self._append_or_catch_up("append"))

    def rotate_token(self) -> None:
        """Append one event."""
        asyncio.run(self._append_or_catch_up("rotate"))

    def catch_up(self) -> None:
        """Let a projector apply what there is."""
        asyncio.run(self._append_or_catch_up("catch up"))

    def fingerprints(self) -> list[str]:
        """Return the fingerprint of the token that each connection shows."""
        rows = self.connection.execute(
            "SELECT convert_from(document, 'UTF8')::json ->> 'token_fingerprint'"
            " FROM read.connections"
        )
        return [fingerprint for (fingerprint,) in rows.fetchall()]

    async def _append_or_catch_up(self, what: str) -> None:
        settings = read_settings(
            _env_file=None, database_url=self.url, canvas_encryption_key=MASTER_KEY
        )
        async with bootstrap(settings) as process:
            if what == "catch up":
                with process.projection_daemon:
                    await asyncio.to_thread(self._wait_until_caught_up)
                return
            connection = new_connection(PERSON)
            if what == "append":
                await process.store.save(connection)
            connection = await process.store.load(Connection, connection.id)
            connection.rotate_token("42", f"{uuid4().int & 0xFFFFFFFF:08x}")
            await process.store.save(connection)

    def _wait_until_caught_up(self) -> None:
        rows = self.connection.execute("SELECT max(position) FROM easeboard.events").fetchall()
        wait_until_all_at(self.connection, rows[0][0])


@pytest.fixture
def installation(empty_home: Path, database_url: str) -> Iterator[Installation]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        installation = Installation(empty_home, database_url, connection)
        installation.open_connection()
        yield installation


@pytest.fixture
def original(installation: Installation) -> bytes:
    """The state of the event at position 2, which is damaged and set aside; the next one waits."""
    rows = installation.connection.execute(SELECT_STATE, [2]).fetchall()
    write_state(installation.connection, 2, NEWER_FORM)
    installation.connection.execute("SELECT 1")
    return bytes(rows[0][0])


def recorded(installation: Installation) -> list[tuple[str, str]]:
    return installation.connection.execute(
        "SELECT topic, actor FROM easeboard.events WHERE topic LIKE 'DeadLetter%' ORDER BY position"
    ).fetchall()


def verdicts(installation: Installation) -> list[tuple[str, str]]:
    """Return the result and the actor of each comparison in the event log."""
    actors = installation.connection.execute(
        "SELECT actor FROM easeboard.events WHERE topic = 'ReadModelVerified' ORDER BY position"
    ).fetchall()
    with open_write_pool(installation.url, size=1) as pool:
        page = LogReader(pool, Mapper(None)).read(0, 1_000, ["ReadModelVerified"], 100)
    results = [
        each.event.result for each in page.events if isinstance(each.event, ReadModelVerified)
    ]
    return [(result, actor) for result, (actor,) in zip(results, actors, strict=True)]


def test_a_damaged_event_is_listed_retried_and_recorded(
    installation: Installation, original: bytes
) -> None:
    installation.catch_up()
    assert "EventUnreadable" in installation.model("connections")["error"]
    assert "connections: 1 set aside, the first: EventUnreadable" in installation.projections(
        "list"
    )
    (letter,) = installation.items("dead-letters", "connections")
    kept = installation.items("dead-letters", "--retry", letter["id"], code=1)
    assert {each["result"] for each in kept} == {"kept"}
    assert {each["projection"] for each in kept} == {"connections", "dashboard_stats", "sync_log"}
    write_state(installation.connection, 2, original)
    assert "has applied" in installation.projections("dead-letters", "--retry", "all")
    assert installation.items("dead-letters") == []
    assert "no dead letters" in installation.projections("dead-letters", "--retry", "all")
    topics = recorded(installation)
    assert len(topics) == 6
    assert {topic for topic, _ in topics} == {"DeadLetterRetried"}
    assert all(actor.startswith("cli:") for _, actor in topics)
    assert all(item["result"] == "ok" for item in installation.items("verify"))


def test_a_damaged_event_is_skipped_in_one_read_model(
    installation: Installation, original: bytes
) -> None:
    assert original
    installation.catch_up()
    (letter,) = installation.items("dead-letters", "connections")
    printed = installation.projections("dead-letters", "connections", "--skip", letter["id"])
    assert f"leaves {letter['id']} out" in printed
    assert [topic for topic, _ in recorded(installation)] == ["DeadLetterSkipped"]
    assert len(installation.items("dead-letters")) == 2
    assert installation.fingerprints() == ["c0ffee00"]
    printed = installation.projections(
        "dead-letters", "connections", "--skip", letter["id"], code=1
    )
    assert "There is no dead letter" in printed
    installation.projections("dead-letters", "--retry", "cheese", code=2)
    installation.projections("dead-letters", "cheese", code=1)


def test_a_difference_makes_verify_fail_until_the_rebuild(installation: Installation) -> None:
    installation.catch_up()
    assert installation.model("connections")["verified"] is None
    printed = installation.projections("verify", "connections")
    assert "is what the event log gives" in printed
    assert "rows: closed_connections 0, connections 1, gone 0" in printed
    ((result, actor),) = verdicts(installation)
    assert (result, actor.split(":")[0]) == ("ok", "cli")
    installation.connection.execute("DELETE FROM connections_v1.connections")
    printed = installation.projections("verify", "connections", code=1)
    assert f"connections: 1 rows are missing, 0 are not in the log; people: {PERSON}" in printed
    (item,) = installation.items("verify", "connections", code=1)
    assert item["result"] == "different"
    assert installation.model("connections")["verified"]["result"] == "different"
    installation.catch_up()
    installation.projections("rebuild", "connections")
    assert installation.items("verify", "connections")[0]["result"] == "ok"
    # The rebuild compares too, before its cut-over.
    results = [result for result, _ in verdicts(installation)]
    assert results == ["ok", "different", "different", "different", "ok"]
    installation.projections("verify", "--sample", "5")
    assert "version 1 is live now" in installation.projections("rollback", "connections")
    assert installation.items("verify", "connections", code=1)[0]["version"] == 1


def test_a_paused_read_model_stands_still_until_it_is_resumed(installation: Installation) -> None:
    installation.catch_up()
    before = installation.fingerprints()
    installation.projections("pause", "connections")
    assert installation.model("connections")["state"] == "paused"
    installation.rotate_token()
    installation.projections("rebuild", "courses")
    assert installation.fingerprints() == before
    assert installation.model("connections")["lag_events"] == 1
    installation.projections("resume", "connections")
    installation.catch_up()
    assert installation.fingerprints() != before
    for command in ("pause", "resume", "rollback", "verify"):
        assert "There is no read model cheese" in installation.projections(
            command, "cheese", code=1
        )
    assert "no earlier version" in installation.projections("rollback", "grades", code=1)
