"""Whatever path a stranger requests, little of it is logged and returned."""

import io
import json
import logging
from collections.abc import AsyncIterator, Iterator

import httpx2
import pytest
import structlog
from fastapi import FastAPI

from infrastructure.observability.logging import configure_logging
from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.middleware.concurrency_limiter import ConcurrencyLimiter
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS
from interfaces.http.middleware.request_limiters import RequestLimiters
from tests.dev_tokens import SECRET, bearer_headers
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.http.middleware.quotas import use_up
from tests.interfaces.loopback_server import serve_on_loopback

PATHS = {
    "jwt": "/" + "eyJ-" * 7500,
    "connection": "/api/v1/canvas/connections/" + "eyJ-" * 7500,
    "slashes": "/a" * 15_000,
    "calendar": "/calendar/" + "x" * 30_000 + ".ics",
    "escapes": "/%F0%9F%98%80" * 2400,
    "controls": "/" + "%1b" * 10_000,
}
MAX_LINE, MAX_PROBLEM = 4_000, 2_000


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the service writes to its log, as in production."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    configure_logging("info", "json")
    (handler,) = root.handlers
    assert isinstance(handler, logging.StreamHandler)
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    written = io.StringIO()
    handler.setStream(written)
    yield written
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture
def counters() -> RequestCounters:
    return RequestCounters()


@pytest.fixture
async def app(service: FakeService, counters: RequestCounters) -> AsyncIterator[FastAPI]:
    settings = read_settings(_env_file=None)
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        yield create_app(
            service.as_service(), settings, authenticator=authenticator, request_counters=counters
        )


async def check_refusal(
    app: FastAPI, log: io.StringIO, path: str, status: int, **options: object
) -> None:
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        response = await client.get(path, **options)  # type: ignore[arg-type]
    assert response.status_code == status
    assert len(response.content) < MAX_PROBLEM
    lines = log.getvalue().splitlines()
    assert any(json.loads(line)["event"] == "request" for line in lines) or status == 431
    assert max(map(len, lines), default=0) < MAX_LINE


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
async def test_a_path_that_is_not_found(app: FastAPI, log: io.StringIO, path: str) -> None:
    status = 401 if "connections" in path else 404
    await check_refusal(app, log, path, status)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
async def test_a_path_over_the_rate_limit(
    app: FastAPI, counters: RequestCounters, log: io.StringIO, path: str
) -> None:
    await use_up(counters, ANONYMOUS, "127.0.0.1")
    await check_refusal(app, log, path, 429)


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
async def test_a_path_that_gets_no_slot(
    service: FakeService,
    monkeypatch: pytest.MonkeyPatch,
    log: io.StringIO,
    path: str,
) -> None:
    full = ConcurrencyLimiter(
        0, slots_per_owner=1, max_waiting=0, max_waiting_per_owner=1, timeout_seconds=0
    )
    limiters = RequestLimiters(default=full)
    monkeypatch.setattr("interfaces.http.app.RequestLimiters", lambda: limiters)
    settings = read_settings(_env_file=None)
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        app = create_app(service.as_service(), settings, authenticator=authenticator)
        await check_refusal(app, log, path, 503, headers=bearer_headers())


async def test_a_path_over_the_limit_of_a_head(app: FastAPI, log: io.StringIO) -> None:
    await check_refusal(app, log, "/" + "eyJ-" * 10_000, 431)
