"""No secret shows: not in an answer, a log, an event, a metric, a table, an export or a title."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import jwt
import psutil
import pytest

from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox
from infrastructure.queue.database_schema import bring_up_to_date
from tests.canary.driving import READS, SETUP, Driver, dump, misuse
from tests.canary.haystack import Haystack, forms, marked
from tests.dev_tokens import ADA, claims_of
from tests.interfaces.cli.run_cli import easeboard, logged, started, stop


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with running_sandbox(SandboxOptions(students=1, courses=3, assignments=6)) as canvas:
        yield canvas


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


async def test_no_secret_shows_anywhere(
    home: Path, tmp_path: Path, sandbox: Sandbox, database_url: str
) -> None:
    await asyncio.to_thread(bring_up_to_date, database_url)
    haystack, log, again = Haystack(), tmp_path / "log", tmp_path / "again"
    hidden = {
        "the master key": secrets.token_hex(32),
        "the secret of JWTs": marked(),
        "the service key": marked(),
        "the database's password": marked(),
        "a Canvas token": sandbox.tokens[0]["token"],
        "the next Canvas token": sandbox.control.issue_token(),
        "a wrong Canvas token": "1234~" + secrets.token_hex(32),
    }
    signed_by, password = hidden["the secret of JWTs"], hidden["the database's password"]
    for role in ("student", "auditor", "admin"):
        hidden[f"the JWT of a {role}"] = jwt.encode(claims_of(ADA, role), signed_by, "HS256")
    variables = {
        "DATABASE_URL": database_url.replace("@", f":{password}@", 1),
        "CANVAS_ENCRYPTION_KEY": f"hex:{hidden['the master key']}",
        "SUPABASE_JWT_SECRET": signed_by,
        "SUPABASE_SERVICE_KEY": hidden["the service key"],
        "CANVAS_ALLOW_PRIVATE": sandbox.url.removeprefix("http://"),
        "LOG_LEVEL": "debug",
    }
    with started(home, "serve", "--port", "0", log=log, **variables) as process:
        url = (await asyncio.to_thread(logged, log, "serving"))["url"]
        async with aiohttp.ClientSession() as session:
            connection = await _use(session, url, haystack, hidden, sandbox)
        haystack.add("title", " ".join(psutil.Process(process.pid).cmdline()))
        await _command_line(home, haystack, connection, variables)
        process.kill()
        process.wait()
    with started(home, "serve", "--port", "0", log=again, **variables) as process:
        await asyncio.to_thread(logged, again, "serving")
        assert stop(process) == 0
    haystack.add("log", log.read_bytes() + again.read_bytes())
    await asyncio.to_thread(dump, database_url, haystack)
    assert len(haystack.found) > 60
    assert haystack.search(hidden) == []


async def _use(
    session: aiohttp.ClientSession,
    url: str,
    haystack: Haystack,
    hidden: dict[str, str],
    sandbox: Sandbox,
) -> str:
    """Everything a student, an auditor and an admin can do; gives the connection."""
    student, auditor, admin = (
        Driver(session, url, haystack, hidden[f"the JWT of a {role}"])
        for role in ("student", "auditor", "admin")
    )
    wrong, body = hidden["a wrong Canvas token"], {"canvas_url": sandbox.url, "canvas_name": "x"}
    await misuse(student, wrong)
    assert (await student("POST", SETUP, body | {"api_token": wrong}))[0] == 422
    key = {"Idempotency-Key": str(uuid4())}
    status, set_up = await student(
        "POST", SETUP, body | {"api_token": hidden["a Canvas token"]}, **key
    )
    assert status == 201
    await student("POST", SETUP, body | {"api_token": hidden["a Canvas token"]}, **key)
    connection: str = set_up["connection"]["id"]
    mine, audited = f"/api/v1/canvas/connections/{connection}", "/api/v1/audit/connections"
    assert await student.ended(set_up["sync"]["id"]) == "completed"
    await student("POST", f"{mine}/validate")
    assert (await student("PUT", f"{mine}/token", {"api_token": wrong}))[0] == 422
    next_token = {"api_token": hidden["the next Canvas token"]}
    assert (await student("PUT", f"{mine}/token", next_token))[0] == 200
    sandbox.control.inject("throttle_403", path="courses")
    _, throttled = await student("POST", f"{mine}/sync")
    assert await student.ended(throttled["id"]) == "completed"
    await student.listen()
    for path in (*READS, mine):
        await student("GET", path)
    for path in (audited, f"{audited}/{connection}/events", f"{audited}/{connection}/state"):
        assert (await auditor("GET", path))[0] == 200
    assert (await admin("POST", "/api/v1/admin/projections/courses/rebuild"))[0] == 202
    await admin("GET", "/api/v1/admin/projections")
    sandbox.control.revoke_token()
    _, refused = await student("POST", f"{mine}/sync", {"mode": "full"})
    assert await student.ended(refused["id"]) == "failed"
    return connection


async def _command_line(
    home: Path, haystack: Haystack, connection: str, variables: dict[str, str]
) -> None:
    """Everything that prints, with settings that are right and with settings that are wrong."""
    spoilt = variables | {
        "CANVAS_ENCRYPTION_KEY": variables["CANVAS_ENCRYPTION_KEY"][:-1],
        "DATABASE_URL": variables["DATABASE_URL"].replace("postgresql", "mysql"),
    }
    wrong_key = variables | {"CANVAS_ENCRYPTION_KEY": f"hex:{secrets.token_hex(32)}"}
    for words, given in (
        (["doctor"], variables),
        (["doctor", "--json"], variables),
        (["doctor", "--json"], wrong_key),
        (["doctor"], spoilt),
        (["serve", "--port", "0"], spoilt),
        (["serve", "--help"], variables),
        (["migrate"], variables),
        (["projections", "list", "--json"], variables),
        (["projections", "rebuild", "grades"], variables),
        (["audit", "history", connection, "--json"], variables),
        (["audit", "history", connection], variables),
    ):
        done = await asyncio.to_thread(easeboard, home, *words, **given)
        haystack.add(f"easeboard {' '.join(words)}", done.stdout + done.stderr)


def test_a_secret_is_found_whatever_its_form() -> None:
    secret = marked()
    for number, form in enumerate(forms(secret)):
        haystack = Haystack()
        haystack.add("somewhere", b"before " + form + b" after")
        assert haystack.search({"it": secret}) == ["it in somewhere"], number
    haystack = Haystack()
    haystack.add("nowhere", secret[:-1])
    assert haystack.search({"it": secret}) == []
