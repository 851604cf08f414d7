"""What ends a kept document without an event, and how a large one is sent."""

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.subscriptions.followed_log import FollowedLog
from interfaces.http.context import app_state_of
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.http.middleware.kept_documents_app import (
    COURSES,
    GZIP,
    IDENTITY,
    STATS,
    WallClock,
    app_with_kept_documents,
    known_log,
)

CONNECTIONS, DATA, STATUS = (
    "/api/v1/canvas/connections",
    "/api/v1/canvas/data",
    "/api/v1/sync/status",
)


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
def log() -> FollowedLog:
    return known_log()


@pytest.fixture
async def app(service: FakeService, log: FollowedLog, clock: WallClock) -> AsyncIterator[FastAPI]:
    async with app_with_kept_documents(service, log, clock) as app:
        yield app


@pytest.mark.parametrize("path", [CONNECTIONS, DATA, STATUS])
async def test_a_circuit_that_opens_ends_what_shows_when_a_sync_is_due(
    ada: httpx2.AsyncClient, service: FakeService, log: FollowedLog, path: str
) -> None:
    for _ in range(2):
        for each in (path, COURSES):
            assert (await ada.get(each)).status_code == 200
    assert len(service.reads) == 2
    log.confirm(0.0, open_circuits=5)
    for _ in range(2):
        await ada.get(path)
    assert len(service.reads) == 4, "the read shows other circuits than those that are known"
    service.open_circuits = 5
    for _ in range(3):
        await ada.get(path)
    assert len(service.reads) == 5
    await ada.get(COURSES)
    assert len(service.reads) == 5, "courses show no circuit"


async def test_the_clock_ends_the_document_with_all_data(
    ada: httpx2.AsyncClient, service: FakeService, clock: WallClock
) -> None:
    service.assignments_change_at = clock.time + timedelta(hours=1)
    for seconds, reads in ((0, 1), (3599, 1), (3600, 2)):
        clock.time = service.assignments_change_at + timedelta(seconds=seconds - 3600)
        await ada.get(DATA)
        assert len(service.reads) == reads


@pytest.mark.parametrize("headers", [IDENTITY, GZIP], ids=str)
async def test_a_large_kept_document_waits_for_those_that_are_not_read(
    app: FastAPI,
    ada: httpx2.AsyncClient,
    service: FakeService,
    monkeypatch: pytest.MonkeyPatch,
    headers: dict[str, str],
) -> None:
    service.stats = b'"%b"' % random.Random(0).randbytes(100_000).hex().encode()
    first = await ada.get(STATS, headers=headers)
    limiter = app_state_of(app).large_responses
    monkeypatch.setattr(limiter, "_timeout_seconds", 0.05)
    slots = [limiter.try_acquire(str(ADA)) for _ in range(4)]
    assert all(slots)
    assert (await ada.get(STATS, headers=headers)).status_code == 429
    conditional = {**headers, "If-None-Match": first.headers["etag"]}
    assert (await ada.get(STATS, headers=conditional)).status_code == 304
    for slot in slots:
        if slot:
            slot.release()
    for _ in range(6):
        again = await ada.get(STATS, headers=headers)
        assert (again.status_code, again.content) == (200, service.stats)
    assert len(service.reads) == 1


async def test_the_clock_ends_a_document(
    ada: httpx2.AsyncClient, service: FakeService, clock: WallClock
) -> None:
    service.stats_change_at = clock.time + timedelta(hours=1)
    for seconds, reads in ((0, 1), (3599, 1), (3600, 2)):
        clock.time = service.stats_change_at + timedelta(seconds=seconds - 3600)
        await ada.get(STATS)
        assert len(service.reads) == reads


async def test_what_has_changed_already_is_not_kept(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.stats_change_at = datetime.now(UTC)
    for _ in range(2):
        await ada.get(STATS)
    assert len(service.reads) == 2
