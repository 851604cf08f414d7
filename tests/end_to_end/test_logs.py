"""Log messages of a request, of the run it starts, and of the requests to Canvas."""

import json
import sys
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.observability.logging import configure_logging
from tests.end_to_end.conftest import Client

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"


@pytest.fixture
def log_output(client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[StringIO]:
    """The log messages, one JSON object on each line, from now on."""
    assert client
    buffer = StringIO()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", buffer)
        configure_logging("debug", "json")
    yield buffer
    configure_logging("warning", "json")


def entries_of(log_output: StringIO, event: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in log_output.getvalue().splitlines()]
    return [line for line in lines if line["event"] == event]


async def test_a_request_and_its_run_are_one_trace(
    client: Client, sandbox: Sandbox, log_output: StringIO
) -> None:
    body = {
        "canvas_url": sandbox.url,
        "canvas_name": "Sandbox",
        "api_token": sandbox.tokens[0]["token"],
    }
    response = await client(
        "POST",
        "/api/v1/canvas/setup",
        json=body,
        headers={"traceparent": f"00-{TRACE}-{SPAN}-01", "X-Request-ID": "mine-1"},
    )
    run = await client.wait_for_sync(response.json["connection"]["id"])
    [request] = [line for line in entries_of(log_output, "request") if line["method"] == "POST"]
    assert (request["route"], request["status"]) == ("/api/v1/canvas/setup", 201)
    assert (request["user_id"], request["request_id"]) == (str(client.person), "mine-1")
    assert request["milliseconds"] > 0
    [ended] = entries_of(log_output, "run_ended")
    assert (ended["status"], ended["mode"], ended["code"]) == ("completed", "full", "none")
    assert (ended["sync_id"], ended["courses"]["done"]) == (run["id"], run["courses"]["done"])
    assert ended["seconds"] > 0
    assert {"changes", "requests", "connection_id", "job_id"} <= ended.keys()
    canvas_requests = entries_of(log_output, "canvas_request")
    assert {line["route"] for line in canvas_requests} >= {
        "/api/v1/users/self",
        "/api/v1/courses",
        "/api/v1/courses/{id}/assignment_groups",
    }
    [token_check] = [line for line in canvas_requests if line["route"] == "/api/v1/users/self"]
    assert (token_check["request_id"], token_check["span_id"]) == ("mine-1", request["span_id"])
    during_run = [line for line in canvas_requests if line is not token_check]
    assert {line["sync_id"] for line in during_run} == {run["id"]}
    assert {line["job_id"] for line in during_run} == {ended["job_id"]}
    assert {line["trace_id"] for line in (request, ended, *canvas_requests)} == {TRACE}
    assert ended["span_id"] not in {SPAN, request["span_id"]}


async def test_no_log_line_contains_a_token_or_a_query_string(
    client: Client, sandbox: Sandbox, log_output: StringIO
) -> None:
    connection = await client.connect(sandbox)
    await client.get("/api/v1/canvas/courses?q=private-words")
    log_text = log_output.getvalue()
    assert connection["id"] in log_text
    for secret in (sandbox.tokens[0]["token"], "private-words", "per_page", "include"):
        assert secret not in log_text


async def test_every_request_is_one_log_line(client: Client, log_output: StringIO) -> None:
    for path in ("/api/v1/canvas/courses", "/nowhere", "/health/live"):
        await client("GET", path)
    lines = [
        (line["path"], line["status"], line["level"]) for line in entries_of(log_output, "request")
    ]
    assert lines == [
        ("/api/v1/canvas/courses", 200, "info"),
        ("/nowhere", 404, "info"),
        ("/health/live", 200, "debug"),
    ]
