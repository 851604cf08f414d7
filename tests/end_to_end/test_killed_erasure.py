"""An erasure whose process is killed at any point has erased nothing or everything."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.settings.settings import Settings
from tests.dev_tokens import ADA
from tests.end_to_end.conftest import running_service, wait_until
from tests.interfaces.cli.run_cli import run_easeboard, running_easeboard

HELD = {
    "key": "SELECT FROM easeboard.people_keys FOR UPDATE",
    "tokens": "SELECT FROM easeboard.canvas_tokens FOR UPDATE",
    "snapshots": "SELECT FROM easeboard.snapshots FOR UPDATE",
    "append": "LOCK TABLE easeboard.events IN EXCLUSIVE MODE",
}
"""What another transaction holds, so that the erasure waits at this point."""

IS_WAITING = """
SELECT count(*)
  FROM pg_stat_activity
 WHERE datname = current_database()
   AND wait_event_type = 'Lock'
   AND (query LIKE '%easeboard.erase_person%' OR query LIKE '%easeboard.append%')
"""


@contextmanager
def held(url: str, statement: str) -> Iterator[None]:
    with psycopg.connect(url) as connection:
        connection.execute(statement)
        yield
        connection.rollback()


def counts(url: str) -> dict[str, int]:
    """Return what is left of a person."""
    tables = (
        *("people_keys WHERE destroyed_at IS NULL", "canvas_tokens", "snapshots"),
        "events WHERE topic = 'PersonErased'",
    )
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(
                f"SELECT count(*) FROM easeboard.{table}".encode()  # noqa: S608  # of this module
            ).fetchall()[0][0]
            for table in tables
        }


@pytest.fixture
def variables(settings: Settings) -> dict[str, str]:
    assert settings.database_url
    assert settings.canvas_encryption_key
    return {
        "DATABASE_URL": settings.database_url.get_secret_value(),
        "CANVAS_ENCRYPTION_KEY": settings.canvas_encryption_key.get_secret_value(),
    }


@pytest.fixture
async def connected(settings: Settings, sandbox: Sandbox, database_url: str) -> None:
    """Ada has an account that was read, and a snapshot; no process runs any more."""
    async with running_service(settings) as (_, ada):
        await ada.connect(sandbox)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "INSERT INTO easeboard.snapshots (stream, version, topic, person_id, state)"
            " VALUES (gen_random_uuid(), 1, 'Sync', %s, '')",
            [ADA],
        )


@pytest.mark.parametrize("point", HELD)
@pytest.mark.usefixtures("connected")
async def test_a_killed_erasure_has_erased_nothing(
    database_url: str, variables: dict[str, str], tmp_path: Path, point: str
) -> None:
    before = await asyncio.to_thread(counts, database_url)
    arguments = ("erase", "--user", str(ADA), "--json")

    async def is_waiting() -> bool:
        return await asyncio.to_thread(_is_waiting, database_url)

    with (
        held(database_url, HELD[point]),
        running_easeboard(tmp_path, *arguments, log=None, **variables) as process,
    ):
        await wait_until(is_waiting)
        process.kill()
        process.wait()
    await wait_until(lambda: _are_equal(database_url, before))
    done = await asyncio.to_thread(run_easeboard, tmp_path, *arguments, **variables)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["erased"]
    after = await asyncio.to_thread(counts, database_url)
    assert list(after.values()) == [0, 0, 0, 1]


def _is_waiting(url: str) -> bool:
    with psycopg.connect(url) as connection:
        [(count,)] = connection.execute(IS_WAITING).fetchall()
    return bool(count)


async def _are_equal(url: str, before: dict[str, int]) -> bool:
    return await asyncio.to_thread(counts, url) == before
