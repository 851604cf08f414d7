"""Statements do not depend on what the server, the database, the role or the client has set."""

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres import pooler_check
from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pools import open_read_pool, open_write_pool
from infrastructure.postgres.session_settings import COMMON_SETTINGS
from infrastructure.projection_engine.versions import connect
from infrastructure.queue.sync_queue import open_sync_queue

pytestmark = pytest.mark.postgres

HOSTILE_SETTINGS = {
    "search_path": "nowhere",
    "timezone": "Asia/Kathmandu",
    "datestyle": "German",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "lock_timeout": "1",
    "statement_timeout": "50",
    "client_encoding": "LATIN1",
    "idle_session_timeout": "300",
    "idle_in_transaction_session_timeout": "1",
}


@pytest.fixture(scope="module")
def hostile_url(debian_postgres_url: str) -> Iterator[str]:
    """The URL of a database for a role with settings that nobody would choose."""
    with psycopg.connect(debian_postgres_url, autocommit=True) as admin:
        admin.execute("CREATE ROLE hostile LOGIN SUPERUSER")
        admin.execute("CREATE DATABASE hostile ENCODING 'UTF8' TEMPLATE template0")
        for name, value in HOSTILE_SETTINGS.items():
            admin.execute(f"ALTER ROLE hostile SET {name} = '{value}'".encode())
    yield make_conninfo(debian_postgres_url, dbname="hostile", user="hostile")
    with psycopg.connect(debian_postgres_url, autocommit=True) as admin:
        admin.execute("DROP DATABASE hostile WITH (FORCE)")
        admin.execute("DROP ROLE hostile")


def test_the_hostile_settings_cover_all_that_sessions_set(hostile_url: str) -> None:
    assert COMMON_SETTINGS.keys() <= HOSTILE_SETTINGS.keys()
    with psycopg.connect(hostile_url, autocommit=True) as connection:
        assert connection.execute("SHOW datestyle").fetchone() == ("German, DMY",)


async def test_sessions_have_our_settings(hostile_url: str) -> None:
    differing = {"search_path", "statement_timeout", "idle_in_transaction_session_timeout"}
    names = [name for name in COMMON_SETTINGS if name not in differing]
    query = "SELECT name, current_setting(name) FROM unnest(%s::text[]) AS given (name)"
    with open_write_pool(hostile_url, size=1) as pool:
        shown: dict[str, str] = dict(execute(pool, query, [names]))
    with connect(hostile_url) as connection:
        assert dict(connection.execute(query, [names])) == shown
    async with (
        open_read_pool(hostile_url, size=1) as read_pool,
        read_pool.connection() as session,
    ):
        assert dict(await (await session.execute(query, [names])).fetchall()) == shown
    async with open_sync_queue(hostile_url) as queue, queue.pool.connection() as session:
        assert dict(await (await session.execute(query, [names])).fetchall()) == shown
    assert shown == {name: COMMON_SETTINGS[name] for name in names}


def test_values_arrive_as_they_were_sent(hostile_url: str) -> None:
    values = ["Zoë 数学 \\ '", b"\x00\\\xff", 0.1 + 0.2, datetime(2026, 3, 4, 5, 6, 7, 8, UTC)]
    with open_write_pool(hostile_url, size=1) as pool, pool.connection() as connection:
        connection.execute("CREATE TEMPORARY TABLE kept (a text, b bytea, c float8, d timestamptz)")
        connection.execute("INSERT INTO kept VALUES (%s, %s, %s, %s)", values)
        row = connection.execute("SELECT * FROM kept").fetchone()
        assert row
        assert list(row) == values
        assert row[3].utcoffset().total_seconds() == 0


@pytest.mark.parametrize("statement", ["SET_MARK", "PROBE"])
def test_timeouts_of_the_role_are_not_taken_for_a_pooler(
    hostile_url: str, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    longer_than_the_timeout = f"{getattr(pooler_check, statement)} FROM pg_sleep(0.1)"
    monkeypatch.setattr(pooler_check, statement, longer_than_the_timeout)
    pooler_check.check_pooler(hostile_url)


def test_a_database_is_migrated_whatever_the_role_has_set(hostile_url: str) -> None:
    assert "0001_event_log" in apply_migrations(hostile_url)


def test_options_of_the_url_take_precedence_over_limits(debian_postgres_url: str) -> None:
    url = debian_postgres_url + "&options=-c%20statement_timeout%3D77s%20--lock_timeout%3D5s"
    with open_write_pool(url, size=1) as pool:
        assert execute(pool, "SHOW statement_timeout") == [("77s",)]
        assert execute(pool, "SHOW lock_timeout") == [("5s",)]


def test_nothing_is_sent_that_poolers_refuse(
    debian_postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGOPTIONS", "-c search_path=nowhere")
    assert "options=''" in build_conninfo(debian_postgres_url, name="test")
    with psycopg.connect(build_conninfo(debian_postgres_url, name="test")) as connection:
        assert connection.execute("SHOW search_path").fetchone() == ('"$user", public',)
