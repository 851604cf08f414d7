"""The example problems of the OpenAPI document have the texts of real problems."""

from typing import Any
from uuid import UUID

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from multidict import CIMultiDict, CIMultiDictProxy
from structlog.testing import capture_logs

from domain.errors import (
    CanvasFailure,
    CanvasUnreachable,
    CanvasUrlNotAllowed,
    ConnectionBusy,
    ConnectionNotFound,
)
from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas.error_mapping import RetryableFailure, map_status, map_transport_error
from infrastructure.canvas.host_policy import HostPolicy
from infrastructure.postgres.errors import DatabaseBusy, DatabaseUnavailable
from infrastructure.projection_engine.rebuild_steps import RebuildRefused
from infrastructure.projection_engine.rollback import RollbackRefused
from infrastructure.queue.syncing_switch import SyncingIsOff
from infrastructure.seals.receipts.make_receipt import GradeNotCommitted
from interfaces.http.errors.error_table import SLUG_BY_ERROR
from interfaces.http.errors.problem_types import PROBLEM_TYPES
from interfaces.http.openapi import openapi_document
from interfaces.http.schemas.example_problems import EXAMPLE_DETAILS, EXAMPLE_ERRORS
from interfaces.http.schemas.examples import CONNECTION_ID, EVENT_EXAMPLE
from interfaces.queries.health import HealthReport
from interfaces.queries.log_proofs import NotSealedYet
from projections.support.page import BadCursor
from tests.dev_tokens import bearer_headers
from tests.infrastructure.canvas.fake_servers import FAST_LIMITS
from tests.infrastructure.canvas.fixed_resolver import FixedResolver
from tests.interfaces.http.authorisation import (
    BODY_BY_ROUTE,
    QUERY_BY_ROUTE,
    STREAM_ROUTES,
    headers_of,
    method_and_path,
)
from tests.interfaces.http.fake_calendars import CALENDAR_SECRET
from tests.interfaces.http.fake_reads import token_at
from tests.interfaces.http.fake_service import FakeService

EVENT_ID = str(EVENT_EXAMPLE["event_id"])
HOST = "school.instructure.com"
BEARER_CHALLENGE = CIMultiDictProxy(CIMultiDict({"WWW-Authenticate": "Bearer"}))


@pytest.mark.parametrize(
    ("slug", "failure"),
    [
        ("canvas-token-rejected", map_status(401, BEARER_CHALLENGE, b"", HOST)),
        ("canvas-timeout", map_transport_error(TimeoutError(), HOST)),
    ],
)
def test_failures_of_canvas_are_real(
    slug: str, failure: CanvasFailure | RetryableFailure | None
) -> None:
    assert str(failure) == EXAMPLE_DETAILS[slug]


async def test_an_address_without_a_canvas_is_real() -> None:
    resolver = FixedResolver([])
    async with CanvasClient(["*.instructure.com"], limits=FAST_LIMITS, resolver=resolver) as canvas:
        with pytest.raises(CanvasUnreachable) as refused:
            await canvas.fetch_user(f"https://{HOST}", "token")
    assert refused.value.detail == EXAMPLE_DETAILS["canvas-unreachable"]


def test_the_refused_canvas_address_is_real() -> None:
    with pytest.raises(CanvasUrlNotAllowed) as refused:
        HostPolicy(["*.instructure.com"], []).allowed_origin("https://school.example")
    assert str(refused.value) == EXAMPLE_DETAILS["canvas-url-not-allowed"]


SERVICE_ERRORS: dict[str, Exception] = {
    **{SLUG_BY_ERROR[type(error)]: error for error in EXAMPLE_ERRORS},
    "bad-cursor": BadCursor("x"),
    "grade-not-committed": GradeNotCommitted(),
    "not-sealed": NotSealedYet(),
    "connection-busy": ConnectionBusy(UUID(CONNECTION_ID)),
    "database-busy": DatabaseBusy(),
    "database-unavailable": DatabaseUnavailable(),
    "internal-error": RuntimeError(),
    "rebuild-running": RebuildRefused(PROBLEM_TYPES["rebuild-running"].detail),
    "no-earlier-version": RollbackRefused(PROBLEM_TYPES["no-earlier-version"].detail),
    "syncing-off": SyncingIsOff(),
}
SERVICE_ERRORS.pop("not-found")  # each route has its own
ROUTES_WITHOUT_SERVICE = STREAM_ROUTES | {
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
    "GET /problems/{slug}",
}
"""Routes that call the service late, or not at all."""
UNKNOWN_IDS = {
    "c0c1": "dead",
    "c103": "dead",
    "c104": "dead",
    "c105": "dead",
    "00c0e1": "00dead",
    "/projections/courses": "/projections/unknown",
    "/problems/not-found": "/problems/unknown",
    CALENDAR_SECRET: "x" * 43,
}
"""Parts of the paths of existing resources, and what to replace them by."""
LARGE_BODY = b"x" * 70_000


