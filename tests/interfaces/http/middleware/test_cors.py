"""A page of an allowed origin may send and read every header of the API."""

from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.middleware.cors import EXPOSED_HEADERS
from interfaces.http.openapi import openapi_document
from tests.dev_tokens import SECRET
from tests.interfaces.http.authorisation import ROUTE_ACCESS, method_and_path
from tests.interfaces.http.conftest import ORIGIN
from tests.interfaces.http.fake_service import FakeService

HEADERS_OF_EVERY_CLIENT = ("Authorization", "Content-Type", "X-Request-ID", "traceparent")
HEADERS_OF_LIBRARIES = ("Cache-Control", "X-Requested-With", "tracestate")


@pytest.mark.parametrize(
    "route", [route for route in ROUTE_ACCESS if route.split(" ")[1].startswith("/api/")]
)
async def test_a_preflight_permits_every_header_of_a_route(
    app: FastAPI, anonymous: httpx2.AsyncClient, route: str
) -> None:
    method, path = method_and_path(route)
    parameters = operation_of(app, route).get("parameters", [])
    documented = [each["name"] for each in parameters if each["in"] == "header"]
    requested = [*HEADERS_OF_EVERY_CLIENT, *HEADERS_OF_LIBRARIES, *documented]
    response = await anonymous.options(
        path,
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": ", ".join(requested).lower(),
        },
    )
    assert response.status_code == 200, response.text
    permitted = response.headers["access-control-allow-headers"].split(", ")
    assert set(requested) <= set(permitted)
    assert response.headers["access-control-allow-origin"] == ORIGIN


@pytest.mark.parametrize("header", ["Last-Event-ID", "Purpose", "If-None-Match", "Idempotency-Key"])
async def test_a_preflight_permits_a_header(anonymous: httpx2.AsyncClient, header: str) -> None:
    response = await anonymous.options(
        "/api/v1/sync/events",
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": header.lower(),
        },
    )
    assert response.status_code == 200


def test_every_documented_response_header_can_be_read(app: FastAPI) -> None:
    documented = set(openapi_document(app)["components"]["headers"])
    assert documented <= set(EXPOSED_HEADERS)
    assert {"ETag", "Consistency-Token", "Retry-After", "Location"} <= documented


def operation_of(app: FastAPI, route: str) -> dict[str, Any]:
    method, path = route.split(" ")
    operation: dict[str, Any] = openapi_document(app)["paths"][path][method.lower()]
    return operation


@pytest.mark.parametrize(
    ("settings", "origin", "is_allowed"),
    [
        ({}, "http://localhost:3000", True),
        ({}, "http://127.0.0.1:5173", True),
        ({}, "http://[::1]:8080", True),
        ({}, "https://localhost", True),
        ({}, "https://evil.example", False),
        ({}, "http://localhost.evil.example:3000", False),
        ({}, "http://evil.example/?http://localhost:3000", False),
        ({"cors_origins": "https://app.school.edu"}, "http://localhost:3000", False),
        ({"supabase_url": "https://project.supabase.co"}, "http://localhost:3000", False),
        ({"database_url": "postgresql://db/easeboard"}, "http://localhost:3000", False),
    ],
)
async def test_pages_of_this_machine_may_read_a_service_for_development(
    service: FakeService, settings: dict[str, Any], origin: str, *, is_allowed: bool
) -> None:
    config = read_settings(_env_file=None, **settings)
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        app = create_app(service.as_service(), config, authenticator=authenticator)
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            response = await client.get("/health/live", headers={"Origin": origin})
    allowed = response.headers.get("access-control-allow-origin")
    assert allowed == (origin if is_allowed else None)
