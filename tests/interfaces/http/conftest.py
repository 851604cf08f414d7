"""The application over a service that answers from memory."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import identities
from tests.dev_tokens import SECRET, bearer
from tests.interfaces.http.fake_service import Told

ORIGIN = "https://app.school.edu"


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
async def app(told: Told) -> AsyncIterator[FastAPI]:
    settings = read_settings(_env_file=None, cors_origins=(ORIGIN,))
    async with identities(secret=SECRET, supabase_url=None) as identity:
        yield create_app(told.as_service(), settings, identity=identity)


@pytest.fixture
async def stranger(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a token."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def ada(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A student's client."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://test", headers=bearer()
    ) as client:
        yield client
