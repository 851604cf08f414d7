"""The application on a loopback port, with live messages that a test sends."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest
from fastapi import FastAPI

from domain.log_position import LogPosition
from infrastructure.settings.settings import read_settings
from infrastructure.subscriptions.missed_events import TooFarBehind
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
        """None stands for: the client has missed too much."""
        self.subscribers: list[UUID] = []
        self.subscribed_after: list[LogPosition] = []
        """The place after which each subscription starts."""
        self.place = LogPosition(timeline=7, position=10_000)
        self.unsubscribed = asyncio.Event()
        """Set when a subscription ends."""
        self.snapshot_slots = asyncio.Semaphore()

    async def find_place(self, position: int, timeline_digits: int) -> LogPosition | None:
        """Find every place up to the newest message."""
        is_known = timeline_digits == self.place.timeline and position <= self.place.position
        return LogPosition(self.place.timeline, position) if is_known else None

    async def has_place(self, _: LogPosition) -> bool:
        return True

    async def wait_until_known(self, place: LogPosition) -> None:
        """Wait for nothing."""

    @asynccontextmanager
    async def subscribe(self, person_id: UUID) -> AsyncIterator["FakeLiveUpdates"]:
        """Subscribe to the messages, which all subscribers share."""
        self.subscribers.append(person_id)
        try:
            yield self
        finally:
            self.subscribers.remove(person_id)
            self.unsubscribed.set()

    async def messages_after(
        self,
        place: LogPosition,
        *,
        is_resumed: bool = False,  # noqa: ARG002  # of the protocol
    ) -> AsyncGenerator[Message, None]:
        self.subscribed_after.append(place)
        while (message := await self.messages.get()) is not None:
            self.place = LogPosition(self.place.timeline, self.place.position + 1)
            yield Message(self.place, message.decode())
        raise TooFarBehind


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
