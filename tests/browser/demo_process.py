"""A running demo in a process of its own, which serves the console as users see it."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import orjson

from tests.deadlines import scaled
from tests.server_folders import new_server_folder

START_SECONDS = 90.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.1
SERVES = "The demo serves until"
"""What the demo prints when its first syncs are done."""


class DemoAddresses(NamedTuple):
    """Where a running demo answers."""

    url: str
    sandbox_url: str


@asynccontextmanager
async def running_demo_process(
    *, courses: int = 6, assignments: int = 8
) -> AsyncIterator[DemoAddresses]:
    """Run `easeboard demo` until the block ends, and yield its addresses once it serves.

    The variable EASEBOARD_BROWSER_HOME names the EASEBOARD_HOME of a demo that runs already; then
    that one is used.
    """
    if home_in_use := os.environ.get("EASEBOARD_BROWSER_HOME"):
        yield _published(Path(home_in_use))
        return
    home = new_server_folder()
    log = home / "output"
    command = [sys.executable, "-m", "interfaces.cli", "demo", "--port", "0"]
    command += ["--courses", str(courses), "--assignments", str(assignments)]
    environment = {**os.environ, "EASEBOARD_HOME": str(home)}
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603, ASYNC220  # our own command; it starts at once
            command, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield await _addresses(process, home, log)
    finally:
        process.terminate()
        await asyncio.to_thread(process.wait, scaled(STOP_SECONDS))
        shutil.rmtree(home)


async def _addresses(process: "subprocess.Popen[bytes]", home: Path, log: Path) -> DemoAddresses:
    async with asyncio.timeout(scaled(START_SECONDS)):
        while SERVES not in (output := await asyncio.to_thread(log.read_text, "utf-8")):
            assert process.poll() is None, f"The demo has ended: {output}"
            await asyncio.sleep(POLL_SECONDS)
    return _published(home)


def _published(home: Path) -> DemoAddresses:
    (published,) = (home / "demo" / "running").glob("*.json")
    document = orjson.loads(published.read_bytes())
    return DemoAddresses(document["url"], document["sandbox_url"])
