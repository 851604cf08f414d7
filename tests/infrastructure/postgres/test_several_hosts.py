"""DATABASE_URL with several hosts: the primary is used, and after a failover the new one."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from psycopg.conninfo import conninfo_to_dict

from infrastructure.all_migrations import apply_migrations, missing_migrations
from infrastructure.postgres.errors import DatabaseFailure
from infrastructure.postgres.execute import execute
from infrastructure.postgres.pooler_check import check_pooler
from infrastructure.postgres.pools import open_read_pool, open_write_pool
from infrastructure.postgres.write_access import STANDBY, find_write_obstacle
from tests.deadlines import scaled
from tests.infrastructure.postgres.debian_server import (
    Standby,
    postgres15_url,
    running_standby,
)

pytestmark = pytest.mark.postgres


@pytest.fixture
def primary_url() -> Iterator[str]:
    with postgres15_url(wal_level="replica", max_wal_senders="4") as url:
        assert url, "PostgreSQL 15 of Debian is missing: apt-get install postgresql-15"
        yield url


@pytest.fixture
def standby(primary_url: str) -> Iterator[Standby]:
    apply_migrations(primary_url)
    with running_standby(primary_url) as standby:
        yield standby


def _url_of(*hosts: Path | str, **parameters: str) -> str:
    joined = ",".join(quote(str(host), safe="") for host in hosts)
    more = "".join(f"&{name}={value}" for name, value in parameters.items())
    return f"postgresql://postgres@/postgres?host={joined}{more}"


@pytest.mark.parametrize("parameters", [{}, {"target_session_attrs": "read-write"}])
async def test_the_primary_is_used_before_and_after_a_failover(
    primary_url: str, standby: Standby, parameters: dict[str, str]
) -> None:
    primary = str(conninfo_to_dict(primary_url)["host"])
    url = _url_of(standby.folder, primary, **parameters)
    check_pooler(url)
    assert missing_migrations(url) == []
    with open_write_pool(url, size=2) as pool:
        async with open_read_pool(url, size=1) as read_pool:
            execute(pool, "CREATE TABLE written (n integer)")
            _wait(lambda: standby.has_table("written"))
            standby.stop_primary()
            standby.promote()
            _wait(lambda: _insert(pool))
            assert find_write_obstacle(pool) is None
            async with read_pool.connection(timeout=scaled(20)) as connection:
                cursor = await connection.execute("SELECT n FROM written")
                assert await cursor.fetchall() == [(1,)]


def test_a_standby_alone_takes_no_writes_until_it_is_promoted(standby: Standby) -> None:
    with open_write_pool(_url_of(standby.folder), size=2) as pool:
        assert find_write_obstacle(pool) == STANDBY
        with pytest.raises(DatabaseFailure, match="read-only"):
            execute(pool, "CREATE TABLE written (n integer)")
        standby.promote()
        _wait(lambda: find_write_obstacle(pool) is None)
        execute(pool, "CREATE TABLE written (n integer)")


def _insert(pool: object) -> bool:
    try:
        execute(pool, "INSERT INTO written VALUES (1)")  # type: ignore[arg-type]  # the write pool
    except (DatabaseFailure, subprocess.CalledProcessError):
        return False
    return True


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + scaled(30)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
