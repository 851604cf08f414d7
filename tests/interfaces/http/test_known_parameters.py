"""Every route for users refuses query parameters that it does not have, and repeated ones."""

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from interfaces.http.schemas.known_parameters import query_parameter_names
from tests.interfaces.http.authorisation import (
    BODY_BY_ROUTE,
    HEADERS_BY_ROUTE,
    PUBLIC,
    ROUTE_ACCESS,
    headers_of,
    method_and_path,
)
from tests.interfaces.http.fake_service import FakeService

COURSES = "/api/v1/canvas/courses"
PROTECTED_ROUTES = sorted(
    route
    for route, access in ROUTE_ACCESS.items()
    if access != PUBLIC and not route.startswith("WS ")
)
PUBLIC_ROUTES = sorted(route for route, access in ROUTE_ACCESS.items() if access == PUBLIC)


async def send(client: httpx2.AsyncClient, route: str, query: str) -> httpx2.Response:
    method, path = method_and_path(route)
    body = BODY_BY_ROUTE.get(route)
    headers = headers_of("admin") | HEADERS_BY_ROUTE.get(route, {})
    return await client.request(method, f"{path}?{query}", headers=headers, json=body)


@pytest.mark.parametrize("route", PROTECTED_ROUTES)
async def test_an_unknown_parameter_is_refused_by_every_route_for_users(
    app: FastAPI, anonymous: httpx2.AsyncClient, service: FakeService, route: str
) -> None:
    response = await send(anonymous, route, "unknown=1")
    assert response.status_code == 422, response.text
    problem = response.json()
    [error] = problem["errors"]
    assert problem["type"] == "/problems/invalid-request"
    assert (error["loc"], error["type"]) == (["query", "unknown"], "extra_forbidden")
    for name in parameters_of(app, route):
        assert name in error["msg"]
    assert service.calls == []


def parameters_of(app: FastAPI, route: str) -> frozenset[str]:
    method, path = route.split(" ")
    [found] = (
        each
        for each in app.routes
        if isinstance(each, APIRoute) and each.path == path and method in (each.methods or ())
    )
    return query_parameter_names(found.dependant)


def test_the_names_of_parameters_are_those_of_the_openapi_document(app: FastAPI) -> None:
    document = app.openapi()
    for route in PROTECTED_ROUTES:
        method, path = route.split(" ")
        parameters = document["paths"][path][method.lower()].get("parameters", [])
        documented = {each["name"] for each in parameters if each["in"] == "query"}
        assert parameters_of(app, route) == documented, route


@pytest.mark.parametrize("route", PUBLIC_ROUTES)
async def test_a_public_route_ignores_parameters(anonymous: httpx2.AsyncClient, route: str) -> None:
    assert (await send(anonymous, route, "cache_buster=1")).status_code == 200


@pytest.mark.parametrize(
    ("query", "loc"),
    [
        ("Limit=1", ["query", "Limit"]),
        ("limit=1&connectionId=2", ["query", "connectionId"]),
        ("page[size]=1", ["query", "page[size]"]),
        ("=1", ["query", "?"]),
        ("unknown", ["query", "unknown"]),
        ("eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl=1", ["query", "?"]),
        ("%00=1", ["query", "?"]),
    ],
)
async def test_a_name_is_returned_only_if_it_cannot_be_a_secret(
    ada: httpx2.AsyncClient, query: str, loc: list[str]
) -> None:
    response = await ada.get(f"{COURSES}?{query}")
    assert response.status_code == 422
    assert [error["loc"] for error in response.json()["errors"]] == [loc]


async def test_a_parameter_that_is_sent_twice_is_refused(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await ada.get("/api/v1/canvas/assignments?status=late&status=missing")
    [error] = response.json()["errors"]
    assert (error["loc"], error["type"]) == (["query", "status"], "repeated_parameter")
    assert "comma" in error["msg"]
    assert service.calls == []


async def test_headers_are_no_parameters(ada: httpx2.AsyncClient) -> None:
    assert (await ada.get(COURSES, headers={"Prefer": "wait=1"})).status_code == 200
    assert (await ada.get(f"{COURSES}?Prefer=wait")).status_code == 422


async def test_at_most_twenty_errors_are_listed(ada: httpx2.AsyncClient) -> None:
    names = [f"p{number}" for number in range(30)]
    few = await ada.get(f"{COURSES}?{'&'.join(names[:20])}")
    many = await ada.get(f"{COURSES}?{'&'.join(names)}")
    assert listed_names(few) == listed_names(many) == names[:20]
    assert "30 errors" not in few.json()["detail"]
    assert "There are 30 errors." in many.json()["detail"]


async def test_at_most_twenty_errors_of_a_body_are_listed(ada: httpx2.AsyncClient) -> None:
    body = {f"p{number}": 1 for number in range(3000)}
    response = await ada.post("/api/v1/canvas/setup", json=body)
    assert len(response.json()["errors"]) == 20
    validated = await ada.post(
        "/api/v1/canvas/connections/00000000-0000-4000-8000-00000000c0c1/validate", json=body
    )
    assert len(validated.json()["errors"]) == 20


def listed_names(response: httpx2.Response) -> list[Any]:
    return [error["loc"][1] for error in response.json()["errors"]]


async def test_a_refused_name_of_a_parameter_does_not_use_up_an_idempotency_key(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    path = "/api/v1/canvas/connections/00000000-0000-4000-8000-00000000c0c1/sync"
    headers = {"Idempotency-Key": "one"}
    assert (await ada.post(f"{path}?mode=full", headers=headers)).status_code == 422
    assert (await ada.post(path, headers=headers)).status_code == 202
    assert len(service.calls) == 1
