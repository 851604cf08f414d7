"""What an operator's machines ask: alive, ready, how much, and what our problems mean."""

import asyncio

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from interfaces.http.auth.protected_route import ServiceDep
from interfaces.http.errors.problem import PROBLEM_TYPES, Problem
from interfaces.http.responses import command_response
from interfaces.http.schemas.operations import Alive, Readiness
from interfaces.http.schemas.page import document_responses

HEALTH_TIMEOUT_SECONDS = 3.0
"""Seconds a part may take to say how it does."""

router = APIRouter(tags=["operations"])
metrics_router = APIRouter(tags=["operations"])


@router.get(
    "/health/live",
    operation_id="live",
    summary="Is the process alive?",
    responses=document_responses(200, Alive, "It is"),
)
async def live() -> Response:
    """Answer, which is all it takes; no other part is asked."""
    return command_response({"status": "ok"}, 200)


@router.get(
    "/health/ready",
    operation_id="ready",
    summary="Can it serve?",
    responses=document_responses(200, Readiness, "Every component is well", "not-ready"),
)
async def ready(request: Request, service: ServiceDep) -> Response:
    """Ask the database, the migrations and the read models; tell of the roles all the same."""
    try:
        async with asyncio.timeout(HEALTH_TIMEOUT_SECONDS):
            required, informational = await service.health()
    except TimeoutError:
        required, informational = {"service": f"no answer within {HEALTH_TIMEOUT_SECONDS:g} s"}, {}
    failing = sorted(name for name, status in required.items() if status != "ok")
    components = required | informational
    if failing:
        raise Problem(
            "not-ready",
            f"Not well: {', '.join(failing)}.",
            headers={"Retry-After": "5"},
            components=components,
        )
    components |= request.app.state.request_counters.status
    return command_response({"status": "ok", "components": components}, 200)


@router.get(
    "/problems/{slug}",
    operation_id="getProblem",
    summary="What a problem means",
    responses=document_responses(
        200, None, "What it means and the way out", "not-found", media_type="text/markdown"
    ),
)
async def get_problem(slug: str) -> Response:
    """Explain a kind of problem: what `type` of a problem points at."""
    problem_type = PROBLEM_TYPES.get(slug)
    if problem_type is None:
        raise Problem("not-found", "There is no such kind of problem.")
    heading = f"# {problem_type.title}\n\nStatus {problem_type.status}, type `/problems/{slug}`."
    return Response(f"{heading}\n\n{problem_type.advice}\n", media_type="text/markdown")


@metrics_router.get(
    "/metrics",
    operation_id="metrics",
    summary="Prometheus metrics",
    responses=document_responses(200, None, "The numbers", media_type="text/plain"),
)
async def metrics(request: Request) -> Response:
    """Tell Prometheus how much there is of everything."""
    return Response(await request.app.state.render_metrics(), media_type=CONTENT_TYPE_LATEST)
