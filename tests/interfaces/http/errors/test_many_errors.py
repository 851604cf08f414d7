"""A request with any number of errors gets a small response, at the cost of a normal request."""

import asyncio
import time
from typing import Any

import httpx2
import orjson
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from interfaces.http.errors.listed_errors import MAX_LISTED_ERRORS
from interfaces.http.schemas.query_strings import (
    MAX_QUERY_BYTES,
    MAX_QUERY_PARAMETERS,
    find_excess,
    first_parameters,
)
from interfaces.http.schemas.request_bodies import RequestBody
from tests.deadlines import scaled
from tests.dev_tokens import ADA, bearer_headers
from tests.interfaces.http.authorisation import HEADERS_BY_ROUTE, ROUTE_ACCESS, method_and_path

MAX_RESPONSE_BYTES = 8 * 1024
MAX_BODY_BYTES = 64 * 1024
CPU_SECONDS = 0.015
"""Several times what such a request needs, and a fraction of what 8,000 built errors cost."""
COURSES = "/api/v1/canvas/courses"
COMMANDS = sorted(route for route in ROUTE_ACCESS if route.startswith(("POST ", "PUT ")))
NAMES = [f"{nth:x}" for nth in range(8100)]


def object_of(pairs: list[tuple[str, str]]) -> bytes:
    return b"{%s}" % ",".join(f'"{name}":{value}' for name, value in pairs).encode()


def uuid_of(nth: int) -> str:
    return f"00000000-0000-4000-8000-{nth:012x}"


BODIES = {
    "unknown-fields": object_of([(name, "1") for name in NAMES[:6500]]),
    "long-names": object_of([(name * 1000, "1") for name in NAMES[:20]]),
    "scores-no-ids": b'{"scores":%s}' % object_of([(name, "1") for name in NAMES[:6500]]),
    "scores-no-numbers": b'{"scores":%s}'
    % object_of([(uuid_of(nth), '"x"') for nth in range(1450)]),
    "scores-out-of-range": b'{"scores":%s}'
    % object_of([(uuid_of(nth), "1e99") for nth in range(1400)]),
    "array": b"[%s1]" % (b"1," * 32_000),
    "arrays": b"[" * 65_000,
    "objects": b'{"a":' * 900 + b"1" + b"}" * 900,
    "array-as-field": b'{"canvas_url":[%s1],"api_token":{"x":1},"mode":[[]]}' % (b"1," * 30_000),
    "digits": b"[%s]" % b",".join([b"9" * 4299] * 15),
    "escapes": b'{"mode":"%s"}' % (b"\\u202e" * 10_000),
}


def headers_of_admin(route: str) -> dict[str, str]:
    own = HEADERS_BY_ROUTE.get(route, {})
    return bearer_headers(ADA, "admin") | {"Content-Type": "application/json"} | own


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("route", COMMANDS)
async def test_a_body_with_many_errors_costs_little(
    anonymous: httpx2.AsyncClient, route: str, body: bytes
) -> None:
    assert len(body) <= MAX_BODY_BYTES
    method, path = method_and_path(route)
    seconds = []
    for _ in range(3):
        started = time.process_time()
        response = await anonymous.request(
            method, path, content=body, headers=headers_of_admin(route)
        )
        seconds.append(time.process_time() - started)
    assert response.status_code in {400, 422}, response.text
    assert len(response.content) <= MAX_RESPONSE_BYTES
    assert len(response.json().get("errors", [])) <= MAX_LISTED_ERRORS
    assert min(seconds) < scaled(CPU_SECONDS)


