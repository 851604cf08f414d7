"""The calendar over HTTP: its secret address, the feed, and the limits of reading it."""

import json
import logging
import re
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from uuid import UUID

import httpx2
import pytest
import structlog
from fastapi import FastAPI
from icalendar import Calendar

from application.end_calendar import EndCalendar
from application.share_calendar import ShareCalendar
from infrastructure.observability.logging import configure_logging
from infrastructure.observability.redaction import MAX_PATH_LENGTH
from infrastructure.rate_limiting.counters import RequestCounters
from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.middleware.rate_limit_policies import ANONYMOUS, CALENDAR, CALENDAR_GUESS
from interfaces.http.middleware.security_headers import STRICT_HEADERS
from projections.assignments.due_dates import DatedAssignment
from tests.dev_tokens import ADA, BOB, SECRET, bearer_headers
from tests.interfaces.http.fake_calendars import CALENDAR_SECRET
from tests.interfaces.http.fake_service import FakeService
from tests.interfaces.http.middleware.quotas import use_up
from tests.interfaces.loopback_server import serve_on_loopback

CALENDAR_PATH = "/api/v1/calendar"
FEED_PATH = f"/calendar/{CALENDAR_SECRET}.ics"
UNKNOWN_PATH = f"/calendar/{CALENDAR_SECRET[::-1]}.ics"
URL = re.compile(r"http://test/calendar/([A-Za-z0-9_-]{43})\.ics")
ESSAY = DatedAssignment(
    assignment_id=UUID("b7a90d3e-52f4-5e0c-93d1-6a5b4c3d2e1f"),
    course_name="Physics",
    course_code="PHYS-1",
    name="Essay über Licht",
    due_at=datetime(2026, 9, 1, 5, 59, 59, tzinfo=UTC),
    points_possible=10.0,
    done="submitted",
    parts=(),
    html_url="https://school.instructure.com/courses/1/assignments/1",
    changes=2,
    updated_at=datetime(2026, 8, 20, tzinfo=UTC),
)


@pytest.fixture
def service() -> FakeService:
    return FakeService(due_dates=[ESSAY])


@pytest.fixture
def counters() -> RequestCounters:
    return RequestCounters(now=lambda: 90.0)


@pytest.fixture
async def app(service: FakeService, counters: RequestCounters) -> AsyncIterator[FastAPI]:
    settings = read_settings(_env_file=None)
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        yield create_app(
            service.as_service(), settings, authenticator=authenticator, request_counters=counters
        )


@pytest.fixture
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)
    structlog.reset_defaults()


