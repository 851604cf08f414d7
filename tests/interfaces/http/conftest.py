"""Fixtures: the HTTP application with a fake service in memory, and clients of it."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.console_options import ConsoleOptions, DevelopmentSignIn
from tests.dev_tokens import ADA, SECRET, bearer_headers
from tests.interfaces.http.console_build import sign_test_token, write_console_build
from tests.interfaces.http.fake_service import FakeService

ORIGIN = "https://app.school.edu"


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture(scope="session")
def console_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a small console."""
    return write_console_build(tmp_path_factory.mktemp("console"))


@pytest.fixture
async def app(service: FakeService, console_folder: Path) -> AsyncIterator[FastAPI]:
    settings = read_settings(_env_file=None, cors_origins=(ORIGIN,))
    console = ConsoleOptions(
        development=DevelopmentSignIn(sign_test_token, ADA), folder=console_folder
    )
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        yield create_app(
            service.as_service(), settings, authenticator=authenticator, console_options=console
        )


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
