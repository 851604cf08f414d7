import asyncio

import httpx2
import pytest
from fastapi import FastAPI

from tests.dev_tokens import ADA, bearer
from tests.interfaces.http.authorisation import PASSES, TABLE, address
from tests.interfaces.http.fake_service import CONNECTION, Told
from tests.interfaces.loopback_server import serving
from tests.metric_deltas import counted

READS = sorted(route for route in TABLE if route.startswith("GET"))
STREAM = "GET /api/v1/sync/events"
CHANGES = {"x-request-id", "date", "etag", "content-length"}
"""What two answers to the same question may differ in, where they hold numbers that move."""
SPENT = {"ratelimit", "ratelimit-remaining", "ratelimit-reset"}


@pytest.mark.parametrize("route", [route for route in READS if route != STREAM])
async def test_head_answers_as_get_without_the_body(
    stranger: httpx2.AsyncClient, route: str
) -> None:
    _, path = address(route)
    for who, headers in {
        "none": {},
        "student A": bearer(ADA),
        "admin": bearer(ADA, "admin"),
    }.items():
        got = await stranger.get(path, headers=headers)
        head = await stranger.head(path, headers=headers)
        assert head.status_code == got.status_code
        assert (head.status_code < 300) == (who in PASSES[TABLE[route]])
        assert head.content == b""
        moves = CHANGES if path == "/metrics" or got.status_code >= 400 else {"x-request-id"}
        moves = moves | SPENT
        assert _still(head, moves) == _still(got, moves)
        assert "content-length" in head.headers


def _still(answer: httpx2.Response, moves: set[str]) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in moves}


async def test_head_is_counted_as_what_it_is(ada: httpx2.AsyncClient) -> None:
    live = {"route": "/health/live", "status": "200"}
    heads = counted("easeboard_http_requests_total", method="HEAD", **live)
    gets = counted("easeboard_http_requests_total", method="GET", **live)
    await ada.head("/health/live")
    assert (heads(), gets()) == (1, 0)


async def test_head_is_only_where_get_is(ada: httpx2.AsyncClient, told: Told) -> None:
    answer = await ada.head(f"/api/v1/canvas/connections/{CONNECTION}/validate")
    assert (answer.status_code, answer.headers["allow"], answer.content) == (405, "POST", b"")
    assert told.asked == []


async def test_head_stays_out_of_the_document(ada: httpx2.AsyncClient) -> None:
    paths = (await ada.get("/openapi.json")).json()["paths"]
    assert all("head" not in methods for methods in paths.values())


async def test_head_on_the_wire(app: FastAPI) -> None:
    async with serving(app) as base, httpx2.AsyncClient(base_url=base) as client:
        got = await client.get("/health/live")
        for _ in range(2):
            head = await client.head("/health/live")
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == got.headers["content-length"]


async def test_head_of_a_stream_ends(app: FastAPI) -> None:
    _, path = address(STREAM)
    async with serving(app) as base, httpx2.AsyncClient(base_url=base) as client:
        async with asyncio.timeout(5):
            head = await client.head(path, headers=bearer())
            again = await client.head(path, headers=bearer())
        assert head.headers["content-type"].startswith("text/event-stream")
        assert (head.status_code, again.status_code) == (200, 200)
        text = (await client.get("/metrics")).text
        assert f'method="HEAD",route="{path}",status="200"}} 2.0' in text
