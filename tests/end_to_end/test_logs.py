"""One request, followed through the log to the run it set off and to Canvas."""

import json
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.observability.logging import configure_logs
from tests.end_to_end.conftest import Client

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.fixture
def said(client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """What the log says from now on."""
    assert client
    buffer = StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", buffer)
        configure_logs("debug", "json")
    yield buffer
    configure_logs("warning", "json")


def of(said: StringIO, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    return [line for line in lines if line["event"] == event]


async def test_a_request_and_its_run_are_one_trace(
    client: Client, sandbox: Sandbox, said: StringIO
) -> None:
    body = {
        "canvas_url": sandbox.url,
        "canvas_name": "Sandbox",
        "api_token": sandbox.tokens[0]["token"],
    }
    answer = await client(
        "POST",
        "/api/v1/canvas/setup",
        json=body,
        headers={"traceparent": f"00-{TRACE}-{SPAN}-01", "X-Request-ID": "mine-1"},
    )
    run = await client.ended(answer.json["connection"]["id"])
    [request] = [line for line in of(said, "request") if line["method"] == "POST"]
    assert (request["route"], request["status"]) == ("/api/v1/canvas/setup", 201)
    assert (request["user_id"], request["request_id"]) == (str(client.person), "mine-1")
    assert request["milliseconds"] > 0
    [ended] = of(said, "run_ended")
    assert (ended["status"], ended["mode"], ended["code"]) == ("completed", "full", "none")
    assert (ended["sync_id"], ended["courses"]["done"]) == (run["id"], run["courses"]["done"])
    assert ended["seconds"] > 0
    assert {"changes", "requests", "connection_id", "job_id"} <= ended.keys()
    asked = of(said, "canvas_request")
    assert {line["route"] for line in asked} >= {
        "/api/v1/users/self",
        "/api/v1/courses",
        "/api/v1/courses/{id}/assignment_groups",
    }
    [tried] = [line for line in asked if line["route"] == "/api/v1/users/self"]
    assert (tried["request_id"], tried["span_id"]) == ("mine-1", request["span_id"])
    during = [line for line in asked if line is not tried]
    assert {line["sync_id"] for line in during} == {run["id"]}
    assert {line["job_id"] for line in during} == {ended["job_id"]}
    assert {line["trace_id"] for line in (request, ended, *asked)} == {TRACE}
    assert ended["span_id"] not in {SPAN, request["span_id"]}


async def test_no_line_holds_a_token_or_a_query(
    client: Client, sandbox: Sandbox, said: StringIO
) -> None:
    connection = await client.connect(sandbox)
    await client.get("/api/v1/canvas/courses?q=private-words")
    everything = said.getvalue()
    assert connection["id"] in everything
    for secret in (sandbox.tokens[0]["token"], "private-words", "per_page", "include"):
        assert secret not in everything


async def test_every_request_is_one_line(client: Client, said: StringIO) -> None:
    for path in ("/api/v1/canvas/courses", "/nowhere", "/health/live"):
        await client("GET", path)
    lines = [(line["path"], line["status"], line["level"]) for line in of(said, "request")]
    assert lines == [
        ("/api/v1/canvas/courses", 200, "info"),
        ("/nowhere", 404, "info"),
        ("/health/live", 200, "debug"),
    ]
