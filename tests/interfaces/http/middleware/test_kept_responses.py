"""Reads that are answered with kept documents: the same answers, without asking the database."""

import gzip
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from infrastructure.subscriptions.followed_log import FollowedLog
from interfaces.http.context import app_state_of
from interfaces.http.middleware.kept_responses import KEPT_PATHS
from tests.dev_tokens import ADA, BOB, bearer_headers
from tests.interfaces.http.fake_reads import HEAD, token_at
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
from tests.metric_deltas import metric_delta

LARGE = b'{"text":"%b"}' % (b"ab" * 60_000)


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


def without_own_headers(response: httpx2.Response) -> Any:
    """What an answer shows: everything that is not about this request or its rate limit."""
    names = ("etag", "cache-control", "consistency-token", "content-type", "vary")
    headers = {name: response.headers.get(name) for name in names}
    return response.status_code, headers, response.content


@pytest.mark.parametrize("path", sorted(KEPT_PATHS))
async def test_the_second_answer_is_the_first_and_asks_nobody(
    ada: httpx2.AsyncClient, service: FakeService, path: str
) -> None:
    first = await ada.get(path)
    assert first.status_code == 200
    service.reads.clear()
    service.calls.clear()
    second = await ada.get(path)
    assert without_own_headers(second) == without_own_headers(first)
    unchanged = await ada.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["consistency-token"] == first.headers["consistency-token"]
    assert (service.reads, service.calls) == ([], [])


@pytest.mark.parametrize(
    ("known", "status"),
    [("*", 304), (" * ", 304), ('"a", {}', 304), ('"a"', 200), ("a*b", 200), ('"*"', 200)],
)
async def test_only_its_own_tag_or_a_star_alone_is_the_document(
    ada: httpx2.AsyncClient, known: str, status: int
) -> None:
    tag = (await ada.get(STATS)).headers["etag"]
    response = await ada.get(STATS, headers={"If-None-Match": known.format(tag)})
    assert response.status_code == status


async def test_a_change_of_the_person_ends_it_and_one_of_others_does_not(
    ada: httpx2.AsyncClient, service: FakeService, log: FollowedLog
) -> None:
    await ada.get(STATS)
    service.stats = b'{"completion_rate":1}'
    log.advance(HEAD + 1, {BOB: HEAD + 1})
    assert (await ada.get(STATS)).json() == {"completion_rate": None}
    log.advance(HEAD + 2, {ADA: HEAD + 2})
    service.projected_position = HEAD + 2
    assert (await ada.get(STATS)).json() == {"completion_rate": 1}


async def test_nobody_gets_the_document_of_another_person(
    ada: httpx2.AsyncClient, anonymous: httpx2.AsyncClient
) -> None:
    assert (await ada.get(COURSES)).json()["items"] == [{"name": "Physics"}]
    assert (await anonymous.get(COURSES, headers=bearer_headers(BOB))).json()["items"] == []
    assert (await anonymous.get(COURSES)).status_code == 401
    assert (await anonymous.get(COURSES, headers={"Authorization": "Bearer x"})).status_code == 401


@pytest.mark.parametrize(
    ("query", "status", "reads"),
    [
        ("limit=100", 200, 0),
        ("limit=%31%30%30", 200, 0),
        ("limit=7", 200, 1),
        ("q=", 200, 1),
        ("limit=100&limit=100", 422, 0),
        ("limit=0", 422, 0),
        ("tenant=1", 422, 0),
        ("q=" + "x" * 150 + "&cursor=" + "y" * 150, 200, 2),
    ],
)
async def test_a_query_has_a_document_of_its_own(
    ada: httpx2.AsyncClient, service: FakeService, query: str, status: int, reads: int
) -> None:
    await ada.get(COURSES)
    service.reads.clear()
    for _ in range(2):
        assert (await ada.get(f"{COURSES}?{query}")).status_code == status
    assert len(service.reads) == reads


