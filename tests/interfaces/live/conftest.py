"""The application on a loopback port, with a feed that says what a test tells it to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from fastapi import FastAPI

from infrastructure.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import identities
from interfaces.live.stream import Message
from tests.dev_tokens import SECRET
from tests.interfaces.http.fake_service import Told
from tests.interfaces.loopback_server import serving

ORIGIN = "https://app.school.edu"


class Feed:
    """Messages for everybody who listens, and how many do."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.listeners: list[UUID] = []
        self.heard: list[int] = []
        """What each listener had heard before."""
        self.position = 10_000
        self.deserted = asyncio.Event()
        """Set once somebody left."""
        self.entering = asyncio.Semaphore()

    async def standing(self) -> int:
        return self.position

    @asynccontextmanager
    async def subscribe(self, person_id: UUID, after: int) -> AsyncIterator[AsyncIterator[Message]]:
        """Listen on behalf of a person."""
        self.listeners.append(person_id)
        self.heard.append(after)
        try:
            yield self._each()
        finally:
            self.listeners.remove(person_id)
            self.deserted.set()

    async def _each(self) -> AsyncIterator[Message]:
        while (message := await self.messages.get()) is not None:
            self.position += 1
            yield Message(self.position, message.decode())


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture
async def app(told: Told, feed: Feed) -> AsyncIterator[FastAPI]:
    settings = read_settings(_env_file=None, cors_origins=ORIGIN)
    async with identities(secret=SECRET, supabase_url=None) as identity:
        yield create_app(told.as_service(), settings, identity=identity, live=feed)


@pytest.fixture
async def base(app: FastAPI) -> AsyncIterator[str]:
    """Where the application is served."""
    async with serving(app) as base:
        yield base
