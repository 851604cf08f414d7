"""An erasure of this process: with the user at Supabase, now or when it answers again."""

from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest

from application.erase_person import AuthUserNotDeletable, ErasePerson
from infrastructure.settings.settings import Settings, read_settings
from interfaces.composition.bootstrap import bootstrap
from interfaces.composition.erasure import Erasure
from interfaces.http.auth.auth_users import AuthUsers
from tests.dev_tokens import ADA, SECRET
from tests.interfaces.http.auth.fake_auth_users import FakeAuthUsers, serve_auth_users

KEY = "the service key"
COMMAND = ErasePerson(person_id=ADA, delete_auth_user=True)


@pytest.fixture
def settings(database_url: str) -> Settings:
    return read_settings(
        _env_file=None,
        database_url=database_url,
        canvas_encryption_key="0123456789abcdefghijklmnopqrstuv",
        supabase_jwt_secret=SECRET,
    )


@pytest.fixture
async def erasure(settings: Settings) -> AsyncIterator[Erasure]:
    async with bootstrap(settings) as process:
        yield process.erasure


@pytest.fixture
async def server() -> AsyncIterator[FakeAuthUsers]:
    async with serve_auth_users(FakeAuthUsers(KEY, ADA)) as running:
        yield running


async def test_without_a_key_nothing_is_erased(erasure: Erasure) -> None:
    with pytest.raises(AuthUserNotDeletable):
        await erasure.erase(COMMAND)
    assert not await erasure.people.is_erased(ADA)


async def test_the_user_at_supabase_is_deleted_when_it_answers_again(
    erasure: Erasure, server: FakeAuthUsers, database_url: str
) -> None:
    own = replace(erasure, auth_users=AuthUsers(server.url, KEY))
    server.status = 503
    await own.erase(COMMAND)
    assert await own.people.is_erased(ADA)
    await own.delete_auth_users()
    assert server.users == {str(ADA)}
    server.status = None
    await own.delete_auth_users()  # not due yet
    assert server.users == {str(ADA)}
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE easeboard.erasures SET auth_next_at = now()")
    await own.delete_auth_users()
    assert server.users == set()
    assert await own.waiting_users.due() == []