async def test_a_token_is_judged_by_the_database(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    await ada.get(COURSES)
    response = await ada.get(COURSES, headers={"Consistency-Token": token_at(HEAD)})
    assert response.headers["consistency-token"] == token_at(HEAD)
    assert len(service.reads) == 2
    refused = await ada.get(COURSES, headers={"Consistency-Token": "42"})
    assert (refused.status_code, len(service.reads)) == (400, 2)


async def test_a_request_with_a_body_goes_the_ordinary_way(ada: httpx2.AsyncClient) -> None:
    await ada.get(COURSES)
    response = await ada.request("GET", COURSES, content=b"x" * 70_000)
    assert response.status_code == 413


async def test_it_is_counted_and_logged_like_any_other(ada: httpx2.AsyncClient) -> None:
    counted = metric_delta(
        "easeboard_http_requests_total", method="GET", route=COURSES, status="200"
    )
    first = await ada.get(COURSES)
    with capture_logs() as logs:
        second = await ada.get(COURSES)
    [line] = logs
    assert (line["route"], line["status"], line["user_id"]) == (COURSES, 200, str(ADA))
    assert counted() == 2
    left = [int(response.headers["ratelimit-remaining"]) for response in (first, second)]
    assert left[0] == left[1] + 1
    assert first.headers.keys() == second.headers.keys()


@pytest.mark.parametrize("size", [500, 2_000, 120_000])
async def test_both_representations_are_the_same_document(
    ada: httpx2.AsyncClient, service: FakeService, size: int
) -> None:
    service.stats = LARGE[:size] + b'"}'
    for _ in range(2):
        plain = await ada.get(STATS, headers=IDENTITY)
        packed = await ada.get(STATS, headers=GZIP)
        assert plain.content == packed.content == service.stats
        assert plain.headers["content-length"] == str(len(service.stats))
        assert (packed.headers.get("content-encoding") == "gzip") == (size >= 1024)
        varies_by = plain.headers.get("vary", "").split(", ")
        assert ("Accept-Encoding" in varies_by) == (size >= 1024)
        assert packed.headers["etag"].removeprefix("W/") == plain.headers["etag"]
        assert packed.headers["etag"].startswith("W/") == (size >= 1024)
        for tag in (plain.headers["etag"], packed.headers["etag"]):
            for wanted in (IDENTITY, GZIP):
                again = await ada.get(STATS, headers={**wanted, "If-None-Match": tag})
                assert (again.status_code, again.content) == (304, b"")
                assert again.headers.get("vary") == plain.headers.get("vary")
        head = await ada.head(STATS, headers=GZIP)
        assert head.headers["content-length"] == packed.headers["content-length"]
    assert len(service.reads) == 1


async def test_a_large_kept_response_is_released(
    app: FastAPI, ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.stats = LARGE
    for _ in range(6):
        assert (await ada.get(STATS, headers=IDENTITY)).content == LARGE
    limiter = app_state_of(app).large_responses
    slots = [limiter.try_acquire(str(ADA)) for _ in range(4)]
    assert all(slots)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["change", "other", "read"]),
            st.sampled_from([{}, GZIP, IDENTITY]),
            st.booleans(),
        ),
        max_size=30,
    )
)
async def test_whatever_happens_the_answer_is_that_of_the_database(
    ada: httpx2.AsyncClient,
    service: FakeService,
    log: FollowedLog,
    steps: list[tuple[str, dict[str, str], bool]],
) -> None:
    known_tag, current_tag = '""', ""
    for kind, headers, is_conditional in steps:
        position = log.knowledge().place.position + 1
        if kind == "read":
            sent = {**headers, "If-None-Match": known_tag} if is_conditional else headers
            response = await ada.get(STATS, headers=sent)
            is_known = is_conditional and response.status_code == 304
            assert is_known or response.content == service.stats
            assert not is_known or known_tag.removeprefix("W/") == current_tag
            known_tag = response.headers["etag"]
            current_tag = known_tag.removeprefix("W/")
        elif kind == "change":
            service.stats = b'{"position":%d,"text":"%b"}' % (position, b"x" * (position % 3000))
            log.advance(position, {ADA: position})
            service.projected_position, current_tag = position, ""
        else:
            log.advance(position, {BOB: position})


async def test_what_is_kept_is_compressed_once(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.stats = LARGE
    await ada.get(STATS, headers=GZIP)
    async with ada.stream("GET", STATS, headers=GZIP) as response:
        raw = b"".join([part async for part in response.aiter_raw()])
    assert gzip.decompress(raw) == LARGE
    assert len(raw) == int(response.headers["content-length"])
