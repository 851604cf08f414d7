"""Searches everything that the program puts out for secrets.

That is: responses, logs, metrics, tables, command output and the process title.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import jwt
import psutil
import pytest

from infrastructure.all_migrations import apply_migrations
from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox
from tests.canary.collected_output import (
    CollectedOutput,
    dump_database,
    encodings,
    random_secret,
)
from tests.canary.recording_client import (
    READ_PATHS,
    SETUP_PATH,
    RecordingClient,
    misuse_token,
    use_calendar,
)
from tests.dev_tokens import ADA, claims_of
from tests.interfaces.cli.run_cli import run_easeboard, running_easeboard, stop, wait_for_log


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox(SandboxOptions(students=1, courses=3, assignments=6)) as running:
        yield running


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


async def test_no_secret_is_in_any_output(
    home: Path, tmp_path: Path, sandbox: Sandbox, database_url: str
) -> None:
    await asyncio.to_thread(apply_migrations, database_url)
    collected, log, log_2 = CollectedOutput(), tmp_path / "log", tmp_path / "log_2"
    hidden = {
        "the master key": secrets.token_hex(32),
        "the secret of JWTs": random_secret(),
        "the service key": random_secret(),
        "the database's password": random_secret(),
        "a Canvas token": sandbox.tokens[0]["token"],
        "the next Canvas token": sandbox.control.issue_token(),
        "a wrong Canvas token": "1234~" + secrets.token_hex(32),
    }
    jwt_secret, password = hidden["the secret of JWTs"], hidden["the database's password"]
    for role in ("student", "auditor", "admin"):
        hidden[f"the JWT of a {role}"] = jwt.encode(claims_of(ADA, role), jwt_secret, "HS256")
    variables = {
        "DATABASE_URL": database_url.replace("@", f":{password}@", 1),
        "CANVAS_ENCRYPTION_KEY": f"hex:{hidden['the master key']}",
        "SUPABASE_JWT_SECRET": jwt_secret,
        "SUPABASE_SERVICE_KEY": hidden["the service key"],
        "CANVAS_ALLOW_PRIVATE": sandbox.url.removeprefix("http://"),
        "LOG_LEVEL": "debug",
    }
    with running_easeboard(home, "serve", "--port", "0", log=log, **variables) as process:
        url = (await asyncio.to_thread(wait_for_log, log, "serving"))["url"]
        async with aiohttp.ClientSession() as session:
            connection = await _use_api(session, url, collected, hidden, sandbox)
        collected.add("title", " ".join(psutil.Process(process.pid).cmdline()))
        await _use_command_line(home, collected, connection, variables)
        process.kill()
        process.wait()
    with running_easeboard(home, "serve", "--port", "0", log=log_2, **variables) as process:
        await asyncio.to_thread(wait_for_log, log_2, "serving")
        assert stop(process) == 0
    collected.add("log", log.read_bytes() + log_2.read_bytes())
    await asyncio.to_thread(dump_database, database_url, collected)
    assert len(collected.by_source) > 60
    assert collected.search(hidden) == []


async def _use_api(
    session: aiohttp.ClientSession,
    url: str,
    collected: CollectedOutput,
    hidden: dict[str, str],
    sandbox: Sandbox,
) -> str:
    """Do everything that a student, an auditor and an admin can do; return the connection id."""
    student, auditor, admin = (
        RecordingClient(session, url, collected, hidden[f"the JWT of a {role}"])
        for role in ("student", "auditor", "admin")
    )
    connection = await _set_up_connection(student, hidden, sandbox.url)
    connection_path = f"/api/v1/canvas/connections/{connection}"
    await _rotate_token(student, hidden, connection_path)
    sandbox.control.inject("throttle_403", path="courses")
    _, throttled_run = await student("POST", f"{connection_path}/sync")
    assert await student.wait_for_run(throttled_run["id"]) == "completed"
    for name in ("an ended calendar address", "a calendar address"):
        await use_calendar(student, name, hidden)
    await student.open_streams()
    for path in (*READ_PATHS, connection_path):
        await student("GET", path)
    audit_path = f"/api/v1/audit/connections/{connection}"
    lists = ("/api/v1/audit/connections", "/api/v1/audit/readings")
    for path in (*lists, f"{audit_path}/events", f"{audit_path}/state"):
        assert (await auditor("GET", f"{path}?purpose=test"))[0] == 200
    assert (await student("GET", "/api/v1/me/disclosures"))[0] == 200
    assert (await admin("POST", "/api/v1/admin/projections/courses/rebuild"))[0] == 202
    await admin("GET", "/api/v1/admin/projections")
    sandbox.control.revoke_token()
    _, failed_run = await student("POST", f"{connection_path}/sync", {"mode": "full"})
    assert await student.wait_for_run(failed_run["id"]) == "failed"
    return connection


async def _set_up_connection(student: RecordingClient, hidden: dict[str, str], url: str) -> str:
    wrong_token = hidden["a wrong Canvas token"]
    body = {"canvas_url": url, "canvas_name": "x"}
    valid_body = body | {"api_token": hidden["a Canvas token"]}
    await misuse_token(student, wrong_token)
    assert (await student("POST", SETUP_PATH, body | {"api_token": wrong_token}))[0] == 422
    idempotency_key = {"Idempotency-Key": str(uuid4())}
    status, set_up = await student("POST", SETUP_PATH, valid_body, **idempotency_key)
    assert status == 201
    await student("POST", SETUP_PATH, valid_body, **idempotency_key)
    assert await student.wait_for_run(set_up["sync"]["id"]) == "completed"
    return str(set_up["connection"]["id"])


async def _rotate_token(
    student: RecordingClient, hidden: dict[str, str], connection_path: str
) -> None:
    await student("POST", f"{connection_path}/validate")
    wrong_token = {"api_token": hidden["a wrong Canvas token"]}
    assert (await student("PUT", f"{connection_path}/token", wrong_token))[0] == 422
    next_token = {"api_token": hidden["the next Canvas token"]}
    assert (await student("PUT", f"{connection_path}/token", next_token))[0] == 200


async def _use_command_line(
    home: Path, collected: CollectedOutput, connection: str, variables: dict[str, str]
) -> None:
    """Run the commands that print, with correct and with wrong settings."""
    invalid_settings = variables | {
        "CANVAS_ENCRYPTION_KEY": variables["CANVAS_ENCRYPTION_KEY"][:-1],
        "DATABASE_URL": variables["DATABASE_URL"].replace("postgresql", "mysql"),
    }
    wrong_key = variables | {"CANVAS_ENCRYPTION_KEY": f"hex:{secrets.token_hex(32)}"}
    for arguments, environment in (
        (["doctor"], variables),
        (["doctor", "--json"], variables),
        (["doctor", "--json"], wrong_key),
        (["doctor"], invalid_settings),
        (["serve", "--port", "0"], invalid_settings),
        (["serve", "--help"], variables),
        (["migrate"], variables),
        (["projections", "list", "--json"], variables),
        (["projections", "rebuild", "grades"], variables),
        (["audit", "history", connection, "--json", "--purpose=test"], variables),
        (["audit", "history", connection, "--purpose=test"], variables),
        (["audit", "readings", "--purpose=test"], variables),
    ):
        completed = await asyncio.to_thread(run_easeboard, home, *arguments, **environment)
        collected.add(f"easeboard {' '.join(arguments)}", completed.stdout + completed.stderr)


def test_a_secret_is_found_in_every_encoding() -> None:
    secret = random_secret()
    for index, encoding in enumerate(encodings(secret)):
        collected = CollectedOutput()
        collected.add("somewhere", b"before " + encoding + b" after")
        assert collected.search({"it": secret}) == ["it in somewhere"], index
    collected = CollectedOutput()
    collected.add("nowhere", secret[:-1])
    assert collected.search({"it": secret}) == []
