"""What an operator's machines ask: alive, ready, how much, and what our problems mean."""

import asyncio

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from interfaces.http.auth.protected_route import Wired
from interfaces.http.errors.problem import KINDS, Problem
from interfaces.http.responses import done
from interfaces.http.schemas.operations import Alive, Readiness
from interfaces.http.schemas.page import documented

PATIENCE = 3.0
"""Seconds a part may take to say how it does."""

router = APIRouter(tags=["operations"])
metrics_router = APIRouter(tags=["operations"])


@router.get(
    "/health/live",
    operation_id="live",
    summary="Is the process alive?",
    responses=documented(200, Alive, "It is"),
)
async def live() -> Response:
    """Answer, which is all it takes; no other part is asked."""
    return done({"status": "ok"}, 200)


@router.get(
    "/health/ready",
    operation_id="ready",
    summary="Can it serve?",
    responses=documented(200, Readiness, "Every component is well", "not-ready"),
)
async def ready(request: Request, service: Wired) -> Response:
    """Ask the database, the migrations and the read models; tell of the roles all the same."""
    try:
        async with asyncio.timeout(PATIENCE):
            needed, told = await service.health()
    except TimeoutError:
        needed, told = {"service": f"no answer within {PATIENCE:g} s"}, {}
    unwell = sorted(name for name, word in needed.items() if word != "ok")
    components = needed | told
    if unwell:
        raise Problem(
            "not-ready",
            f"Not well: {', '.join(unwell)}.",
            headers={"Retry-After": "5"},
            components=components,
        )
    components |= request.app.state.counts.standing
    return done({"status": "ok", "components": components}, 200)


@router.get(
    "/problems/{slug}",
    operation_id="getProblem",
    summary="What a problem means",
    responses=documented(
        200, None, "What it means and the way out", "not-found", media_type="text/markdown"
    ),
)
async def explain(slug: str) -> Response:
    """Explain a kind of problem: what `type` of a problem points at."""
    kind = KINDS.get(slug)
    if kind is None:
        raise Problem("not-found", "There is no such kind of problem.")
    text = f"# {kind.title}\n\nStatus {kind.status}, type `/problems/{slug}`.\n\n{kind.advice}\n"
    return Response(text, media_type="text/markdown")


@metrics_router.get(
    "/metrics",
    operation_id="metrics",
    summary="Prometheus metrics",
    responses=documented(200, None, "The numbers", media_type="text/plain"),
)
async def metrics(request: Request) -> Response:
    """Tell Prometheus how much there is of everything."""
    return Response(await request.app.state.scrape(), media_type=CONTENT_TYPE_LATEST)
