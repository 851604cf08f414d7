import asyncio
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import pytest
from typer.testing import CliRunner

from infrastructure.seals.policy_file import parse_policy
from infrastructure.seals.signatures import (
    ED25519_COSIGNATURE,
    ML_DSA_44,
    new_signing_key,
    parse_vkey,
)
from infrastructure.seals.signed_note import open_note
from interfaces.cli.main import app
from tests.deadlines import scaled
from tests.infrastructure.seals.small_log import SmallLog
from tests.interfaces.cli.run_cli import run_easeboard, running_easeboard, stop

LOG = SmallLog(400)
VKEY = LOG.vkeys[0]
WITNESS_VKEY = str(new_signing_key("w.example", ED25519_COSIGNATURE).verifier)


@contextmanager
def running_witness(
    home: Path, *options: str, key: str = "w.key"
) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """Run a witness; yields its first lines, up to those for a policy file."""
    arguments = ["witness", "--log", VKEY, "--key", key, "--port", "0", *options]
    with running_easeboard(home, *arguments) as process:
        assert process.stdout
        lines = [process.stdout.readline().strip()]
        while lines[-1] and not lines[-1].startswith("A policy file"):
            lines.append(process.stdout.readline().strip())
        keys = sum("+" in line for line in lines)
        yield process, lines + [process.stdout.readline().strip() for _ in range(keys)]


def url_in(lines: list[str]) -> str:
    return next(word for line in lines for word in line.split() if word.startswith("http"))


async def post(session: aiohttp.ClientSession, url: str, old: int, size: int) -> tuple[int, bytes]:
    async with session.post(f"{url}/add-checkpoint", data=LOG.body(old, size)) as response:
        return response.status, await response.read()


async def test_a_witness_needs_nothing_but_a_file_name(empty_home: Path) -> None:
    with running_witness(empty_home, "--name", "witness.example/w1") as (process, lines):
        vkey = parse_vkey(lines[0])
        assert (vkey.name, vkey.kind) == ("witness.example/w1", ED25519_COSIGNATURE)
        policy = parse_policy(f"{lines[-1]}\nquorum witness.example/w1".encode())
        assert policy.witnesses[0][1:] == (vkey, url_in(lines))
        async with aiohttp.ClientSession() as session:
            status, body = await post(session, url_in(lines), 0, 100)
        assert status == 200
        assert open_note(LOG.checkpoint(100) + body, [vkey]).signatures
        assert stop(process) == 0
    assert (empty_home / "w.key").stat().st_mode & 0o777 == 0o600


async def test_a_restarted_witness_is_the_same_and_remembers(empty_home: Path) -> None:
    with running_witness(empty_home) as (process, lines):
        first = lines[0]
        async with aiohttp.ClientSession() as session:
            assert (await post(session, url_in(lines), 0, 100))[0] == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=scaled(30)) == 0
    with running_witness(empty_home, "--ml-dsa") as (_, lines):
        assert lines[0] == first
        assert parse_vkey(lines[1]).kind == ML_DSA_44
        async with aiohttp.ClientSession() as session:
            assert await post(session, url_in(lines), 0, 99) == (409, b"100\n")
            status, body = await post(session, url_in(lines), 100, 101)
        assert (status, body.count(b"\n")) == (200, 2)


async def test_what_a_killed_witness_has_signed_is_never_forgotten(empty_home: Path) -> None:
    signed = 0
    for _ in range(3):
        with running_witness(empty_home) as (process, lines):
            async with aiohttp.ClientSession() as session:
                url = url_in(lines)
                status, body = await post(session, url, 0, 0)
                known = int(body) if status == 409 else 0
                assert known >= signed
                requests = asyncio.create_task(sign_until_it_fails(session, url, known))
                await asyncio.sleep(0.2)
                os.kill(process.pid, signal.SIGKILL)
                signed = await requests
            process.wait(timeout=scaled(30))
    assert signed


async def sign_until_it_fails(session: aiohttp.ClientSession, url: str, known: int) -> int:
    """Send larger and larger checkpoints; returns the last size that was signed."""
    try:
        for size in range(known + 1, 400):
            status, _ = await post(session, url, known, size)
            assert status == 200
            known = size
    except aiohttp.ClientError:
        pass
    return known


def test_several_logs_are_named_at_once(empty_home: Path) -> None:
    other = SmallLog(origin="log.example/b").vkeys[0]
    with running_witness(empty_home, other, key="both.key") as (_, lines):
        assert url_in(lines)
    with running_witness(empty_home, "--log", f"{other}\n{VKEY}\n") as (_, lines):
        assert url_in(lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--key", "w.key"], "--log"),
        (["--log", VKEY], "--key"),
        (["--log", "x", "--key", "w.key"], "a verifier key is a name"),
        (["--log", " ", "--key", "w.key"], "at least one log"),
        (["--log", VKEY, "--key", "w.key", "--name", "a b"], "a name has no blanks"),
        (["--log", VKEY, "--log", WITNESS_VKEY, "--key", "w.key"], "is the key of a witness"),
    ],
)
def test_wrong_options_are_explained(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["witness", *arguments])
    assert result.exit_code == 2
    assert message in result.output


@pytest.mark.parametrize(
    ("key", "message"),
    [("missing/w.key", "cannot be created"), (".", "cannot be read (Is a directory)")],
)
def test_a_file_that_cannot_be_used_is_named(empty_home: Path, key: str, message: str) -> None:
    result = run_easeboard(empty_home, "witness", "--log", VKEY, "--key", key, "--port", "0")
    assert (result.returncode, result.stdout) == (1, "")
    assert message in result.stderr