def test_every_body_is_a_request_body(app: FastAPI) -> None:
    for route in app.routes:
        if isinstance(route, APIRoute) and route.body_field:
            model: Any = route.body_field.field_info.annotation
            kinds = getattr(model, "__args__", (model,))
            bodies = [kind for kind in kinds if kind is not type(None)]
            assert all(issubclass(kind, RequestBody) for kind in bodies), route.path


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    names=st.lists(st.text(max_size=60), unique=True, max_size=60),
    extra=st.integers(0, 300),
    route=st.sampled_from(COMMANDS),
)
def test_any_number_of_unknown_fields_is_counted_and_few_are_listed(
    app: FastAPI, names: list[str], extra: int, route: str
) -> None:
    fields = dict.fromkeys([*names, *NAMES[:extra]], 1)
    method, path = method_and_path(route)

    async def send() -> httpx2.Response:
        transport = httpx2.ASGITransport(app)
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            content = orjson.dumps(fields)
            return await client.request(
                method, path, content=content, headers=headers_of_admin(route)
            )

    response = asyncio.run(send())
    if not fields and response.status_code != 422:
        return  # a body without fields is valid for some routes
    assert response.status_code == 422, response.text
    assert len(response.content) <= MAX_RESPONSE_BYTES
    problem = response.json()
    assert len(problem["errors"]) <= MAX_LISTED_ERRORS
    if len(fields) > MAX_LISTED_ERRORS:
        assert f"There are {len(fields)} errors." in problem["detail"]


QUERIES = {
    "unknown": "&".join(f"a{nth}=1" for nth in range(4000)),
    "repeated": "&".join(["limit=x"] * 3500),
    "bare": "a&" * 15_000,
    "empty": "&" * 31_000,
    "values": f"status={'graded,' * 4000}late",
    "escapes": f"q={'%41' * 10_000}",
    "long-name": f"{'a' * 30_000}=1",
    "semicolons": "a=1;" * 7_000,
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("path", [COURSES, "/api/v1/canvas/assignments", "/api/v1/sync/logs"])
async def test_a_query_string_with_many_errors_costs_little(
    ada: httpx2.AsyncClient, path: str, query: str
) -> None:
    seconds = []
    for _ in range(3):
        started = time.process_time()
        response = await ada.get(f"{path}?{query}")
        seconds.append(time.process_time() - started)
    assert response.status_code == 422
    problem = response.json()
    assert len(response.content) <= MAX_RESPONSE_BYTES
    assert len(problem["errors"]) <= MAX_LISTED_ERRORS
    [first] = problem["errors"][:1]
    assert (first["loc"], first["type"]) == (["query"], "query_too_long")
    assert f"has {query.count('&') + 1} parameters" in first["msg"]
    assert min(seconds) < scaled(CPU_SECONDS)


@pytest.mark.parametrize("path", ["/health/live", "/problems/not-found", "/openapi.json"])
async def test_a_public_route_ignores_a_query_string_of_any_length(
    anonymous: httpx2.AsyncClient, path: str
) -> None:
    seconds = []
    for _ in range(3):
        started = time.process_time()
        assert (await anonymous.get(f"{path}?{QUERIES['bare']}")).status_code == 200
        seconds.append(time.process_time() - started)
    assert min(seconds) < scaled(CPU_SECONDS)


async def test_a_missing_token_or_role_is_named_before_the_query_string(
    anonymous: httpx2.AsyncClient, ada: httpx2.AsyncClient
) -> None:
    query = QUERIES["unknown"]
    assert (await anonymous.get(f"{COURSES}?{query}", headers={})).status_code == 401
    assert (await ada.get(f"/api/v1/audit/connections?{query}")).status_code == 403


@given(query=st.binary(max_size=50) | st.builds(bytes.join, st.just(b"&"), st.lists(st.binary())))
def test_a_short_query_string_is_read_completely(query: bytes) -> None:
    assert find_excess(query) is None or query.count(b"&") >= MAX_QUERY_PARAMETERS
    if find_excess(query) is None:
        assert first_parameters(query) == query


@given(
    parts=st.lists(st.binary(max_size=9000).filter(lambda part: b"&" not in part), max_size=9),
    repeat=st.integers(1, 50),
)
def test_only_complete_parameters_within_both_limits_are_read(
    parts: list[bytes], repeat: int
) -> None:
    sent = parts * repeat
    query = b"&".join(sent)
    read = first_parameters(query)
    assert len(read) <= MAX_QUERY_BYTES
    assert read.count(b"&") < MAX_QUERY_PARAMETERS
    assert not read or read.split(b"&") == sent[: read.count(b"&") + 1]
