from typing import Any

import httpx2
import pytest

from application.request_sync import RequestSync
from application.rotate_token import RotateToken
from application.set_up_connection import SetUpConnection
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_service import (
    AT,
    CONNECTION,
    CONNECTION_DOCUMENT,
    SYNC_DOCUMENT,
    Told,
)

SETUP = "/api/v1/canvas/setup"
ONE = f"/api/v1/canvas/connections/{CONNECTION}"
SECRET = "7~" + "s3cr3t" * 10
GOOD = {
    "canvas_url": " https://school.instructure.com ",
    "canvas_name": " My school ",
    "api_token": f" {SECRET}\n",
}


async def test_setting_up_answers_with_both_documents(ada: httpx2.AsyncClient, told: Told) -> None:
    answer = await ada.post(SETUP, json=GOOD)
    assert answer.status_code == 201
    assert answer.json() == {"connection": CONNECTION_DOCUMENT, "sync": SYNC_DOCUMENT}
    assert answer.headers["location"] == ONE
    assert answer.headers["cache-control"] == "no-store"
    assert told.last("set_up_connection")[0] == (
        SetUpConnection(
            person_id=ADA,
            canvas_url="https://school.instructure.com",
            canvas_name="My school",
            api_token=SECRET,
        ),
    )


@pytest.mark.parametrize(
    ("change", "loc"),
    [
        ({"surplus": 1}, ["body", "surplus"]),
        ({SECRET: 1}, ["body", "?"]),
        ({"api_token": ""}, ["body", "api_token"]),
        ({"api_token": f"{SECRET} {SECRET}"}, ["body", "api_token"]),
        ({"api_token": f"{SECRET}é"}, ["body", "api_token"]),
        ({"api_token": SECRET * 100}, ["body", "api_token"]),
        ({"api_token": [SECRET]}, ["body", "api_token"]),
        ({"canvas_name": " "}, ["body", "canvas_name"]),
        ({"canvas_name": "x" * 201}, ["body", "canvas_name"]),
        ({"canvas_name": "x\0y"}, ["body", "canvas_name"]),
        ({"canvas_url": 7}, ["body", "canvas_url"]),
    ],
    ids=[
        "surplus",
        "token-as-a-name",
        "no-token",
        "token-with-space",
        "token-not-ascii",
        "token-too-long",
        "token-in-a-list",
        "no-name",
        "name-too-long",
        "name-with-nul",
        "address-a-number",
    ],
)
async def test_a_bad_body_is_named_and_never_sent_back(
    ada: httpx2.AsyncClient, told: Told, change: dict[str, Any], loc: list[str]
) -> None:
    answer = await ada.post(SETUP, json={**GOOD, **change})
    assert answer.status_code == 422
    problem = answer.json()
    assert problem["type"] == "/problems/invalid-request"
    assert [fault["loc"] for fault in problem["errors"]] == [loc]
    assert all(set(fault) == {"loc", "msg", "type"} for fault in problem["errors"])
    assert SECRET not in answer.text
    assert told.asked == []


