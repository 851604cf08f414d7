"""Executes the commands of the runbook's sections "Backup" and "Restore"."""

import asyncio
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from infrastructure.postgres.embedded.binaries import find_binaries
from infrastructure.postgres.embedded.os_account import find_server_account
from interfaces.cli.demo.http_client import ApiClient
from tests.interfaces.cli.demo_student import (
    api_client,
    connect,
    is_finished,
    running_canvas,
    wait_for_sync,
)
from tests.interfaces.cli.run_cli import (
    COMMAND_TIMEOUT_SECONDS,
    environment,
    running_easeboard,
    stop,
    wait_for_log,
)

RUNBOOK = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
KEY = "hex:" + secrets.token_hex(32)
CLOCK_DEPENDENT_FIELDS = ("status", "locked")
"""Fields of an assignment that change with the time although no event is recorded."""


def runbook_commands(heading: str) -> list[str]:
    """The commands below a heading of the runbook, except the one that runs the service."""
    [block] = re.findall(rf"^## {heading}\n.*?^```sh\n(.*?)^```", RUNBOOK, re.MULTILINE | re.DOTALL)
    return [line for line in block.splitlines() if line != "easeboard serve"]


def exclude_read_models_options() -> str:
    [options] = re.findall(r"left out, with `(.*?)`", RUNBOOK)
    return str(options)


def run_in_shell(lines: list[str], home: Path, directory: Path, **variables: str) -> None:
    """Execute each line in a shell that finds `easeboard` and the programs of PostgreSQL."""
    (directory / "easeboard").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -m interfaces.cli "$@"\n'
    )
    (directory / "easeboard").chmod(0o700)
    path = os.pathsep.join(
        [str(directory), str(find_binaries(home, find_server_account())), os.environ["PATH"]]
    )
    for line in lines:
        result = subprocess.run(  # noqa: S602  # commands of our own runbook
            line,
            shell=True,
            cwd=directory,
            env=environment(home, **variables) | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        assert result.returncode == 0, f"{line}\n{result.stderr}"


async def read_everything(student: ApiClient) -> list[Any]:
    """The data of the read models without the fields that depend on the clock."""
    data = await student.get("/api/v1/canvas/data")
    for assignment in data["assignments"]:
        for field in CLOCK_DEPENDENT_FIELDS:
            del assignment[field]
    overview = (await student.get("/api/v1/dashboard/stats"))["courses_at_a_glance"]
    history = await student.items("/api/v1/canvas/grades/history")
    return [data, overview, history, await student.items("/api/v1/sync/logs")]


@pytest.mark.parametrize(
    "excluded_options", ["", exclude_read_models_options()], ids=["whole", "log"]
)
async def test_a_restored_backup_shows_the_same_data(
    home: Path, database_url: str, empty_database_url: str, tmp_path: Path, excluded_options: str
) -> None:
    async with running_canvas() as (sandbox, variables):
        variables |= {"CANVAS_ENCRYPTION_KEY": KEY, "DATABASE_URL": database_url}
        log = tmp_path / "first"
        with running_easeboard(home, "serve", "--port", "0", log=log, **variables) as process:
            url = await asyncio.to_thread(lambda: wait_for_log(log, "serving")["url"])
            async with api_client(home, url) as student:
                connection_id, sync_id = await connect(student, sandbox)
                await wait_for_sync(student, sync_id, is_finished)
                before = await read_everything(student)
                token = student.token
            assert await asyncio.to_thread(stop, process) == 0
        dump = [
            line.replace("--format", f"{excluded_options} --format")
            for line in runbook_commands("Backup")
        ]
        await asyncio.to_thread(run_in_shell, dump, home, tmp_path, **variables)

        variables["DATABASE_URL"] = empty_database_url
        await asyncio.to_thread(
            run_in_shell, runbook_commands("Restore"), home, tmp_path, **variables
        )
        log = tmp_path / "second"
        with running_easeboard(home, "serve", "--port", "0", log=log, **variables):
            url = await asyncio.to_thread(lambda: wait_for_log(log, "serving")["url"])
            async with aiohttp.ClientSession() as session:
                student = ApiClient(session, url, token)
                await wait_until_shown(student, before)
                second_sync = await student.post(
                    f"/api/v1/canvas/connections/{connection_id}/sync", {}
                )
                finished = await wait_for_sync(student, second_sync["id"], is_finished)
                assert (finished["status"], finished["changes"]["courses"]) == ("completed", 0)


async def wait_until_shown(student: ApiClient, expected: list[Any]) -> None:
    """Wait until the read models have applied the whole log.

    The health report does not help: it is ok as long as the lag is below 30 s.
    """
    async with asyncio.timeout(COMMAND_TIMEOUT_SECONDS):
        while await read_everything(student) != expected:  # noqa: ASYNC110  # in another process
            await asyncio.sleep(0.1)
