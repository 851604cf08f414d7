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
    ALLOWED_IDENTITIES,
    BODY_BY_ROUTE,
    HEADERS_BY_ROUTE,
    OWNED_ROUTES,
    QUERY_BY_ROUTE,
    ROUTE_ACCESS,
    STREAM_ROUTES,
    TOKEN_BY_IDENTITY,
    expected_status,
    headers_of,
    method_and_path,
)
from tests.interfaces.loopback_server import serve_on_loopback

HTTP_ROUTES = sorted(route for route in ROUTE_ACCESS if not route.startswith("WS"))
SOCKET_ROUTES = sorted(route for route in ROUTE_ACCESS if route.startswith("WS"))
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"}
SLUG_BY_STATUS = {401: "unauthorized", 403: "forbidden", 404: "not-found"}


def test_every_route_is_in_the_table(app: FastAPI) -> None:
    requests = {
        f"{method} {route.path}"
        for route in app.routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    sockets = {f"WS {route.path}" for route in app.routes if isinstance(route, WebSocketRoute)}
    assert all(isinstance(route, Route | WebSocketRoute) for route in app.routes)
    assert requests | sockets == set(ROUTE_ACCESS)


@pytest.mark.parametrize("identity", TOKEN_BY_IDENTITY)
@pytest.mark.parametrize("route", [route for route in HTTP_ROUTES if route not in STREAM_ROUTES])
async def test_only_allowed_identities_can_use_a_route(
    anonymous: httpx2.AsyncClient, route: str, identity: str
) -> None:
    method, path = method_and_path(route)
    response = await anonymous.request(
        method,
        path,
        params=QUERY_BY_ROUTE.get(route),
        headers=headers_of(identity) | HEADERS_BY_ROUTE.get(route, {}),
        json=BODY_BY_ROUTE.get(route),
    )
    assert _status(response) == expected_status(route, identity)
    if slug := SLUG_BY_STATUS.get(response.status_code):
        assert response.json()["type"] == f"/problems/{slug}"
    if response.status_code == 401:
        assert response.headers["www-authenticate"].startswith("Bearer")


def _status(response: httpx2.Response) -> int:
    return 200 if response.is_success else response.status_code


@pytest.mark.parametrize("identity", TOKEN_BY_IDENTITY)
@pytest.mark.parametrize("route", STREAM_ROUTES)
async def test_only_allowed_identities_can_open_a_stream(
    app: FastAPI, route: str, identity: str
) -> None:
    method, path = method_and_path(route)
    async with (
        serve_on_loopback(app) as base,
        httpx2.AsyncClient() as client,
        client.stream(method, base + path, headers=headers_of(identity)) as response,
    ):
        assert _status(response) == expected_status(route, identity)


@pytest.mark.parametrize("token_in", ["message", "subprotocol"])
@pytest.mark.parametrize("identity", TOKEN_BY_IDENTITY)
@pytest.mark.parametrize("route", SOCKET_ROUTES)
async def test_only_allowed_identities_can_open_a_websocket(
    app: FastAPI, route: str, identity: str, token_in: str
) -> None:
    token = TOKEN_BY_IDENTITY[identity] or ""
    in_protocol = token_in == "subprotocol" and token
    offered = [Subprotocol("bearer"), Subprotocol(token)] if in_protocol else None
    async with serve_on_loopback(app) as base:
        url = base.replace("http", "ws") + method_and_path(route)[1]
        async with connect(url, proxy=None, subprotocols=offered) as socket:
            if not offered:
                await socket.send(orjson.dumps({"type": "auth", "token": token}))
            try:
                assert '"snapshot"' in str(await socket.recv())
                status = 200
            except ConnectionClosed:
                status = socket.close_code or 0
    assert status == expected_status(route, identity)


@pytest.mark.parametrize("route", sorted(OWNED_ROUTES))
async def test_data_of_another_user_looks_like_missing_data(
    anonymous: httpx2.AsyncClient, route: str
) -> None:
    method, path = method_and_path(route)
    missing_path = path.replace("00c0c1", "00dead")
    assert missing_path != path
    headers = headers_of("student B")
    others = await anonymous.request(method, path, headers=headers, json=BODY_BY_ROUTE.get(route))
    missing = await anonymous.request(
        method, missing_path, headers=headers, json=BODY_BY_ROUTE.get(route)
    )
    variable_members = ("request_id", "instance", "detail", "connection_id")
    documents = [
        {name: value for name, value in response.json().items() if name not in variable_members}
        for response in (others, missing)
    ]
    assert documents[0] == documents[1]
    assert others.status_code == 404


@pytest.mark.parametrize("route", HTTP_ROUTES)
async def test_an_unauthenticated_request_is_refused_before_its_body_is_read(
    anonymous: httpx2.AsyncClient, route: str
) -> None:
    method, path = method_and_path(route)
    if "none" in ALLOWED_IDENTITIES[ROUTE_ACCESS[route]]:
        return
    response = await anonymous.request(
        method, path, content=b"{no json", headers={"Content-Type": "application/json"}
    )
    assert response.status_code == 401


@pytest.mark.parametrize("route", HTTP_ROUTES)
async def test_every_other_method_is_refused(anonymous: httpx2.AsyncClient, route: str) -> None:
    _, path = method_and_path(route)
    known = {each.split(" ")[0] for each in HTTP_ROUTES if method_and_path(each)[1] == path}
    known |= {"GET"} if path == "/console/tokens" else set()  # as it could be the name of a file
    for method in METHODS - known:
        response = await anonymous.request(method, path, headers=headers_of("admin"))
        assert response.status_code == 405, method


def test_the_ten_identities_have_different_tokens() -> None:
    assert len(set(TOKEN_BY_IDENTITY.values())) == 10
    assert all(SECRET not in (token or "") for token in TOKEN_BY_IDENTITY.values())
