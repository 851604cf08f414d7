"""`easeboard serve` as a process with few files, with strangers, and behind a proxy."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import aiohttp
import psycopg

from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from tests.deadlines import scaled
from tests.dev_tokens import SECRET
from tests.interfaces.cli.run_cli import (
    COMMAND_TIMEOUT_SECONDS,
    environment,
    run_easeboard,
    running_easeboard,
    stop,
    wait_for_log,
)
from tests.interfaces.http.server.raw_connection import LIVE, connect

FILE_LIMIT = 700
ATTACKERS = 900
WITH_FILE_LIMIT = """
import os, resource, sys
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
os.execv(sys.executable, [sys.executable, "-m", "interfaces.cli", *sys.argv[2:]])
"""


def limited_command(limit: int, *arguments: str) -> list[str]:
    return [sys.executable, "-c", WITH_FILE_LIMIT, str(limit), *arguments]


@contextmanager
def limited_service(home: Path, log: Path) -> Iterator[str]:
    """Run the service with few files, and yield its URL."""
    command = limited_command(FILE_LIMIT, "serve", "--port", "0")
    with (
        log.open("a") as errors,
        subprocess.Popen(  # noqa: S603  # our own command
            command,
            env=environment(home, SUPABASE_JWT_SECRET=SECRET),
            cwd=home,
            stdout=errors,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield wait_for_log(log, "serving")["url"]
        finally:
            assert stop(process) == 0


async def slowest_health_check(url: str, seconds: float) -> float:
    """Send health checks on new connections; return the seconds of the slowest."""
    slowest, until = 0.0, time.monotonic() + seconds
    while time.monotonic() < until:
        started = time.perf_counter()
        async with aiohttp.ClientSession() as session:
            for path in ("/health/live", "/health/ready"):
                async with session.get(url + path) as response:
                    assert response.status == 200
        slowest = max(slowest, time.perf_counter() - started)
        await asyncio.sleep(0.1)
    return slowest


async def test_idle_connections_keep_out_no_one(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with limited_service(home, log) as url:
        async with AsyncExitStack() as stack:
            for number in range(ATTACKERS):
                connection = await stack.enter_async_context(connect(url))
                if number % 2:
                    connection.writer.write(LIVE)
            assert await slowest_health_check(url, 2.0) < scaled(1.0)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [line for line in lines if line["level"] in {"warning", "error"}] == []


def test_a_file_limit_that_is_too_low_is_refused(home: Path) -> None:
    result = subprocess.run(  # noqa: S603  # our own command
        limited_command(300, "serve", "--port", "0"),
        env=environment(home),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_SECONDS,
        check=False,
    )
    assert result.returncode == 1
    assert "may open 300 files" in result.stderr
    assert "ulimit -n" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_host_name_that_is_not_known_is_refused(home: Path) -> None:
    result = run_easeboard(home, "serve", "--host", "nowhere.invalid")
    assert result.returncode == 1
    assert "--host" in result.stderr


async def test_a_proxy_that_is_not_named_is_recorded_for_doctor(home: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    variables = {"SUPABASE_JWT_SECRET": SECRET, "TRUSTED_PROXIES": "10.0.0.0/8"}
    with running_easeboard(home, "serve", "--port", "0", log=log, **variables):
        url = await asyncio.to_thread(lambda: wait_for_log(log, "serving")["url"])
        headers = {"X-Forwarded-For": "198.51.100.7"}
        async with aiohttp.ClientSession(headers=headers) as session:
            for _ in range(25):
                async with session.get(url + "/api/v1/canvas/courses") as response:
                    assert response.status == 401
        line = await asyncio.to_thread(wait_for_log, log, "untrusted_proxy")
        assert line["address"] == "127.0.0.1"
        assert await asyncio.to_thread(recorded_warnings, home) == [
            ("untrusted_proxy", line["advice"])
        ]
    assert "TRUSTED_PROXIES" in line["advice"]


def recorded_warnings(home: Path) -> list[tuple[str, str]]:
    """Return code and text of the warnings in the database of a home."""
    with EmbeddedPostgres(home) as server, psycopg.connect(server.url) as connection:
        return connection.execute("SELECT code, detail FROM easeboard.process_warnings").fetchall()
