"""An application that keeps documents, on a log that a test moves."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from fastapi import FastAPI

from domain.log_position import LogPosition
from infrastructure.settings.settings import read_settings
from infrastructure.subscriptions.followed_log import FollowedLog
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.queries.kept_documents import KeptDocuments
from tests.dev_tokens import SECRET
from tests.interfaces.http.fake_reads import HEAD, TIMELINE
from tests.interfaces.http.fake_service import FakeService

COURSES, STATS = "/api/v1/canvas/courses", "/api/v1/dashboard/stats"
GZIP, IDENTITY = {"Accept-Encoding": "gzip"}, {"Accept-Encoding": "identity"}


class WallClock:
    """The time of the store."""

    def __init__(self) -> None:
        self.time = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.time


def known_log() -> FollowedLog:
    """Return a log that is known up to HEAD, where nobody has changed since the first position."""
    log = FollowedLog(clock=lambda: 0.0)
    log.begin(LogPosition(TIMELINE, 1))
    log.advance(HEAD, {})
    log.confirm(0.0)
    return log


@asynccontextmanager
async def app_with_kept_documents(
    service: FakeService, log: FollowedLog, clock: WallClock
) -> AsyncIterator[FastAPI]:
    config = read_settings(_env_file=None)
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        yield create_app(
            service.as_service(),
            config,
            authenticator=authenticator,
            kept_documents=KeptDocuments(log, now=clock),
        )