async def test_a_missing_field_does_not_show_the_others(ada: httpx2.AsyncClient) -> None:
    answer = await ada.post(SETUP, json={"api_token": SECRET})
    assert answer.status_code == 422
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[" * 60000, b'{"api_token": "' + b"7~x" + b"\\ud800" + b'"}']
)
async def test_what_is_no_json_is_refused(ada: httpx2.AsyncClient, body: bytes) -> None:
    answer = await ada.post(SETUP, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_reading_connections(ada: httpx2.AsyncClient, told: Told) -> None:
    listed = await ada.get("/api/v1/canvas/connections")
    assert listed.json() == {"items": [CONNECTION_DOCUMENT], "next_cursor": "bmV4dA"}
    assert told.last("connections_of") == (
        (ADA,),
        {"interval": told.interval, "cursor": None, "limit": 100},
    )
    assert (await ada.get(ONE)).json() == CONNECTION_DOCUMENT


async def test_rotating_a_token(ada: httpx2.AsyncClient, told: Told) -> None:
    answer = await ada.put(f"{ONE}/token", json={"api_token": SECRET})
    assert (answer.status_code, answer.json()) == (200, CONNECTION_DOCUMENT)
    command = RotateToken(person_id=ADA, connection_id=CONNECTION, api_token=SECRET)
    assert told.last("rotate_token")[0] == (command,)


async def test_validating(ada: httpx2.AsyncClient, told: Told) -> None:
    good = (await ada.post(f"{ONE}/validate")).json()
    assert good["valid"] is True
    assert set(good) == {"valid", "checked_at"}
    assert good["checked_at"].endswith("Z")
    told.verdict = "Canvas says the token is dead."
    bad = (await ada.post(f"{ONE}/validate")).json()
    assert (bad["valid"], bad["reason"]) == (False, "Canvas says the token is dead.")


@pytest.mark.parametrize("body", [b"", b"{}", b" { } "])
async def test_validating_takes_no_fields(ada: httpx2.AsyncClient, body: bytes) -> None:
    assert (await ada.post(f"{ONE}/validate", content=body)).status_code == 200


@pytest.mark.parametrize(
    ("body", "loc"),
    [
        (b'{"surplus": 1}', ["body", "surplus"]),
        (b"null", ["body"]),
        (b"[]", ["body"]),
        (b"{", ["body"]),
        (b"\xff", ["body"]),
    ],
)
async def test_validating_refuses_what_it_does_not_know(
    ada: httpx2.AsyncClient, told: Told, body: bytes, loc: list[str]
) -> None:
    answer = await ada.post(f"{ONE}/validate", content=body)
    assert answer.status_code == 422
    assert [fault["loc"] for fault in answer.json()["errors"]] == [loc]
    assert told.asked == []


async def test_a_run_is_answered_as_it_was_made(ada: httpx2.AsyncClient, told: Told) -> None:
    told.newest = {
        **SYNC_DOCUMENT,
        "status": "failed",
        "started_at": AT,
        "finished_at": AT,
        "courses": {"total": 3, "done": 2, "failed": 1},
        "changes": {"courses": 2, "assignments": 9, "grades": 1},
        "requests": {"total": 7, "not_modified": 1, "retried": 1},
        "error": {"code": "interrupted", "detail": "It stopped."},
    }
    assert (await ada.post(SETUP, json=GOOD)).json()["sync"] == SYNC_DOCUMENT
    manual = {**SYNC_DOCUMENT, "trigger": "manual", "mode": "incremental"}
    assert (await ada.post(f"{ONE}/sync")).json() == manual


@pytest.mark.parametrize(
    ("body", "asked", "mode"),
    [
        (None, "auto", "incremental"),
        ({}, "auto", "incremental"),
        ({"mode": "auto"}, "auto", "incremental"),
        ({"mode": "full"}, "full", "full"),
    ],
)
async def test_requesting_a_sync(
    ada: httpx2.AsyncClient, told: Told, body: Any, asked: str, mode: str
) -> None:
    answer = await ada.post(f"{ONE}/sync", json=body)
    queued = {**SYNC_DOCUMENT, "trigger": "manual", "mode": mode}
    assert (answer.status_code, answer.json()) == (202, queued)
    wish = RequestSync(person_id=ADA, connection_id=CONNECTION, mode=asked)
    assert told.last("request_sync")[0] == (wish,)


async def test_a_sync_has_two_modes(ada: httpx2.AsyncClient) -> None:
    answer = await ada.post(f"{ONE}/sync", json={"mode": "half"})
    assert answer.status_code == 422
    assert "'auto' or 'full'" in answer.json()["errors"][0]["msg"]


async def test_closing(ada: httpx2.AsyncClient, told: Told) -> None:
    answer = await ada.delete(ONE)
    assert (answer.status_code, answer.content) == (204, b"")
    assert told.last("close_connection")[0][0].connection_id == CONNECTION
