"""Dumps of the whole database by pg_dump, and what of a person is in them in plain text."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from infrastructure.postgres.embedded.binaries import find_binaries
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.embedded.os_account import find_server_account
from interfaces.cli.with_database import libpq_environment

_HEX = re.compile(rb"\\\\x([0-9a-f]+)")


async def dump(server: EmbeddedPostgres, url: str, *options: str) -> bytes:
    """Return what pg_dump writes."""
    return await _run(server, url, "pg_dump", *options)


async def restore(server: EmbeddedPostgres, url: str, script: bytes) -> None:
    """Execute what pg_dump wrote in an empty database."""
    await _run(server, url, "psql", "-q", "-v", "ON_ERROR_STOP=1", script=script)


def in_plain_text(dumped: bytes, texts: Iterable[str]) -> set[str]:
    """Return the texts that a dump has: as they are, or in the bytes of a column."""
    columns = b"\n".join(bytes.fromhex(match.decode()) for match in _HEX.findall(dumped))
    return {
        text for text in texts if any(text.encode() in content for content in (dumped, columns))
    }


async def _run(
    server: EmbeddedPostgres, url: str, name: str, *options: str, script: bytes = b""
) -> bytes:
    program = _programs(server) / name
    environment = os.environ | libpq_environment(url)
    completed = await asyncio.to_thread(_execute, [str(program), *options], environment, script)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


def _programs(server: EmbeddedPostgres) -> Path:
    return find_binaries(server.home, find_server_account())


def _execute(
    command: list[str], environment: dict[str, str], script: bytes
) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(  # noqa: S603  # a program of PostgreSQL
        command, env=environment, input=script, capture_output=True, check=False
    )
