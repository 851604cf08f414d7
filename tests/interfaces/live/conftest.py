"""The application on a loopback port, with live messages that a test sends."""

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
    """Live updates with the messages of a queue; it records who is subscribed."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.subscribers: list[UUID] = []
        self.subscribed_after: list[int] = []
        """The position after which each subscription starts."""
        self.position = 10_000
        self.unsubscribed = asyncio.Event()
        """Set when a subscription ends."""
        self.snapshot_slots = asyncio.Semaphore()

    async def current_position(self) -> int:
        return self.position

    @asynccontextmanager
    async def subscribe(self, person_id: UUID, after: int) -> AsyncIterator[AsyncIterator[Message]]:
        """Subscribe to the messages, which all subscribers share."""
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
            service.as_service(), settings, authenticator=authenticator, live_updates=live_updates
        )


@pytest.fixture
async def base_url(app: FastAPI) -> AsyncIterator[str]:
    """The address of the running application."""
    async with serve_on_loopback(app) as base_url:
        yield base_url
