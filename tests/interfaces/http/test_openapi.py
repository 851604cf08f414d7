from typing import Any

import httpx2
import pytest

from tests.interfaces.http.authorisation import ANYBODY, TABLE


@pytest.fixture
async def document(stranger: httpx2.AsyncClient) -> dict[str, Any]:
    answer = await stranger.get("/openapi.json")
    document: dict[str, Any] = answer.json()
    return document


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


def test_every_operation_has_a_short_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(names)) == len(names)
    assert all(name.isalpha() and name[0].islower() and len(name) <= 20 for name in names)


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        assert operation["tags"]
        assert operation["summary"]
        assert operation["description"]


def test_every_guarded_operation_says_so(document: dict[str, Any]) -> None:
    for route, operation in operations(document).items():
        assert ("security" in operation) == (TABLE[route] != ANYBODY)


def test_every_answer_under_api_has_a_shape(document: dict[str, Any]) -> None:
    for route, operation in operations(document).items():
        if "/api/" not in route or route.endswith("/sync/events"):
            continue
        assert "application/problem+json" in operation["responses"]["default"]["content"]
        [(status, answer)] = [(s, a) for s, a in operation["responses"].items() if s != "default"]
        if status != "204":
            schema = answer["content"]["application/json"]["schema"]
            assert schema.get("$ref") or schema.get("type") == "object"


def test_setting_up_has_an_example(document: dict[str, Any]) -> None:
    schema = document["components"]["schemas"]["NewConnection"]
    assert set(schema["example"]) == set(schema["properties"])


async def test_who_has_the_document_need_not_read_it_again(stranger: httpx2.AsyncClient) -> None:
    first = await stranger.get("/openapi.json")
    assert first.headers["cache-control"] == "private, no-cache"
    again = await stranger.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_page_for_people_finds_the_document(stranger: httpx2.AsyncClient) -> None:
    page = await stranger.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "'openapi.json'" in page.text
