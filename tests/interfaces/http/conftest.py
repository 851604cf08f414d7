"""Fixtures: the HTTP application with a fake service in memory, and clients of it."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from tests.dev_tokens import SECRET, bearer_headers
from tests.interfaces.http.fake_service import FakeService

ORIGIN = "https://app.school.edu"


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
async def app(service: FakeService) -> AsyncIterator[FastAPI]:
    settings = read_settings(_env_file=None, cors_origins=(ORIGIN,))
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        yield create_app(service.as_service(), settings, authenticator=authenticator)


@pytest.fixture
async def anonymous(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client without a token."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


@pytest.fixture
async def ada(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with the token of Ada, a student."""
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://test", headers=bearer_headers()
    ) as client:
        yield client
