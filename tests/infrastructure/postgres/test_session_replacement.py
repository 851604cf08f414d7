"""A session that took no write for a short time is checked, and replaced if it takes none."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg_pool import AsyncConnectionPool

from infrastructure.postgres.lease import Lease
from infrastructure.postgres.session_replacement import check_session, note_write

MODULE = "infrastructure.postgres.session_replacement"


class CountingConnection(psycopg.AsyncConnection[Any]):
    """A connection that counts its checks."""

    checks = 0

    async def execute(self, query: Any, *arguments: Any, **options: Any) -> Any:
        """Execute a statement."""
        self.checks += query == "SHOW transaction_read_only"
        return await super().execute(query, *arguments, **options)


Pool = AsyncConnectionPool[CountingConnection]


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async def check(connection: CountingConnection) -> None:
        await check_session(sessions, connection)

    sessions = AsyncConnectionPool[CountingConnection](
        database_url,
        connection_class=CountingConnection,
        kwargs={"autocommit": True},
        min_size=1,
        max_size=1,
        open=False,
        check=check,
    )
    async with sessions:
        yield sessions


async def _session(pool: Pool) -> tuple[int, int]:
    """Return the process of a session at the server, and how often it was checked."""
    async with pool.connection() as connection:
        return connection.info.backend_pid, connection.checks


async def test_a_session_is_checked_once_in_a_while(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = [(await _session(pool))[1] for _ in range(3)]
    assert checks == [1, 1, 1]
    monkeypatch.setattr(f"{MODULE}.SESSION_CHECK_SECONDS", 0)
    assert (await _session(pool))[1] == 2


async def test_a_write_is_as_good_as_a_check(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([1000.0, 1000.0, 1005.0, 1008.0, 1012.0, 1012.0])
    monkeypatch.setattr(f"{MODULE}.monotonic", lambda: next(seconds))
    async with pool.connection() as connection:
        note_write(connection)
    assert (await _session(pool))[1] == 1, "3 s after the write, and 8 s after the check"
    assert (await _session(pool))[1] == 2, "7 s after the write"


async def test_a_renewed_lease_is_a_write(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    noted: list[object] = []
    monkeypatch.setattr("infrastructure.postgres.lease.note_write", noted.append)
    assert await Lease("a", "me", pool).renew()
    assert len(noted) == 1


async def test_a_read_only_session_is_replaced(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{MODULE}.SESSION_CHECK_SECONDS", 0)
    async with pool.connection() as connection:
        await connection.execute("SET default_transaction_read_only = on")
        first = connection.info.backend_pid
    assert (await _session(pool))[0] == first, "this use finds it"
    assert (await _session(pool))[0] != first
