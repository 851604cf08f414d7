"""The example problems of the OpenAPI document have the texts of real problems."""

from typing import Any

import httpx2
import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from domain.errors import CanvasFailure, CanvasUrlNotAllowed
from infrastructure.canvas.error_mapping import RetryableFailure, map_status, map_transport_error
from infrastructure.canvas.host_policy import HostPolicy
from infrastructure.postgres.errors import DatabaseBusy, DatabaseUnavailable
from interfaces.http.schemas.example_problems import EXAMPLE_DETAILS
from interfaces.queries.health import HealthReport
from projections.support.page import BadCursor
from tests.dev_tokens import bearer_headers
from tests.interfaces.http.fake_service import FakeService

HOST = "school.instructure.com"
COURSES = "/api/v1/canvas/courses"
NO_HEADERS = CIMultiDictProxy(CIMultiDict[str]())
BEARER_CHALLENGE = CIMultiDictProxy(CIMultiDict({"WWW-Authenticate": "Bearer"}))


@pytest.mark.parametrize(
    ("slug", "failure"),
    [
        ("canvas-token-rejected", map_status(401, BEARER_CHALLENGE, b"", HOST)),
        ("canvas-unreachable", map_status(503, NO_HEADERS, b"", HOST)),
        ("canvas-timeout", map_transport_error(TimeoutError(), HOST)),
    ],
)
def test_failures_of_canvas_are_real(
    slug: str, failure: CanvasFailure | RetryableFailure | None
) -> None:
    assert str(failure) == EXAMPLE_DETAILS[slug]


def test_the_refused_canvas_address_is_real() -> None:
    with pytest.raises(CanvasUrlNotAllowed) as refused:
        HostPolicy(["*.instructure.com"], []).allowed_origin("https://school.example")
    assert str(refused.value) == EXAMPLE_DETAILS["canvas-url-not-allowed"]


NO_TOKEN: dict[str, str] = {}
STUDENT = bearer_headers()
BAD_CONSISTENCY_TOKEN = {**STUDENT, "Consistency-Token": "x"}


@pytest.mark.parametrize(
    ("slug", "path", "headers"),
    [
        ("unauthorized", COURSES, NO_TOKEN),
        ("forbidden", "/api/v1/admin/projections", STUDENT),
        ("forbidden", "/api/v1/audit/connections", STUDENT),
        ("invalid-request", COURSES + "?limit=0", STUDENT),
        ("bad-consistency-token", COURSES, BAD_CONSISTENCY_TOKEN),
        ("not-ready", "/health/ready", NO_TOKEN),
        ("not-found", "/problems/unknown", NO_TOKEN),
    ],
)
async def test_a_refusal_is_the_example_of_its_route(
    anonymous: httpx2.AsyncClient,
    service: FakeService,
    slug: str,
    path: str,
    headers: dict[str, str],
) -> None:
    service.health_report = HealthReport({"database": "ok", "migrations": "not applied"}, {})
    problem = (await anonymous.get(path, headers=headers)).json()
    route = path.partition("?")[0].replace("unknown", "{slug}")
    assert _texts(problem) == _texts(await _example(anonymous, route, slug, problem["status"]))


@pytest.mark.parametrize(
    ("slug", "error"),
    [
        ("bad-cursor", BadCursor("x")),
        ("database-busy", DatabaseBusy()),
        ("database-unavailable", DatabaseUnavailable()),
        ("internal-error", RuntimeError()),
    ],
)
async def test_a_failure_is_the_example_of_its_route(
    ada: httpx2.AsyncClient, service: FakeService, slug: str, error: Exception
) -> None:
    service.error = error
    problem = (await ada.get(COURSES)).json()
    assert _texts(problem) == _texts(await _example(ada, COURSES, slug, problem["status"]))


async def _example(client: httpx2.AsyncClient, route: str, slug: str, status: int) -> Any:
    document = (await client.get("/openapi.json")).json()
    response = document["paths"][route]["get"]["responses"][str(status)]
    return response["content"]["application/problem+json"]["examples"][slug]["value"]


def _texts(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: problem[name] for name in ("type", "title", "status", "detail")}
