import importlib
import pkgutil
import re
from collections.abc import Iterator
from typing import Any

import httpx2
import orjson
import pytest
from pydantic import BaseModel, TypeAdapter

from interfaces.http import schemas
from interfaces.http.errors.problem import KINDS
from interfaces.http.schemas import request_bodies
from interfaces.http.schemas.page import PageOf, ProblemDocument
from tests.interfaces.http.authorisation import ADMIN, ANYBODY, AUDITOR, TABLE

SHAPES: dict[str, Any] = {
    name: shape
    for module in pkgutil.iter_modules(schemas.__path__)
    for name, shape in vars(importlib.import_module(f"{schemas.__name__}.{module.name}")).items()
    if isinstance(shape, type) and issubclass(shape, BaseModel)
}
NOT_ANSWERED = {
    "bad-request": "our own 400 for a body that cannot be read",
}


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


def contents(document: dict[str, Any], *, good: bool) -> Iterator[tuple[str, str, str, Any]]:
    """Route, status, kind of content and content of each answer that has one."""
    for route, operation in operations(document).items():
        for status, answer in operation["responses"].items():
            for kind, content in answer.get("content", {}).items():
                if (status < "400") == good:
                    yield route, status, kind, content


def test_every_operation_has_a_short_name_of_its_own(document: dict[str, Any]) -> None:
    names = [operation["operationId"] for operation in operations(document).values()]
    assert len(set(names)) == len(names)
    assert all(name.isalpha() and name[0].islower() and len(name) <= 20 for name in names)


def test_every_operation_is_described(document: dict[str, Any]) -> None:
    told = {tag["name"] for tag in document["tags"] if tag["description"]}
    for operation in operations(document).values():
        assert set(operation["tags"]) <= told
        assert operation["summary"]
        assert operation["description"]
    assert document["servers"]
    assert "ws/sync-status" in str(document["tags"])


def test_every_guarded_operation_says_so(document: dict[str, Any]) -> None:
    roles = {AUDITOR: ["auditor", "admin"], ADMIN: ["admin"]}
    for route, operation in operations(document).items():
        guarded = TABLE[route] != ANYBODY
        assert ("security" in operation) == guarded
        assert ("401" in operation["responses"]) == guarded
        assert operation.get("x-roles") == roles.get(TABLE[route])
        assert ("403" in operation["responses"]) == (TABLE[route] in roles)


def test_every_route_but_the_pages_is_described(document: dict[str, Any]) -> None:
    requests = {route for route in TABLE if not route.startswith("WS")}
    pages = {route for route in requests if route.startswith(("GET /docs", "GET /openapi.json"))}
    assert set(operations(document)) == requests - pages


def test_every_answer_has_a_shape_and_an_example_of_it(document: dict[str, Any]) -> None:
    seen = 0
    for route, status, kind, content in contents(document, good=True):
        if kind.startswith("text/") and kind != "text/event-stream":
            continue
        name = content["schema"]["$ref"].rpartition("/")[2]
        shape: Any = SHAPES.get(name)
        shape = shape or PageOf[SHAPES[name.removeprefix("PageOf_")[:-1]]]  # type: ignore[misc]  # found by name
        TypeAdapter(shape).validate_json(orjson.dumps(content["example"]))
        assert _same_names(shape, content["example"]), (route, status)
        seen += 1
    assert seen >= 20


def _same_names(shape: Any, example: Any) -> bool:
    """Whether an example has every member of its shape and no other, all the way down."""
    told = TypeAdapter(shape).validate_python(example).model_dump(mode="json", exclude_unset=True)
    return bool(_names(told) == _names(example))


def _names(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _names(inner) for name, inner in value.items()}
    return [_names(inner) for inner in value] if isinstance(value, list) else None


def test_every_problem_is_one_we_know_with_an_example(document: dict[str, Any]) -> None:
    told = set()
    for _, status, kind, content in contents(document, good=False):
        assert kind == "application/problem+json"
        for slug, example in content["examples"].items():
            problem = ProblemDocument.model_validate(example["value"])
            assert (problem.type, problem.status) == (f"/problems/{slug}", KINDS[slug].status)
            assert str(problem.status) == status
            told.add(slug)
    anywhere = {"method-not-allowed", "cross-origin-refused", "head-too-large", "request-timeout"}
    assert set(KINDS) - anywhere == told


def test_every_body_has_an_example(document: dict[str, Any]) -> None:
    for name in ("NewConnection", "NewToken", "SyncWish"):
        example = document["components"]["schemas"][name]["example"]
        assert getattr(request_bodies, name).model_validate(example)


async def test_who_has_the_document_need_not_read_it_again(stranger: httpx2.AsyncClient) -> None:
    first = await stranger.get("/openapi.json")
    assert first.headers["cache-control"] == "private, no-cache"
    again = await stranger.get("/openapi.json", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


async def test_the_page_for_people_finds_the_document(stranger: httpx2.AsyncClient) -> None:
    page = await stranger.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert '"openapi.json"' in (await stranger.get("/docs/start.js")).text


async def test_the_page_for_people_loads_everything_from_here(stranger: httpx2.AsyncClient) -> None:
    page = (await stranger.get("/docs")).text
    places = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert len(places) == 4
    for place in places:
        assert not place.startswith(("http", "/"))
        answer = await stranger.get(f"/{place}")
        assert (answer.status_code, bool(answer.content)) == (200, True)
    style = (await stranger.get("/docs/swagger-ui.css")).text
    assert not re.findall(r"""url\((?!["']?data:)""", style)
    assert (await stranger.get("/docs/redoc.standalone.js")).status_code == 404
