"""Routes for operators: liveness, readiness, metrics, and the explanations of problems."""

import asyncio
from collections.abc import Awaitable, Callable

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from infrastructure.metrics.registry import MetricsRenderer
from interfaces.http.auth.protected_route import ServiceDep
from interfaces.http.context import app_state_of
from interfaces.http.errors.problem import Problem
from interfaces.http.errors.problem_types import PROBLEM_TYPES, not_ready_detail
from interfaces.http.responses import command_response
from interfaces.http.routes.problem_pages import VARY, prefers_html, problem_page, problem_text
from interfaces.http.schemas.operations import Alive, Readiness
from interfaces.http.schemas.page import document_responses
from interfaces.http.schemas.path_parameters import ProblemSlug
from interfaces.queries.health import HealthReport

HEALTH_TIMEOUT_SECONDS = 3.0
"""Seconds for all health checks together; after it the service is not ready."""

PROBLEM_RESPONSES = document_responses(
    200, None, "The cause, and what to do", "not-found", media_type="text/markdown"
)
PROBLEM_RESPONSES[200]["content"]["text/html"] = {"schema": {"type": "string"}}

CheckHealth = Callable[[], Awaitable[HealthReport]]
"""Checks every component of the process."""

router = APIRouter(tags=["operations"])


@router.get(
    "/health/live",
    operation_id="live",
    summary="Check that the process is alive",
    responses=document_responses(200, Alive, "The process is alive"),
)
async def live() -> Response:
    """Respond with 200. No other component is checked."""
    return command_response({"status": "ok"}, 200)


@router.get(
    "/health/ready",
    operation_id="ready",
    summary="Check that the service is ready",
    responses=document_responses(200, Readiness, "The service is ready", "not-ready"),
)
async def ready(request: Request, service: ServiceDep) -> Response:
    """Check the database, the migrations and the read models.

    The status of each role is shown, but does not affect readiness.
    """
    components = await check_readiness(service.health)
    state = app_state_of(request)
    components |= state.request_counters.status | {"sign_in": state.authenticator.status}
    return command_response({"status": "ok", "components": components}, 200)


async def check_readiness(check_health: CheckHealth) -> dict[str, str]:
    """Return the status of each component; raises Problem `not-ready` if a required one fails."""
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_SECONDS):
            required, informational = await check_health()
    except TimeoutError:
        required = {"service": f"no response within {HEALTH_TIMEOUT_SECONDS:g} s"}
        informational = {}
    failing = sorted(name for name, status in required.items() if status != "ok")
    components = required | informational
    if failing:
        raise Problem(
            "not-ready",
            not_ready_detail(failing),
            headers={"Retry-After": "5"},
            components=components,
        )
    return components


@router.get(
    "/problems/{slug}",
    operation_id="getProblem",
    summary="Explain a problem",
    responses=PROBLEM_RESPONSES,
)
async def get_problem(slug: ProblemSlug, request: Request) -> Response:
    """Explain a type of problem. The `type` of a problem is the path of this page.

    A browser, which prefers `text/html`, gets a page.
    """
    if prefers_html(request.headers.get("accept")):
        return problem_page(slug)
    if slug not in PROBLEM_TYPES:
        raise Problem("not-found", headers=VARY)
    return problem_text(slug)


def create_metrics_router(render_metrics: MetricsRenderer) -> APIRouter:
    """Create the route `/metrics`, for the port of the API or for a port of its own."""
    metrics_router = APIRouter(tags=["operations"])

    @metrics_router.get(
        "/metrics",
        operation_id="metrics",
        summary="Show the metrics",
        responses=document_responses(200, None, "The metrics", media_type="text/plain"),
    )
    async def metrics() -> Response:
        """Return the metrics in the text format of Prometheus."""
        return Response(await render_metrics(), media_type=CONTENT_TYPE_LATEST)

    return metrics_router


def create_health_router(check_health: CheckHealth) -> APIRouter:
    """Create `/health/live` and `/health/ready` for the port of a process without the API."""
    health_router = APIRouter(tags=["operations"])
    health_router.add_api_route("/health/live", live)

    @health_router.get("/health/ready")
    async def ready_without_api() -> Response:
        """Check what the API checks, except the rate limits, which only the API has."""
        components = await check_readiness(check_health)
        return command_response({"status": "ok", "components": components}, 200)

    return health_router
