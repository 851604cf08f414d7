"""`easeboard erase`: erases a person, and the user at Supabase if asked."""

import asyncio
import json
import secrets
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from tests.interfaces.cli.run_cli import run_easeboard
from tests.interfaces.http.auth.fake_auth_users import FakeAuthUsers, serve_auth_users

KEY, USER = secrets.token_hex(32), uuid4()


@pytest.fixture
def variables(database_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "CANVAS_ENCRYPTION_KEY": f"hex:{secrets.token_hex(32)}",
        "LOG_FORMAT": "json",
    }


def test_a_person_is_erased_by_the_account_of_the_server(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    done = run_easeboard(tmp_path, "erase", "--user", str(USER), **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"Everything of the user {USER} is erased.\n"
    with psycopg.connect(variables["DATABASE_URL"]) as connection:
        [(actor,)] = connection.execute(
            "SELECT actor FROM easeboard.events WHERE topic = 'PersonErased'"
        ).fetchall()
    assert actor.startswith("cli:")


def test_without_a_service_key_the_way_out_is_named(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    refused = run_easeboard(
        tmp_path, "erase", "--user", str(USER), "--delete-auth-user", **variables
    )
    assert refused.returncode == 1
    assert "SUPABASE_SERVICE_KEY" in refused.stderr
    assert "nothing was erased" in refused.stderr


def test_an_id_that_is_none_is_a_usage_error(tmp_path: Path, variables: dict[str, str]) -> None:
    assert run_easeboard(tmp_path, "erase", "--user", "ada", **variables).returncode == 2


async def test_the_user_at_supabase_is_deleted_too(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    async with serve_auth_users(FakeAuthUsers(KEY, USER)) as server:
        supabase = {"SUPABASE_URL": server.url, "SUPABASE_SERVICE_KEY": KEY}
        arguments = ("erase", "--user", str(USER), "--delete-auth-user", "--yes", "--json")
        server.status = 503
        failed = await asyncio.to_thread(
            run_easeboard, tmp_path, *arguments, **variables, **supabase
        )
        document = json.loads(failed.stdout)
        assert (failed.returncode, document["auth_user"]) == (0, "waiting")
        assert "503" in document["auth_error"]
        server.status = None
        done = await asyncio.to_thread(run_easeboard, tmp_path, *arguments, **variables, **supabase)
        assert json.loads(done.stdout) == {
            "user_id": str(USER),
            "erased": True,
            "auth_user": "deleted",
            "auth_error": None,
        }
        assert server.users == set()
        assert KEY not in done.stdout + done.stderr + failed.stderr


async def test_doctor_tries_the_service_key_and_changes_nothing(
    tmp_path: Path, variables: dict[str, str]
) -> None:
    async with serve_auth_users(FakeAuthUsers(KEY, USER)) as server:
        for key, is_accepted in ((KEY, True), (secrets.token_hex(32), False)):
            supabase = {"SUPABASE_URL": server.url, "SUPABASE_SERVICE_KEY": key}
            done = await asyncio.to_thread(
                run_easeboard, tmp_path, "doctor", "--json", **variables, **supabase
            )
            checks = {each["check"]: each for each in json.loads(done.stdout)["checks"]}
            assert checks["service key"]["ok"] == is_accepted
            assert key not in done.stdout + done.stderr
        assert server.users == {str(USER)}
