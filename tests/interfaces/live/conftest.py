"""The application on a loopback port, with a feed that says what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from fastapi import FastAPI

from infrastructure.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.live.stream import Message
from tests.dev_tokens import SECRET
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.loopback_server import serve_on_loopback

ORIGIN = "https://app.school.edu"


class FakeLiveUpdates:
    """Messages for everybody who listens, and how many do."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.subscribers: list[UUID] = []
        self.subscribed_after: list[int] = []
        """What each listener had heard before."""
        self.position = 10_000
        self.unsubscribed = asyncio.Event()
        """Set once somebody left."""
        self.snapshot_slots = asyncio.Semaphore()

    async def current_position(self) -> int:
        return self.position

    @asynccontextmanager
    async def subscribe(self, person_id: UUID, after: int) -> AsyncIterator[AsyncIterator[Message]]:
        """Listen on behalf of a person."""
        self.subscribers.append(person_id)
        self.subscribed_after.append(after)
        try:
            yield self._messages()
        finally:
            self.subscribers.remove(person_id)
            self.unsubscribed.set()

    async def _messages(self) -> AsyncIterator[Message]:
        while (message := await self.messages.get()) is not None:
            self.position += 1
            yield Message(self.position, message.decode())


@pytest.fixture
def service() -> FakeService:
    return FakeService()


@pytest.fixture
def live_updates() -> FakeLiveUpdates:
    return FakeLiveUpdates()


@pytest.fixture
async def app(service: FakeService, live_updates: FakeLiveUpdates) -> AsyncIterator[FastAPI]:
    settings = read_settings(_env_file=None, cors_origins=ORIGIN)
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        yield create_app(
            service.as_service(), settings, authenticator=authenticator, live=live_updates
        )


@pytest.fixture
async def base_url(app: FastAPI) -> AsyncIterator[str]:
    """Where the application is served."""
    async with serve_on_loopback(app) as base_url:
        yield base_url
