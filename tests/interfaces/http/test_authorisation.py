import httpx2
import orjson
import pytest
from fastapi import FastAPI
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.dev_tokens import SECRET
from tests.interfaces.http.authorisation import (
    BODIES,
    OWNED,
    PASSES,
    STREAMS,
    TABLE,
    TOKENS,
    address,
    expected,
    headers_of,
)
from tests.interfaces.loopback_server import serving

REQUESTS = sorted(route for route in TABLE if not route.startswith("WS"))
SOCKETS = sorted(route for route in TABLE if route.startswith("WS"))
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"}
REFUSALS = {401: "unauthorized", 403: "forbidden", 404: "not-found"}


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


@pytest.mark.parametrize("who", TOKENS)
@pytest.mark.parametrize("route", [route for route in REQUESTS if route not in STREAMS])
async def test_only_who_may_passes(stranger: httpx2.AsyncClient, route: str, who: str) -> None:
    method, path = address(route)
    answer = await stranger.request(method, path, headers=headers_of(who), json=BODIES.get(route))
    assert _status(answer) == expected(route, who)
    if refused := REFUSALS.get(answer.status_code):
        assert answer.json()["type"] == f"/problems/{refused}"
    if answer.status_code == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")


def _status(answer: httpx2.Response) -> int:
    return 200 if answer.is_success else answer.status_code


@pytest.mark.parametrize("who", TOKENS)
@pytest.mark.parametrize("route", STREAMS)
async def test_only_who_may_listens_to_a_stream(app: FastAPI, route: str, who: str) -> None:
    method, path = address(route)
    async with (
        serving(app) as base,
        httpx2.AsyncClient() as client,
        client.stream(method, base + path, headers=headers_of(who)) as answer,
    ):
        assert _status(answer) == expected(route, who)


@pytest.mark.parametrize("by", ["message", "subprotocol"])
@pytest.mark.parametrize("who", TOKENS)
@pytest.mark.parametrize("route", SOCKETS)
async def test_only_who_may_opens_a_socket(app: FastAPI, route: str, who: str, by: str) -> None:
    token = TOKENS[who] or ""
    in_protocol = by == "subprotocol" and token
    offered = [Subprotocol("bearer"), Subprotocol(token)] if in_protocol else None
    async with serving(app) as base:
        place = base.replace("http", "ws") + address(route)[1]
        async with connect(place, proxy=None, subprotocols=offered) as socket:
            if not offered:
                await socket.send(orjson.dumps({"type": "auth", "token": token}))
            try:
                assert '"snapshot"' in str(await socket.recv())
                found = 200
            except ConnectionClosed:
                found = socket.close_code or 0
    assert found == expected(route, who)


@pytest.mark.parametrize("route", sorted(OWNED))
async def test_what_is_somebody_elses_looks_like_what_does_not_exist(
    stranger: httpx2.AsyncClient, route: str
) -> None:
    method, path = address(route)
    nowhere = path.replace("00c0c1", "00dead")
    assert nowhere != path
    headers = headers_of("student B")
    theirs = await stranger.request(method, path, headers=headers, json=BODIES.get(route))
    missing = await stranger.request(method, nowhere, headers=headers, json=BODIES.get(route))
    moving = ("request_id", "instance", "detail", "connection_id")
    said = [
        {name: value for name, value in answer.json().items() if name not in moving}
        for answer in (theirs, missing)
    ]
    assert said[0] == said[1]
    assert theirs.status_code == 404


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


@pytest.mark.parametrize("route", REQUESTS)
async def test_no_other_method_opens_a_door(stranger: httpx2.AsyncClient, route: str) -> None:
    _, path = address(route)
    known = {each.split(" ")[0] for each in REQUESTS if address(each)[1] == path}
    for method in METHODS - known:
        answer = await stranger.request(method, path, headers=headers_of("admin"))
        assert answer.status_code == 405, method


def test_the_ten_differ_and_the_keys_are_signed_with_the_real_secret() -> None:
    assert len(set(TOKENS.values())) == 10
    assert all(SECRET not in (token or "") for token in TOKENS.values())
