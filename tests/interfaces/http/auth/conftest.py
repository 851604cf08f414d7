"""Fixtures: a server of public keys, and an authenticator that uses it."""

from collections.abc import AsyncIterator

import pytest

from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.principal import Authenticator
from tests.dev_tokens import SECRET
from tests.interfaces.http.auth.bad_tokens import EC_KEY, RSA_KEY
from tests.interfaces.http.jwks_server import FakeJwksServer, serve_jwks


@pytest.fixture
async def jwks_server() -> AsyncIterator[FakeJwksServer]:
    async with serve_jwks(FakeJwksServer(EC_KEY, RSA_KEY)) as jwks_server:
        yield jwks_server


@pytest.fixture
async def authenticate(jwks_server: FakeJwksServer) -> AsyncIterator[Authenticator]:
    """An authenticator with both a secret and a JWKS."""
    async with open_authenticator(secret=SECRET, supabase_url=jwks_server.url) as authenticator:
        yield authenticator
