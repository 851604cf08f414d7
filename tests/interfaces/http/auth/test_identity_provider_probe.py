import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from infrastructure.settings.settings import Settings, read_settings
from interfaces.http.auth.identity_provider_probe import probe_identity_provider
from tests.dev_tokens import SECRET, SigningKey
from tests.interfaces.http.jwks_server import FakeJwksServer, serve_jwks

KEY = SigningKey("one", "ES256")
OCT_KEY = '{"keys": [{"kty": "oct", "kid": "legacy"}]}'


@pytest.fixture
async def jwks_server() -> AsyncIterator[FakeJwksServer]:
    async with serve_jwks(FakeJwksServer(KEY)) as jwks_server:
        yield jwks_server


def settings_of(url: str | None, **others: Any) -> Settings:
    return read_settings(_env_file=None, supabase_url=url, **others)


async def test_usable_keys_are_no_problem(jwks_server: FakeJwksServer) -> None:
    assert await probe_identity_provider(settings_of(jwks_server.url)) == []
    assert jwks_server.request_count == 1


async def test_without_an_identity_provider_there_is_nothing_to_check() -> None:
    assert await probe_identity_provider(settings_of(None)) == []


@pytest.mark.parametrize(
    ("response", "reason"),
    [
        ({"status": 404}, "answers with status 404"),
        ({"status": 500}, "answers with status 500"),
        ({"status": 301, "headers": {"Location": "/x"}}, "answers with a redirect (status 301)"),
        ({"text": "<html>"}, "is not JSON"),
        ({"text": '{"keys": {}}'}, "has no list of keys"),
        ({"text": '{"keys": []}'}, "lists no keys"),
        ({"text": OCT_KEY}, "only keys for shared secrets"),
        ({"text": '{"keys": [{"kty": "OKP"}]}'}, "no key that can be used"),
        ({"body": b" " * 300_000}, "more than"),
    ],
)
async def test_what_is_wrong_is_named_with_the_setting(
    jwks_server: FakeJwksServer, response: dict[str, Any], reason: str
) -> None:
    jwks_server.respond_with(**response)
    [problem] = await probe_identity_provider(settings_of(jwks_server.url))
    assert problem.startswith("SUPABASE_URL: ")
    assert reason in problem
    assert problem.endswith(".")


async def test_a_symmetric_project_with_its_secret_is_no_problem(
    jwks_server: FakeJwksServer,
) -> None:
    for text in ('{"keys": []}', OCT_KEY):
        jwks_server.respond_with(text=text)
        settings = settings_of(jwks_server.url, supabase_jwt_secret=SECRET)
        assert await probe_identity_provider(settings) == []


async def test_a_server_that_is_not_there_or_does_not_answer_is_named(
    jwks_server: FakeJwksServer,
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
        [refused] = await probe_identity_provider(settings_of(url))
    assert "cannot be reached" in refused
    [unresolved] = await probe_identity_provider(settings_of("https://nowhere.invalid"))
    assert "cannot be resolved" in unresolved
    jwks_server.gate.clear()
    [hanging] = await probe_identity_provider(settings_of(jwks_server.url))
    assert "does not answer within 2 s" in hanging
    jwks_server.gate.set()
