"""Users of Supabase are deleted with the service key, within a bounded time."""

import secrets
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from infrastructure.settings.settings import read_settings
from interfaces.http.auth import auth_users
from interfaces.http.auth.auth_users import AuthUserNotDeleted, AuthUsers, configured_auth_users
from tests.interfaces.http.auth.fake_auth_users import FakeAuthUsers, serve_auth_users

KEY = secrets.token_hex(32)
USER = uuid4()


@pytest.fixture
async def server() -> AsyncIterator[FakeAuthUsers]:
    async with serve_auth_users(FakeAuthUsers(KEY, USER)) as running:
        yield running


async def test_a_user_is_deleted_once_and_then_counts_as_deleted(server: FakeAuthUsers) -> None:
    users = AuthUsers(server.url + "/", KEY)
    await users.check_key()
    assert server.users == {str(USER)}
    for _ in range(2):
        await users.delete(USER)
    assert server.users == set()


async def test_a_key_that_is_not_accepted_is_named(server: FakeAuthUsers) -> None:
    users = AuthUsers(server.url, "another key")
    for call in (users.check_key(), users.delete(USER)):
        with pytest.raises(AuthUserNotDeleted, match="SUPABASE_SERVICE_KEY") as refused:
            await call
        assert "another key" not in str(refused.value)


@pytest.mark.parametrize("status", [302, 429, 500, 503])
async def test_other_answers_are_failures(server: FakeAuthUsers, status: int) -> None:
    server.status = status
    with pytest.raises(AuthUserNotDeleted, match=str(status)):
        await AuthUsers(server.url, KEY).delete(USER)


async def test_a_silent_or_absent_server_is_a_failure(
    server: FakeAuthUsers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auth_users, "REQUEST_TIMEOUT_SECONDS", 0.1)
    server.is_silent = True
    with pytest.raises(AuthUserNotDeleted, match="does not answer"):
        await AuthUsers(server.url, KEY).delete(USER)
    with pytest.raises(AuthUserNotDeleted, match="SUPABASE_URL"):
        await AuthUsers("http://127.0.0.1:1", KEY).delete(USER)


def test_both_settings_are_needed() -> None:
    url = "https://abcdefgh.supabase.co"
    for settings, is_configured in (
        ({}, False),
        ({"supabase_url": url}, False),
        ({"supabase_service_key": KEY}, False),
        ({"supabase_url": url, "supabase_service_key": KEY}, True),
    ):
        found = configured_auth_users(read_settings(_env_file=None, **settings))
        assert (found is not None) == is_configured