async def test_sharing_returns_a_new_address_that_needs_no_token(
    ada: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await ada.post(CALENDAR_PATH)
    assert response.status_code == 201
    assert set(response.json()) == {"url", "created_at"}
    assert response.json()["created_at"].endswith("Z")
    assert response.headers["cache-control"] == "no-store"
    assert "location" not in response.headers
    match = URL.fullmatch(response.json()["url"])
    assert match
    assert match[1] not in str(response.headers)
    assert service.last_call("share_calendar")[0] == (ShareCalendar(person_id=ADA),)
    assert (await anonymous.get(response.json()["url"])).status_code == 200


async def test_sharing_again_ends_the_earlier_address(
    ada: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    first = (await ada.post(CALENDAR_PATH)).json()["url"]
    second = (await ada.post(CALENDAR_PATH, json={})).json()["url"]
    statuses = [(await anonymous.get(url)).status_code for url in (FEED_PATH, first, second)]
    assert statuses == [404, 404, 200]


async def test_sharing_with_the_same_key_makes_one_address(ada: httpx2.AsyncClient) -> None:
    headers = {"Idempotency-Key": "key-1"}
    first, repeated = [await ada.post(CALENDAR_PATH, headers=headers) for _ in range(2)]
    assert repeated.content == first.content
    assert repeated.headers["idempotency-replayed"] == "true"


async def test_ending_is_possible_at_any_time(
    ada: httpx2.AsyncClient, anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    for _ in range(2):
        response = await ada.delete(CALENDAR_PATH)
        assert (response.status_code, response.content) == (204, b"")
    assert service.last_call("end_calendar")[0] == (EndCalendar(person_id=ADA),)
    assert (await anonymous.get(FEED_PATH)).status_code == 404


async def test_a_person_shares_and_ends_only_their_own_calendar(
    anonymous: httpx2.AsyncClient,
) -> None:
    headers = bearer_headers(BOB)
    url = (await anonymous.post(CALENDAR_PATH, headers=headers)).json()["url"]
    assert b"VEVENT" not in (await anonymous.get(url)).content
    assert (await anonymous.delete(CALENDAR_PATH, headers=headers)).status_code == 204
    assert (await anonymous.get(FEED_PATH)).status_code == 200


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"url":"x"}'])
async def test_a_body_with_content_is_refused(ada: httpx2.AsyncClient, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    response = await ada.post(CALENDAR_PATH, content=body, headers=headers)
    assert response.status_code == 422


async def test_the_feed_is_an_icalendar_document_with_the_usual_headers(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await anonymous.get(FEED_PATH)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    assert response.headers["cache-control"] == "private, no-cache"
    assert response.headers["content-disposition"] == 'inline; filename="easeboard.ics"'
    for name, value in STRICT_HEADERS:
        assert response.headers[name.decode()] == value.decode()
    [event] = Calendar.from_ical(response.content).walk("VEVENT")
    assert str(event["summary"]) == "✓ Essay über Licht [PHYS-1]"
    assert service.last_call("due_dates_of")[0] == (ADA,)


async def test_an_unchanged_feed_is_not_sent_again(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    first = await anonymous.get(FEED_PATH)
    tag = first.headers["etag"]
    assert (await anonymous.get(FEED_PATH)).content == first.content
    for known in (tag, tag.removeprefix("W/"), f'"x", {tag}', "*"):
        response = await anonymous.get(FEED_PATH, headers={"If-None-Match": known})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == tag
    service.due_dates = [ESSAY._replace(changes=3)]
    changed = await anonymous.get(FEED_PATH, headers={"If-None-Match": tag})
    assert (changed.status_code, changed.headers["etag"] == tag) == (200, False)


async def test_head_is_get_without_the_body(anonymous: httpx2.AsyncClient) -> None:
    head, get = await anonymous.head(FEED_PATH), await anonymous.get(FEED_PATH)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-type", "content-length", "content-disposition"):
        assert head.headers[name] == get.headers[name]


async def test_a_query_and_a_token_change_nothing(anonymous: httpx2.AsyncClient) -> None:
    feed = (await anonymous.get(FEED_PATH)).content
    for headers in (bearer_headers(BOB), {"Authorization": "Bearer garbage"}, {}):
        response = await anonymous.get(f"{FEED_PATH}?nocache=1", headers=headers)
        assert (response.status_code, response.content) == (200, feed)


@pytest.mark.parametrize(
    "secret",
    [
        CALENDAR_SECRET[::-1],
        CALENDAR_SECRET[:-1],
        f"{CALENDAR_SECRET}A",
        CALENDAR_SECRET.lower(),
        "x",
        "%00",
        "%ff%fe",
        "🧑",
        "a" * 9000,
    ],
)
async def test_any_other_secret_is_looked_up_and_not_found(
    anonymous: httpx2.AsyncClient, service: FakeService, secret: str
) -> None:
    response = await anonymous.get(f"/calendar/{secret}.ics")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/not-found"
    shown = "/calendar/…" if len(secret) > MAX_PATH_LENGTH else "/calendar/[redacted].ics"
    assert response.json()["instance"] == shown
    assert [name for name, _, _ in service.calls] == ["calendar_owner"]


@pytest.mark.parametrize(
    "path", [f"/calendar/{CALENDAR_SECRET}", f"{FEED_PATH}/", f"/calendar/x/{CALENDAR_SECRET}.ics",
             f"/calendars/{CALENDAR_SECRET}.ics", f"//calendar/{CALENDAR_SECRET}.ics"]
)  # fmt: skip
async def test_no_response_has_the_secret_of_a_mistyped_address(
    anonymous: httpx2.AsyncClient, path: str
) -> None:
    response = await anonymous.get(f"http://test{path}")
    assert response.status_code == 404
    assert CALENDAR_SECRET not in response.text + str(response.headers)


async def test_guesses_are_limited_by_address_and_known_calendars_are_still_served(
    anonymous: httpx2.AsyncClient, counters: RequestCounters
) -> None:
    await use_up(counters, CALENDAR_GUESS, "127.0.0.1", remaining=1)
    assert (await anonymous.get(UNKNOWN_PATH)).status_code == 404
    refused = await anonymous.get(UNKNOWN_PATH)
    assert (refused.status_code, refused.json()["type"]) == (429, "/problems/rate-limited")
    assert refused.headers["retry-after"] == "31"
    assert refused.json()["instance"] == "/calendar/[redacted].ics"
    assert (await anonymous.get(FEED_PATH)).status_code == 200


async def test_a_calendar_is_limited_on_its_own(
    anonymous: httpx2.AsyncClient, service: FakeService, counters: RequestCounters
) -> None:
    service.calendars["another"] = BOB
    await use_up(counters, CALENDAR, str(ADA), remaining=1)
    last = await anonymous.get(FEED_PATH)
    assert (last.status_code, last.headers["ratelimit"]) == (200, '"calendar";r=0;t=30')
    refused = await anonymous.get(FEED_PATH)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "31")
    assert (await anonymous.get("/calendar/another.ics")).status_code == 200


async def test_an_address_with_too_many_requests_reads_no_calendar(
    anonymous: httpx2.AsyncClient, service: FakeService, counters: RequestCounters
) -> None:
    await use_up(counters, ANONYMOUS, "127.0.0.1")
    assert (await anonymous.get(FEED_PATH)).status_code == 429
    assert service.calls == []


async def test_the_address_has_the_scheme_and_host_of_the_request(app: FastAPI) -> None:
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        headers = bearer_headers() | {"Host": "easeboard.school.edu", "X-Forwarded-Proto": "https"}
        url = (await client.post(CALENDAR_PATH, headers=headers)).json()["url"]
    assert url.startswith("https://easeboard.school.edu/calendar/")


@pytest.mark.usefixtures("_restored_logging")
async def test_the_log_has_the_route_and_not_the_secret(
    anonymous: httpx2.AsyncClient, capsys: pytest.CaptureFixture[str]
) -> None:
    configure_logging("debug", "json")
    for path in (FEED_PATH, UNKNOWN_PATH, f"/calendar/{CALENDAR_SECRET}"):
        await anonymous.get(path)
    written = capsys.readouterr().err
    assert CALENDAR_SECRET not in written
    assert CALENDAR_SECRET[::-1] not in written
    lines = [json.loads(line) for line in written.splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["path"], line["route"]) for line in requests] == [
        ("/calendar/[redacted].ics", "/calendar/{secret}.ics"),
        ("/calendar/[redacted].ics", "/calendar/{secret}.ics"),
        ("/calendar/[redacted]", "none"),
    ]