@pytest.mark.parametrize("slug", SERVICE_ERRORS)
async def test_a_failure_of_the_service_is_the_example_of_every_route(
    app: FastAPI, anonymous: httpx2.AsyncClient, service: FakeService, slug: str
) -> None:
    service.error = SERVICE_ERRORS[slug]
    routes = routes_with(app, slug) - ROUTES_WITHOUT_SERVICE
    assert routes
    with capture_logs():
        for route in routes:
            assert_is_example(await send(anonymous, route), app, route, slug)


async def test_a_missing_resource_is_the_example_of_every_route(
    app: FastAPI, anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    reads_of_histories = ("history", "state_at", "view_at", "diff", "export_history")
    service.error_by_name = dict.fromkeys(
        reads_of_histories, ConnectionNotFound(UUID(CONNECTION_ID))
    )
    for route in routes_with(app, "not-found"):
        method, path = method_and_path(route)
        for known, unknown in UNKNOWN_IDS.items():
            path = path.replace(known, unknown)
        body, params = BODY_BY_ROUTE.get(route), QUERY_BY_ROUTE.get(route)
        response = await send(anonymous, f"{method} {path}", body=body, params=params)
        id_in_example = EVENT_ID if "{event_id}" in route else CONNECTION_ID
        sent = response.text.replace("00000000-0000-4000-8000-00000000dead", id_in_example)
        assert_is_example(response, app, route, "not-found", sent)


async def test_an_unknown_parameter_is_the_example_of_every_route(
    app: FastAPI, anonymous: httpx2.AsyncClient
) -> None:
    for route in routes_with(app, "invalid-request"):
        response = await send(anonymous, route, params={"unknown": "1"})
        assert_is_example(response, app, route, "invalid-request")
        assert response.json()["errors"] == example_of(app, route, "invalid-request")["errors"]


@pytest.mark.parametrize(
    ("slug", "headers"),
    [
        ("unauthorized", {"Authorization": ""}),
        ("forbidden", bearer_headers()),
        ("bad-consistency-token", {"Consistency-Token": "x"}),
    ],
)
async def test_a_refused_header_is_the_example_of_every_route(
    app: FastAPI, anonymous: httpx2.AsyncClient, slug: str, headers: dict[str, str]
) -> None:
    for route in routes_with(app, slug):
        assert_is_example(await send(anonymous, route, headers=headers), app, route, slug)


async def test_a_late_read_model_is_the_example_of_every_route(
    app: FastAPI, anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.projected_position, service.catches_up = 0, False
    headers = {"Consistency-Token": token_at(7)}
    seen = 0
    for route in routes_with(app, "projection-behind"):
        response = await send(anonymous, route, headers=headers)
        if service.waits:
            assert_is_example(response, app, route, "projection-behind")
            seen += 1
        service.waits.clear()
    assert seen > 10


@pytest.mark.parametrize(
    ("slug", "content"), [("body-too-large", LARGE_BODY), ("bad-request", b'"\xff"')]
)
async def test_an_unreadable_body_is_the_example_of_every_route(
    app: FastAPI, anonymous: httpx2.AsyncClient, slug: str, content: bytes
) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": "one"}
    seen = 0
    for route in routes_with(app, slug):
        response = await send(anonymous, route, headers=headers, content=content)
        if response.json()["type"] == f"/problems/{slug}":
            assert_is_example(response, app, route, slug)
            seen += 1
    assert seen >= 3


async def test_a_service_that_is_not_ready_is_the_example(
    app: FastAPI, anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.health_report = HealthReport({"database": "ok", "migrations": "not applied"}, {})
    route = "GET /health/ready"
    assert_is_example(await send(anonymous, route), app, route, "not-ready")


def routes_with(app: FastAPI, slug: str) -> set[str]:
    """The routes that document a problem."""
    return {
        f"{method.upper()} {path}"
        for path, methods in openapi_document(app)["paths"].items()
        for method, operation in methods.items()
        if any(slug in examples_in(response) for response in operation["responses"].values())
    }


def examples_in(response: dict[str, Any]) -> dict[str, Any]:
    content = response.get("content", {}).get("application/problem+json", {})
    examples: dict[str, Any] = content.get("examples", {})
    return examples


def example_of(app: FastAPI, route: str, slug: str) -> dict[str, Any]:
    method, path = route.split(" ")
    responses = openapi_document(app)["paths"][path][method.lower()]["responses"]
    status = str(PROBLEM_TYPES[slug].status)
    example: dict[str, Any] = examples_in(responses[status])[slug]["value"]
    return example


async def send(client: httpx2.AsyncClient, route: str, **request: Any) -> httpx2.Response:
    method, path = method_and_path(route)
    headers = headers_of("admin") | request.pop("headers", {})
    request["params"] = request.pop("params", None) or QUERY_BY_ROUTE.get(route)
    if "content" not in request:
        request["json"] = request.pop("body", None) or BODY_BY_ROUTE.get(route)
    return await client.request(method, path, headers=headers, **request)


def assert_is_example(
    response: httpx2.Response, app: FastAPI, route: str, slug: str, sent: str | None = None
) -> None:
    """Compare a problem with the example of its route: all members, and their texts."""
    problem, example = orjson.loads(sent or response.content), example_of(app, route, slug)
    assert problem.keys() == example.keys(), route
    for name in ("type", "title", "status", "detail"):
        assert problem[name] == example[name], route
    assert response.status_code == example["status"]
