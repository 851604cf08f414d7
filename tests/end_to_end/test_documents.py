"""Every document that the service sends has exactly the members of its schema and its example."""

import json
from typing import Any

import pytest

from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.sandbox_server import Sandbox, running_sandbox
from tests.dev_tokens import bearer_headers
from tests.end_to_end.conftest import Client, Response, wait_until
from tests.interfaces.http.document_members import differences, has_same_members, schema_named

EVENT_STREAM = "/api/v1/sync/events"


@pytest.fixture
async def sandbox() -> Any:
    """A Canvas with so much work that every kind of value occurs."""
    async with running_sandbox(SandboxOptions(students=1, courses=6, assignments=24)) as canvas:
        yield canvas


@pytest.fixture
def admin(client: Client) -> Client:
    return client.as_person(client.person, "admin", "auditor")


class Documents:
    """The successful JSON responses of the OpenAPI document, by method and path."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._paths = document["paths"]

    def reads(self) -> list[str]:
        """The paths that can be read with GET, and send JSON."""
        return [path for path in self._paths if self._content("get", path)]

    def assert_documented(self, method: str, path: str, response: Response) -> None:
        """Compare a response with the schema and the example of its operation."""
        assert response.status < 300, (path, response.body)
        content = self._content(method, path)
        schema = schema_named(content["schema"]["$ref"].rpartition("/")[2])
        assert has_same_members(schema, response.json), (path, response.json)
        assert not list(differences(content["example"], response.json)), path

    def _content(self, method: str, path: str) -> Any:
        responses = self._paths[path].get(method, {}).get("responses", {})
        successes = [each for status, each in responses.items() if status < "300"]
        return successes[0].get("content", {}).get("application/json") if successes else None


async def test_every_document_is_as_documented(admin: Client, sandbox: Sandbox) -> None:
    documents = Documents(await admin.get("/openapi.json"))
    connection, set_up = await _connect(admin, sandbox)
    documents.assert_documented("post", "/api/v1/canvas/setup", set_up)
    await _change_a_grade(admin, sandbox, connection)
    ids = await _ids(admin, connection)
    for method, path, body in _commands(sandbox, ids):
        response = await admin(method, path.format(**ids), json=body)
        documents.assert_documented(method.lower(), path, response)
    reads = documents.reads()
    assert len(reads) > 15
    receipt = "/api/v1/me/grades/{change_id}/receipt".format(**ids)

    async def is_sealed() -> bool:
        return (await admin("GET", receipt)).status == 200

    await wait_until(is_sealed)
    for path in reads:
        query = "?from=2026-01-01" if path.endswith("/diff") else ""
        documents.assert_documented("get", path, await admin("GET", path.format(**ids) + query))


async def test_every_live_message_is_as_documented(client: Client, sandbox: Sandbox) -> None:
    connection, _ = await _connect(client, sandbox)
    headers = bearer_headers(client.person)
    kinds = set()
    async with client.session.get(client.url + EVENT_STREAM, headers=headers) as stream:
        await _change_a_grade(client, sandbox, connection)
        async for line in stream.content:
            if line.startswith(b"data: "):
                message = json.loads(line.removeprefix(b"data: "))
                assert has_same_members(schema_named("LiveMessage"), message), message
                kinds.add(message["type"])
            if kinds == {"snapshot", "sync", "grade"}:
                break


async def _connect(client: Client, sandbox: Sandbox) -> tuple[dict[str, Any], Response]:
    body = {"canvas_url": sandbox.url + "/login", "api_token": sandbox.tokens[0]["token"]}
    response = await client("POST", "/api/v1/canvas/setup", json=body)
    assert response.status == 201, response.body
    connection: dict[str, Any] = response.json["connection"]
    assert connection["canvas_name"] == sandbox.url.removeprefix("http://")
    await client.wait_for_sync(connection["id"])
    return connection, response


async def _change_a_grade(client: Client, sandbox: Sandbox, connection: dict[str, Any]) -> None:
    graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"][0]
    sandbox.control.set_grade(graded["canvas_id"], score=1.25, grade="1.25")
    run = await client.sync(connection["id"])
    assert run["changes"]["grades"] >= 1


async def _ids(client: Client, connection: dict[str, Any]) -> dict[str, str]:
    assignment = (await client.get("/api/v1/canvas/assignments"))["items"][0]
    return {
        "connection_id": connection["id"],
        "name": "courses",
        "course_id": assignment["course_id"],
        "assignment_id": assignment["id"],
        "change_id": (await client.get("/api/v1/canvas/grades/history"))["items"][0]["id"],
    }


def _commands(sandbox: Sandbox, ids: dict[str, str]) -> list[tuple[str, str, Any]]:
    connection = "/api/v1/canvas/connections/{connection_id}"
    scores = {"scores": {ids["assignment_id"]: 1}}
    return [
        ("POST", "/api/v1/canvas/courses/{course_id}/what-if", scores),
        ("POST", "/api/v1/calendar", None),
        ("PUT", f"{connection}/token", {"api_token": sandbox.tokens[0]["token"]}),
        ("POST", f"{connection}/sync", {"mode": "full"}),
    ]
