"""Routes that are called without FastAPI's solver answer what FastAPI would answer."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import httpx2
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth import protected_route
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.auth.protected_route import AuthenticatedRoute
from interfaces.http.middleware.kept_responses import KEPT_PATHS
from tests.dev_tokens import SECRET, bearer_headers
from tests.interfaces.http.conftest import ORIGIN
from tests.interfaces.http.fake_reads import token_at
from tests.interfaces.http.fake_service import ASSIGNMENT_ID, CONNECTION_ID, COURSE_ID, FakeService

PATHS = [
    *sorted(KEPT_PATHS),
    "/api/v1/canvas/courses/one",
    *(f"/api/v1/canvas/courses/{COURSE_ID}", f"/api/v1/canvas/assignments/{ASSIGNMENT_ID}"),
]
NAMES = [
    *("connection_id", "course_id", "assignment_id", "state", "status", "q", "limit", "cursor"),
    *("due_after", "due_before", "sort", "since", "baseline", "q ", "Limit"),
]
VALUES = [
    *("", "1", "0", "100", "500", "501", " 7 ", "-1", "1.0", "true", "false", "perhaps", "null"),
    *("name", "-due_at", "changed_at", "active", "lost", "late, past", "tardy", "missing"),
    *("2026-09-01", "2026-09-01T05:59:59Z", "2026-09-01T05:59:59 02:00", "yesterday", "9999-12-31"),
    *(str(CONNECTION_ID), f"{{{CONNECTION_ID}}}", "x" * 201, "x\0", "\u00e9\u202e", "bmV4dA"),
]
HEADERS: list[dict[str, str]] = [
    {},
    {"Consistency-Token": token_at(41)},
    {"Consistency-Token": "42"},
    {"Prefer": "wait=0", "Consistency-Token": token_at(2 * 10**9)},
    {"If-None-Match": "*"},
    {"Authorization": "Bearer x"},
]
VARIABLE_HEADERS = {"x-request-id", "ratelimit", "ratelimit-remaining", "ratelimit-reset"}


class Twins:
    """Two applications on one fake service; in one of them FastAPI calls every route."""

    def __init__(
        self, service: FakeService, ours: httpx2.AsyncClient, plain: httpx2.AsyncClient
    ) -> None:
        self._service = service
        self._ours, self._plain = ours, plain

    async def answers(self, path: str, query: str, headers: dict[str, str]) -> list[Any]:
        """Return the answer of each, with the calls of the service."""
        return [
            await self._answer(client, f"{path}?{query}", headers)
            for client in (self._ours, self._plain)
        ]

    async def _answer(self, client: httpx2.AsyncClient, url: str, headers: dict[str, str]) -> Any:
        self._service.calls.clear()
        response = await client.get(url, headers=headers)
        body = response.json() if response.content else None
        if isinstance(body, dict):
            body.pop("request_id", None)
        calls = [
            (name, arguments, {**options, "now": None})
            for name, arguments, options in self._service.calls
        ]
        kept = {n: v for n, v in response.headers.items() if n not in VARIABLE_HEADERS}
        return response.status_code, kept, body, calls


@pytest.fixture
async def twins(
    service: FakeService, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Twins]:
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        config = read_settings(_env_file=None, cors_origins=(ORIGIN,))
        plain = create_app(service.as_service(), config, authenticator=authenticator)
        monkeypatch.setattr(protected_route, "direct_call", lambda _: None)
        plain.router.routes[:] = [_called_by_fastapi(route) for route in plain.routes]
        clients = [
            httpx2.AsyncClient(
                transport=httpx2.ASGITransport(each),
                base_url="http://test",
                headers=bearer_headers(),
            )
            for each in (app, plain)
        ]
        async with clients[0] as ours, clients[1] as theirs:
            yield Twins(service, ours, theirs)


def _called_by_fastapi(route: Any) -> Any:
    if not isinstance(route, AuthenticatedRoute) or route.direct_call is None:
        return route
    return type(route)(route.path, route.endpoint, methods=["GET"], dependencies=route.dependencies)


def test_the_reads_that_people_wait_for_are_called_directly(app: FastAPI) -> None:
    routes = {route.path: route for route in app.routes if isinstance(route, AuthenticatedRoute)}
    assert all(routes[path].direct_call for path in KEPT_PATHS)
    assert not any(route.direct_call for route in routes.values() if route.methods != {"GET"})


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("headers", HEADERS, ids=str)
async def test_headers_have_the_same_effect(
    twins: Twins, path: str, headers: dict[str, str]
) -> None:
    ours, plain = await twins.answers(path, "", headers)
    assert ours == plain


@pytest.mark.parametrize("path", PATHS)
async def test_every_value_of_a_parameter_is_read_alike(
    twins: Twins, app: FastAPI, path: str
) -> None:
    routes = (route for route in app.routes if isinstance(route, AuthenticatedRoute))
    call = next((route.direct_call for route in routes if route.path == path), None)
    for name in sorted(call.parameters.names if call else ()):
        for value in VALUES:
            ours, plain = await twins.answers(path, urlencode({name: value}), {})
            assert ours == plain, (name, value)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    path=st.sampled_from(PATHS),
    query=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=5),
    headers=st.sampled_from(HEADERS),
)
async def test_several_parameters_are_read_alike(
    twins: Twins, path: str, query: list[tuple[str, str]], headers: dict[str, str]
) -> None:
    ours, plain = await twins.answers(path, urlencode(query), headers)
    assert ours == plain
