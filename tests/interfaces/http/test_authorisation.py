import httpx2
import pytest
from fastapi import FastAPI
from starlette.routing import Route, WebSocketRoute

from tests.interfaces.http.authorisation import BODIES, OWNED, PASSES, TABLE, address
from tests.signing import ADA, BOB, bearer

WHO = {
    "none": {},
    "garbage": {"Authorization": "Bearer garbage"},
    "expired": bearer(ttl=-60),
    "student": bearer(ADA),
    "auditor": bearer(ADA, "auditor"),
    "admin": bearer(ADA, "admin"),
}
STREAMS = {"GET /api/v1/sync/events"}
REQUESTS = sorted(route for route in TABLE if not route.startswith("WS"))


def test_every_route_is_in_the_table(app: FastAPI) -> None:
    requests = {
        f"{method} {route.path}"
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    sockets = {f"WS {route.path}" for route in app.routes if isinstance(route, WebSocketRoute)}
    assert all(isinstance(route, Route | WebSocketRoute) for route in app.routes)
    assert requests | sockets == set(TABLE)


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize("route", REQUESTS)
async def test_only_who_may_passes(stranger: httpx2.AsyncClient, route: str, who: str) -> None:
    method, path = address(route)
    passes = who in PASSES[TABLE[route]]
    if passes and route in STREAMS:
        return  # it never ends: tests/interfaces/live
    answer = await stranger.request(method, path, headers=WHO[who], json=BODIES.get(route))
    if passes:
        assert answer.status_code < 300
    elif who in {"none", "garbage", "expired"}:
        assert answer.status_code == 401
        assert answer.json()["type"] == "/problems/unauthorized"
        assert answer.headers["www-authenticate"].startswith("Bearer")
    else:
        assert answer.status_code == 403
        assert answer.json()["type"] == "/problems/forbidden"


@pytest.mark.parametrize("route", OWNED)
async def test_what_is_somebody_elses_is_not_found(
    stranger: httpx2.AsyncClient, route: str
) -> None:
    method, path = address(route)
    answer = await stranger.request(method, path, headers=bearer(BOB), json=BODIES.get(route))
    assert answer.status_code == 404
    assert answer.json()["type"] == "/problems/not-found"


@pytest.mark.parametrize("route", REQUESTS)
async def test_a_stranger_is_refused_before_the_request_is_read(
    stranger: httpx2.AsyncClient, route: str
) -> None:
    method, path = address(route)
    if "none" in PASSES[TABLE[route]]:
        return
    answer = await stranger.request(
        method, path, content=b"{no json", headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 401
