"""The runbook's backup and restore, as they stand there, with PostgreSQL's own programs."""

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

from infrastructure.postgres.embedded.binaries import programs
from infrastructure.postgres.embedded.os_account import server_account
from interfaces.cli.demo.http_client import Caller
from tests.interfaces.cli.demo_student import canvas, connect, is_over, person, sync_when
from tests.interfaces.cli.run_cli import PATIENCE, environment, logged, started, stop

RUNBOOK = (Path(__file__).parents[3] / "docs" / "operations.md").read_text("utf-8")
KEY = "hex:" + secrets.token_hex(32)
CLOCKED = ("status", "locked")
"""What of an assignment follows the clock."""


def told(heading: str) -> list[str]:
    """The commands below a heading that end by themselves."""
    [block] = re.findall(rf"^## {heading}\n.*?^```sh\n(.*?)^```", RUNBOOK, re.MULTILINE | re.DOTALL)
    return [line for line in block.splitlines() if line != "easeboard serve"]


def without_read_models() -> str:
    [options] = re.findall(r"left out, with `(.*?)`", RUNBOOK)
    return str(options)


def obey(lines: list[str], home: Path, folder: Path, **variables: str) -> None:
    """Type commands into a shell."""
    (folder / "easeboard").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -m interfaces.cli "$@"\n'
    )
    (folder / "easeboard").chmod(0o700)
    path = os.pathsep.join([str(folder), str(programs(home, server_account())), os.environ["PATH"]])
    for line in lines:
        done = subprocess.run(  # noqa: S602  # the runbook is ours
            line,
            shell=True,
            cwd=folder,
            env=environment(home, **variables) | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, f"{line}\n{done.stderr}"


async def everything(student: Caller) -> list[Any]:
    """What the read models show, but for what follows the clock."""
    data = await student.get("/api/v1/canvas/data")
    for assignment in data["assignments"]:
        for field in CLOCKED:
            del assignment[field]
    glance = (await student.get("/api/v1/dashboard/stats"))["courses_at_a_glance"]
    history = await student.items("/api/v1/canvas/grades/history")
    return [data, glance, history, await student.items("/api/v1/sync/logs")]


@pytest.mark.parametrize("left_out", ["", without_read_models()], ids=["whole", "log"])
async def test_what_was_dumped_is_shown_again_after_a_restore(
    home: Path, database_url: str, empty_database_url: str, tmp_path: Path, left_out: str
) -> None:
    async with canvas() as (sandbox, variables):
        variables |= {"CANVAS_ENCRYPTION_KEY": KEY, "DATABASE_URL": database_url}
        log = tmp_path / "first"
        with started(home, "serve", "--port", "0", log=log, **variables) as process:
            url = await asyncio.to_thread(lambda: logged(log, "serving")["url"])
            async with person(home, url) as student:
                connection_id, sync_id = await connect(student, sandbox)
                await sync_when(student, sync_id, is_over)
                before = await everything(student)
                token = student.token
            assert await asyncio.to_thread(stop, process) == 0
        dump = [line.replace("--format", f"{left_out} --format") for line in told("Backup")]
        await asyncio.to_thread(obey, dump, home, tmp_path, **variables)

        variables["DATABASE_URL"] = empty_database_url
        await asyncio.to_thread(obey, told("Restore"), home, tmp_path, **variables)
        log = tmp_path / "second"
        with started(home, "serve", "--port", "0", log=log, **variables):
            url = await asyncio.to_thread(lambda: logged(log, "serving")["url"])
            async with aiohttp.ClientSession() as session:
                student = Caller(session, url, token)
                await until_shown(student, before)
                again = await student.post(f"/api/v1/canvas/connections/{connection_id}/sync", {})
                over = await sync_when(student, again["id"], is_over)
                assert (over["status"], over["changes"]["courses"]) == ("completed", 0)


async def until_shown(student: Caller, before: list[Any]) -> None:
    """Until the read models have come as far as the log; of events this young nobody is warned."""
    async with asyncio.timeout(PATIENCE):
        while await everything(student) != before:  # noqa: ASYNC110  # asked of another process
            await asyncio.sleep(0.1)
