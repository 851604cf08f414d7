import re
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from interfaces.http.errors.problem_types import PROBLEM_TYPES
from interfaces.http.schemas import request_bodies
from interfaces.http.schemas.page import ProblemDocument
from tests.interfaces.http.authorisation import ADMIN, AUDITOR, PUBLIC, ROUTE_ACCESS
from tests.interfaces.http.document_members import has_same_members, schema_named


@pytest.fixture
async def document(anonymous: httpx2.AsyncClient) -> dict[str, Any]:
    response = await anonymous.get("/openapi.json")
    document: dict[str, Any] = response.json()
    return document


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def response_contents(
    document: dict[str, Any], *, is_success: bool
) -> Iterator[tuple[str, str, str, Any]]:
    """Yield route, status, media type and content of each response that has content."""
    for route, operation in operations(document).items():
        for status, response in operation["responses"].items():
            for media_type, content in response.get("content", {}).items():
                if (status < "400") == is_success:
                    yield route, status, media_type, content


def test_every_operation_id_is_short_and_unique(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(names)) == len(names)
    assert all(name.isalpha() and name[0].islower() and len(name) <= 20 for name in names)


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    described_tags = {tag["name"] for tag in document["tags"] if tag["description"]}
    for operation in operations(document).values():
        assert set(operation["tags"]) <= described_tags
        assert operation["summary"]
        assert operation["description"]
    assert document["servers"]
    assert "ws/sync-status" in str(document["tags"])


def test_every_protected_operation_documents_its_access(document: dict[str, Any]) -> None:
    roles = {AUDITOR: ["auditor", "admin"], ADMIN: ["admin"]}
    for route, operation in operations(document).items():
        is_protected = ROUTE_ACCESS[route] != PUBLIC
        assert ("security" in operation) == is_protected
        assert ("401" in operation["responses"]) == is_protected
        assert operation.get("x-roles") == roles.get(ROUTE_ACCESS[route])
        assert ("403" in operation["responses"]) == (ROUTE_ACCESS[route] in roles)


def test_every_route_except_those_of_pages_is_documented(document: dict[str, Any]) -> None:
    requests = {route for route in ROUTE_ACCESS if not route.startswith("WS")}
    paths_of_pages = re.compile(r"[A-Z]+ /(?:|docs.*|console/.*|openapi\.json)")
    pages = {route for route in requests if paths_of_pages.fullmatch(route)}
    assert set(operations(document)) == requests - pages


def test_every_response_has_a_schema_and_a_valid_example(document: dict[str, Any]) -> None:
    checked = 0
    for route, status, media_type, content in response_contents(document, is_success=True):
        if media_type == "application/zip":
            assert content["schema"] == {"type": "string", "format": "binary"}
            continue
        if media_type.startswith("text/") and media_type != "text/event-stream":
            continue
        schema = schema_named(content["schema"]["$ref"].rpartition("/")[2])
        assert has_same_members(schema, content["example"]), (route, status)
        checked += 1
    assert checked >= 20


def test_the_take_out_documents_each_of_its_formats(document: dict[str, Any]) -> None:
    success = document["paths"]["/api/v1/me/export"]["get"]["responses"]["200"]
    assert set(success["content"]) == {"application/json", "application/zip"}


def test_every_documented_problem_is_known_and_has_an_example(document: dict[str, Any]) -> None:
    documented = set()
    for _, status, media_type, content in response_contents(document, is_success=False):
        assert media_type == "application/problem+json"
        for slug, example in content["examples"].items():
            problem = ProblemDocument.model_validate(example["value"])
            assert (problem.type, problem.status) == (
                f"/problems/{slug}",
                PROBLEM_TYPES[slug].status,
            )
            assert str(problem.status) == status
            documented.add(slug)
    slugs_of_any_route = {
        "method-not-allowed",
        "cross-origin-refused",
        "head-too-large",
        "request-timeout",
    }
    assert set(PROBLEM_TYPES) - slugs_of_any_route == documented


def test_every_request_body_has_an_example(document: dict[str, Any]) -> None:
    for name in ("NewConnection", "NewToken", "SyncWish", "WhatIf", "ErasureWish"):
        example = document["components"]["schemas"][name]["example"]
        assert getattr(request_bodies, name).model_validate(example)


async def test_the_document_supports_conditional_requests(anonymous: httpx2.AsyncClient) -> None:
    first = await anonymous.get("/openapi.json")
    assert first.headers["cache-control"] == "private, no-cache"
    second = await anonymous.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (second.status_code, second.content) == (304, b"")


async def test_the_docs_page_loads_the_document(anonymous: httpx2.AsyncClient) -> None:
    page = await anonymous.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert '"openapi.json"' in (await anonymous.get("/docs/start.js")).text


async def test_the_docs_page_loads_every_file_from_this_server(
    anonymous: httpx2.AsyncClient,
) -> None:
    page = (await anonymous.get("/docs")).text
    urls = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(urls) == 4
    for url in urls:
        assert not url.startswith(("http", "/"))
        response = await anonymous.get(f"/{url}")
        assert (response.status_code, bool(response.content)) == (200, True)
    style = (await anonymous.get("/docs/swagger-ui.css")).text
    assert not re.findall(r"""url\((?!["']?data:)""", style)
    assert (await anonymous.get("/docs/redoc.standalone.js")).status_code == 404
