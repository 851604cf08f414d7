import asyncio

import httpx2
import pytest
from fastapi import FastAPI

from tests.deadlines import scaled
from tests.interfaces.http.authorisation import (
    ALLOWED_IDENTITIES,
    QUERY_BY_ROUTE,
    ROUTE_ACCESS,
    headers_of,
    method_and_path,
)
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService
from tests.interfaces.loopback_server import serve_on_loopback
from tests.metric_deltas import metric_delta

READS = sorted(route for route in ROUTE_ACCESS if route.startswith("GET"))
STREAM = "GET /api/v1/sync/events"
HISTORY_READS = [route for route in READS if "/audit/connections/{" in route]
SENT_IN_PIECES = {
    STREAM: "text/event-stream",
    "GET /api/v1/me/export": "application/json",
    "GET /api/v1/audit/connections/{connection_id}/export": "application/x-ndjson",
}
"""Routes whose response is sent while it is made, so without a length, and its media type."""
VARIABLE_HEADERS = {"x-request-id", "date", "etag", "content-length"}
"""Headers that may differ between two responses if the body has changing values."""
RATE_LIMIT_USAGE = {"ratelimit", "ratelimit-remaining", "ratelimit-reset"}


@pytest.mark.parametrize("route", [route for route in READS if route != STREAM])
async def test_head_responds_like_get_without_the_body(
    anonymous: httpx2.AsyncClient, route: str
) -> None:
    _, path = method_and_path(route)
    for identity in ("none", "student A", "admin"):
        headers, params = headers_of(identity), QUERY_BY_ROUTE.get(route)
        get_response = await anonymous.get(path, headers=headers, params=params)
        head_response = await anonymous.head(path, headers=headers, params=params)
        assert head_response.status_code == get_response.status_code
        assert (head_response.status_code < 300) == (
            identity in ALLOWED_IDENTITIES[ROUTE_ACCESS[route]]
        )
        assert head_response.content == b""
        variable = (
            VARIABLE_HEADERS
            if path == "/metrics" or get_response.status_code >= 400
            else {"x-request-id"}
        )
        variable = variable | RATE_LIMIT_USAGE
        assert _stable_headers(head_response, variable) == _stable_headers(get_response, variable)
        is_sent_in_pieces = route in SENT_IN_PIECES and head_response.is_success
        assert ("content-length" in head_response.headers) != is_sent_in_pieces


def _stable_headers(response: httpx2.Response, variable: set[str]) -> dict[str, str]:
    return {name: value for name, value in response.headers.items() if name not in variable}


async def test_head_is_counted_as_head(ada: httpx2.AsyncClient) -> None:
    live = {"route": "/health/live", "status": "200"}
    heads = metric_delta("easeboard_http_requests_total", method="HEAD", **live)
    gets = metric_delta("easeboard_http_requests_total", method="GET", **live)
    await ada.head("/health/live")
    assert (heads(), gets()) == (1, 0)


async def test_head_is_refused_without_a_get_route(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await ada.head(f"/api/v1/canvas/connections/{CONNECTION_ID}/validate")
    assert (response.status_code, response.headers["allow"], response.content) == (405, "POST", b"")
    assert service.calls == []


async def test_head_is_not_in_the_openapi_document(ada: httpx2.AsyncClient) -> None:
    paths = (await ada.get("/openapi.json")).json()["paths"]
    assert all("head" not in methods for methods in paths.values())


async def test_head_over_a_real_connection(app: FastAPI) -> None:
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        get_response = await client.get("/health/live")
        for _ in range(2):
            head_response = await client.head("/health/live")
            assert (head_response.status_code, head_response.content) == (200, b"")
            assert head_response.headers["content-length"] == get_response.headers["content-length"]


@pytest.mark.parametrize("route", SENT_IN_PIECES)
async def test_head_of_a_stream_completes(app: FastAPI, route: str) -> None:
    _, path = method_and_path(route)
    headers = headers_of("admin")
    heads = metric_delta(
        "easeboard_http_requests_total",
        method="HEAD",
        route=route.removeprefix("GET "),
        status="200",
    )
    async with serve_on_loopback(app) as base, httpx2.AsyncClient(base_url=base) as client:
        async with asyncio.timeout(scaled(5)):
            head_response = await client.head(path, headers=headers)
            second = await client.head(path, headers=headers)
    assert head_response.headers["content-type"].startswith(SENT_IN_PIECES[route])
    assert (head_response.status_code, second.status_code) == (200, 200)
    assert heads() == 2


async def test_head_of_a_history_is_recorded_like_get(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    for route in HISTORY_READS:
        _, path = method_and_path(route)
        for send in (anonymous.get, anonymous.head):
            service.calls.clear()
            await send(path, params=QUERY_BY_ROUTE.get(route), headers=headers_of("admin"))
            [command], _ = service.last_call("record_history_read")
            assert (command.connection_id, command.purpose) == (
                CONNECTION_ID,
                headers_of("admin")["Purpose"],
            ), route
