"""One server is shared by several processes, any of which may be killed at any time."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import psycopg
import pytest

from infrastructure.postgres.embedded import postmaster
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.errors import PostgresUnavailable
from tests.deadlines import scaled

pytestmark = pytest.mark.process

ROOT = Path(__file__).parents[4]
Process = subprocess.Popen[str]
Spawn = Callable[[Path], Process]


@pytest.fixture
def spawn() -> Iterator[Spawn]:
    with ExitStack() as processes:

        def start(home: Path) -> Process:
            return processes.enter_context(
                subprocess.Popen(  # noqa: S603 - this program
                    [
                        sys.executable,
                        "-m",
                        "tests.infrastructure.postgres.embedded.server_sharer",
                        home,
                    ],
                    cwd=ROOT,
                    text=True,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                )
            )

        yield start


def read_url(process: Process) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def close_and_wait(process: Process) -> None:
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait() == 0


def query_value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return row[0]


def wait_until(condition: Callable[[], bool], *, seconds: float = 20) -> None:
    deadline = time.monotonic() + scaled(seconds)
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def create_table(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE saved AS SELECT 42 AS value")


def server_of(home: Path) -> postmaster.Postmaster:
    server = postmaster.find(home / "postgres")
    assert server is not None
    return server


def test_data_survives_a_clean_stop_and_start(home: Path) -> None:
    with EmbeddedPostgres(home) as server:
        create_table(server.url)
    assert not postmaster.is_running(home / "postgres")
    assert "database system is shut down" in (home / "postgres/server.log").read_text()
    with EmbeddedPostgres(home) as server:
        assert query_value(server.url, "SELECT value FROM saved") == 42
    log = (home / "postgres/server.log").read_text()
    assert "was interrupted" not in log
    assert "not properly shut down" not in log


def test_the_server_is_durable_private_and_supports_unicode(home: Path) -> None:
    os.environ["EASEBOARD_TEST_SECRET"] = "x"
    try:
        with EmbeddedPostgres(home) as server:
            for name in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
                assert query_value(server.url, f"SELECT current_setting('{name}')") == "on"
            assert query_value(server.url, "SELECT current_setting('listen_addresses')") == ""
            assert (
                query_value(server.url, "SELECT current_user || current_database()")
                == "easeboard" * 2
            )
            assert (
                query_value(server.url, "SELECT usesuper FROM pg_user WHERE usename = user")
                is False
            )
            assert query_value(
                server.admin_url, "SELECT usesuper FROM pg_user WHERE usename = user"
            )
            assert query_value(server.url, "SELECT current_setting('search_path')") == "public"
            assert query_value(server.url, "SELECT 'ÜBUNG' ILIKE 'übung'") is True
            assert (home / "postgres").stat().st_mode & 0o077 == 0
            assert psutil.Process(server_of(home).pid).environ().keys() <= {
                *("PATH", "LC_ALL", "TZ"),
                *("PGLOCALEDIR", "PGSYSCONFDIR"),
            }
    finally:
        del os.environ["EASEBOARD_TEST_SECRET"]


def test_starting_and_stopping_twice_is_harmless_and_there_is_no_url_when_stopped(
    home: Path,
) -> None:
    server = EmbeddedPostgres(home)
    for _ in range(2):
        server.start()
        url = server.url
        server.start()
        assert query_value(url, "SELECT 1") == 1
        server.stop()
        server.stop()
        assert not postmaster.is_running(home / "postgres")
    with pytest.raises(PostgresUnavailable, match="not started"):
        _ = server.url


def test_only_the_last_process_stops_the_server(home: Path, spawn: Spawn) -> None:
    first, second = spawn(home), spawn(home)
    urls = {read_url(first), read_url(second)}
    pid = server_of(home).pid
    assert len(urls) == 1
    close_and_wait(first)
    with EmbeddedPostgres(home) as third:
        assert third.url in urls
        assert server_of(home).pid == pid
    assert query_value(urls.pop(), "SELECT 1") == 1
    close_and_wait(second)
    assert not postmaster.is_running(home / "postgres")


def test_a_server_left_by_a_killed_process_is_adopted_and_stopped(home: Path, spawn: Spawn) -> None:
    killed = spawn(home)
    url = read_url(killed)
    create_table(url)
    killed.kill()
    killed.wait()
    orphan = server_of(home).pid
    assert query_value(url, "SELECT value FROM saved") == 42
    with EmbeddedPostgres(home) as server:
        assert server_of(home).pid == orphan
        assert query_value(server.url, "SELECT value FROM saved") == 42
    assert not postmaster.is_running(home / "postgres")


def test_a_killed_process_does_not_keep_the_server_running(home: Path, spawn: Spawn) -> None:
    killed = spawn(home)
    read_url(killed)
    with EmbeddedPostgres(home):
        killed.kill()
        killed.wait()
    assert not postmaster.is_running(home / "postgres")


def test_a_killed_server_is_restarted_at_the_same_address_with_its_data(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedPostgres(home) as server, caplog.at_level(logging.WARNING):
        create_table(server.url)
        url, pid = server.url, server_of(home).pid
        os.kill(pid, signal.SIGKILL)
        wait_until(
            lambda: postmaster.find(home / "postgres") is not None and server_of(home).pid != pid
        )
        assert query_value(url, "SELECT value FROM saved") == 42
        assert server.url == url
    assert "stopped unexpectedly" in caplog.text
    assert not postmaster.is_running(home / "postgres")


def test_the_server_starts_after_server_and_process_were_killed(home: Path, spawn: Spawn) -> None:
    killed = spawn(home)
    create_table(read_url(killed))
    killed.kill()
    os.kill(server_of(home).pid, signal.SIGKILL)
    killed.wait()
    with EmbeddedPostgres(home) as server:
        assert query_value(server.url, "SELECT value FROM saved") == 42


def test_a_removed_data_directory_is_not_silently_recreated(
    home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedPostgres(home) as server, caplog.at_level(logging.WARNING):
        pid = server_of(home).pid
        (home / "postgres").rename(home / "moved")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: "was removed" in caplog.text)
        assert not (home / "postgres").exists()
        del server


def test_concurrently_started_processes_share_one_server(bare_home: Path, spawn: Spawn) -> None:
    processes = [spawn(bare_home) for _ in range(4)]
    assert len({read_url(process) for process in processes}) == 1
    for process in processes:
        close_and_wait(process)
    assert not postmaster.is_running(bare_home / "postgres")


def test_a_server_in_use_is_never_stopped(home: Path) -> None:
    def use(_: int) -> object:
        with EmbeddedPostgres(home) as server:
            return query_value(server.url, "SELECT 1")

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(use, range(24))) == [1] * 24
    assert not postmaster.is_running(home / "postgres")


def test_an_incomplete_cluster_is_created_again(bare_home: Path) -> None:
    (bare_home / "postgres.new").mkdir()
    (bare_home / "postgres.new/PG_VERSION").write_text("18\n")
    (bare_home / "postgres").mkdir()
    with EmbeddedPostgres(bare_home) as server:
        assert query_value(server.url, "SELECT 1") == 1


@pytest.mark.parametrize("owner", ["this process", "another server"])
def test_a_reused_process_id_is_not_mistaken_for_the_server(
    home: Path, embedded_postgres: EmbeddedPostgres, owner: str
) -> None:
    with EmbeddedPostgres(home):
        lines = (home / "postgres/postmaster.pid").read_text().splitlines()
    other = server_of(embedded_postgres.home).pid
    lines[0] = str(os.getpid() if owner == "this process" else other)
    (home / "postgres/postmaster.pid").write_text("\n".join(lines) + "\n")
    with EmbeddedPostgres(home) as server:
        assert query_value(server.url, "SELECT 1") == 1
    assert server_of(embedded_postgres.home).pid == other


@pytest.mark.parametrize("name", ["x" * 120, "a b's, dö", "a b's dö"])
def test_the_home_may_have_any_name(bare_home: Path, name: str) -> None:
    server = EmbeddedPostgres(bare_home / name)
    with server:
        assert query_value(server.url, "SELECT 1") == 1
        folder = Path(server_of(bare_home / name).socket_directory)
        assert folder.stat().st_mode & 0o077 == 0
    if folder != server.data:
        folder.rmdir()


def test_a_failed_start_reports_the_reason(home: Path) -> None:
    with (
        pytest.raises(PostgresUnavailable, match=r"invalid value for parameter .*work_mem"),
        EmbeddedPostgres(home, settings={"work_mem": "none"}),
    ):
        pass
    with EmbeddedPostgres(home) as server:
        assert query_value(server.url, "SELECT 1") == 1
