from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from application.request_sync import RequestSync
from application.rotate_token import RotateToken
from application.set_up_connection import SetUpConnection
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_service import (
    AT,
    CONNECTION_DOCUMENT,
    CONNECTION_ID,
    SYNC_DOCUMENT,
    FakeService,
)

SETUP_PATH = "/api/v1/canvas/setup"
CONNECTION_PATH = f"/api/v1/canvas/connections/{CONNECTION_ID}"
SECRET = "7~" + "s3cr3t" * 10
VALID_BODY = {
    "canvas_url": "https://school.instructure.com/profile/settings",
    "canvas_name": " My school ",
    "api_token": f" {SECRET}\n",
}


async def test_setup_returns_the_connection_and_its_first_sync(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await ada.post(SETUP_PATH, json=VALID_BODY)
    assert response.status_code == 201
    assert response.json() == {"connection": CONNECTION_DOCUMENT, "sync": SYNC_DOCUMENT}
    assert response.headers["location"] == CONNECTION_PATH
    assert response.headers["cache-control"] == "no-store"
    assert service.last_call("set_up_connection")[0] == (
        SetUpConnection(
            person_id=ADA,
            canvas_url="https://school.instructure.com/profile/settings",
            canvas_name="My school",
            api_token=SECRET,
        ),
    )


@pytest.mark.parametrize(
    "name", [{}, {"canvas_name": None}, {"canvas_name": ""}, {"canvas_name": " "}]
)
async def test_a_name_is_optional(
    ada: httpx2.AsyncClient, service: FakeService, name: dict[str, Any]
) -> None:
    body = {"canvas_url": "school.instructure.com", "api_token": SECRET} | name
    assert (await ada.post(SETUP_PATH, json=body)).status_code == 201
    [command] = service.last_call("set_up_connection")[0]
    assert command.canvas_name is None


@pytest.mark.parametrize(
    "form", ["%s", '"Bearer %s" ', "\u201c%s\u201d", "\u200b%s", "Token: %s\n"]
)
async def test_a_token_is_taken_as_people_paste_it(
    ada: httpx2.AsyncClient, service: FakeService, form: str
) -> None:
    body = {"api_token": form % SECRET}
    await ada.post(SETUP_PATH, json=VALID_BODY | body)
    await ada.put(f"{CONNECTION_PATH}/token", json=body)
    for name in ("set_up_connection", "rotate_token"):
        assert service.last_call(name)[0][0].api_token == SECRET


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
        ({"canvas_name": "x" * 201}, ["body", "canvas_name"]),
        ({"canvas_name": "x\0y"}, ["body", "canvas_name"]),
        ({"canvas_url": 7}, ["body", "canvas_url"]),
        ({"canvas_url": ""}, ["body", "canvas_url"]),
    ],
    ids=[
        "surplus",
        "token-as-a-name",
        "no-token",
        "token-with-space",
        "token-not-ascii",
        "token-too-long",
        "token-in-a-list",
        "name-too-long",
        "name-with-nul",
        "address-a-number",
        "no-address",
    ],
)
async def test_an_invalid_field_is_named_and_its_value_not_returned(
    ada: httpx2.AsyncClient, service: FakeService, change: dict[str, Any], loc: list[str]
) -> None:
    response = await ada.post(SETUP_PATH, json={**VALID_BODY, **change})
    assert response.status_code == 422
    problem = response.json()
    assert problem["type"] == "/problems/invalid-request"
    assert [entry["loc"] for entry in problem["errors"]] == [loc]
    assert all(set(entry) == {"loc", "msg", "type"} for entry in problem["errors"])
    assert SECRET not in response.text
    assert service.calls == []


async def test_a_missing_field_does_not_reveal_the_others(ada: httpx2.AsyncClient) -> None:
    response = await ada.post(SETUP_PATH, json={"api_token": SECRET})
    assert response.status_code == 422
    assert SECRET not in response.text


@pytest.mark.parametrize(
    "body", [b"{", b"\xff\xfe", b"[" * 60000, b'{"api_token": "' + b"7~x" + b"\\ud800" + b'"}']
)
async def test_a_body_that_is_not_json_is_refused(ada: httpx2.AsyncClient, body: bytes) -> None:
    response = await ada.post(
        SETUP_PATH, content=body, headers={"Content-Type": "application/json"}
    )
    assert response.status_code in {400, 422}
    assert response.headers["content-type"] == "application/problem+json"


async def test_connections_are_listed_and_shown(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    page = await ada.get("/api/v1/canvas/connections")
    assert page.json() == {"items": [CONNECTION_DOCUMENT], "next_cursor": "bmV4dA"}
    assert service.last_call("connections_of") == (
        (ADA,),
        {"cursor": None, "limit": 100},
    )
    assert (await ada.get(CONNECTION_PATH)).json() == CONNECTION_DOCUMENT


async def test_a_token_is_replaced(ada: httpx2.AsyncClient, service: FakeService) -> None:
    response = await ada.put(f"{CONNECTION_PATH}/token", json={"api_token": SECRET})
    assert (response.status_code, response.json()) == (200, CONNECTION_DOCUMENT)
    command = RotateToken(person_id=ADA, connection_id=CONNECTION_ID, api_token=SECRET)
    assert service.last_call("rotate_token")[0] == (command,)


async def test_validation_returns_whether_canvas_accepts_the_token(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    valid = (await ada.post(f"{CONNECTION_PATH}/validate")).json()
    assert valid["valid"] is True
    assert set(valid) == {"valid", "checked_at"}
    assert valid["checked_at"].endswith("Z")
    service.refusal_reason = "Canvas rejects the token."
    invalid = (await ada.post(f"{CONNECTION_PATH}/validate")).json()
    assert (invalid["valid"], invalid["reason"]) == (False, "Canvas rejects the token.")


async def test_a_validation_has_the_time_at_which_it_was_recorded(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.appended_position = 7
    service.appended_at = datetime(2026, 9, 1, 12, 0, 5, 999_999, UTC)
    checked = (await ada.post(f"{CONNECTION_PATH}/validate")).json()
    assert checked == {"valid": True, "checked_at": "2026-09-01T12:00:05Z"}


@pytest.mark.parametrize("body", [b"", b"{}", b" { } "])
async def test_validation_accepts_an_empty_body(ada: httpx2.AsyncClient, body: bytes) -> None:
    assert (await ada.post(f"{CONNECTION_PATH}/validate", content=body)).status_code == 200


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
async def test_validation_refuses_any_other_body(
    ada: httpx2.AsyncClient, service: FakeService, body: bytes, loc: list[str]
) -> None:
    response = await ada.post(f"{CONNECTION_PATH}/validate", content=body)
    assert response.status_code == 422
    assert [entry["loc"] for entry in response.json()["errors"]] == [loc]
    assert service.calls == []


async def test_a_new_run_is_always_returned_as_queued(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.newest_run = {
        **SYNC_DOCUMENT,
        "status": "failed",
        "started_at": AT,
        "finished_at": AT,
        "courses": {"total": 3, "done": 2, "failed": 1},
        "changes": {"courses": 2, "assignments": 9, "grades": 1},
        "requests": {"total": 7, "not_modified": 1, "retried": 1},
        "error": {"code": "interrupted", "detail": "The worker stopped."},
    }
    assert (await ada.post(SETUP_PATH, json=VALID_BODY)).json()["sync"] == SYNC_DOCUMENT
    manual = {**SYNC_DOCUMENT, "trigger": "manual", "mode": "incremental"}
    assert (await ada.post(f"{CONNECTION_PATH}/sync")).json() == manual


@pytest.mark.parametrize(
    ("body", "requested_mode", "mode"),
    [
        (None, "auto", "incremental"),
        ({}, "auto", "incremental"),
        ({"mode": "auto"}, "auto", "incremental"),
        ({"mode": "full"}, "full", "full"),
    ],
)
async def test_a_sync_is_requested_in_the_chosen_mode(
    ada: httpx2.AsyncClient, service: FakeService, body: Any, requested_mode: str, mode: str
) -> None:
    response = await ada.post(f"{CONNECTION_PATH}/sync", json=body)
    queued = {**SYNC_DOCUMENT, "trigger": "manual", "mode": mode}
    assert (response.status_code, response.json()) == (202, queued)
    command = RequestSync(person_id=ADA, connection_id=CONNECTION_ID, mode=requested_mode)
    assert service.last_call("request_sync")[0] == (command,)


async def test_an_unknown_sync_mode_is_refused(ada: httpx2.AsyncClient) -> None:
    response = await ada.post(f"{CONNECTION_PATH}/sync", json={"mode": "half"})
    assert response.status_code == 422
    assert "'auto' or 'full'" in response.json()["errors"][0]["msg"]


async def test_a_connection_is_closed(ada: httpx2.AsyncClient, service: FakeService) -> None:
    response = await ada.delete(CONNECTION_PATH)
    assert (response.status_code, response.content) == (204, b"")
    assert service.last_call("close_connection")[0][0].connection_id == CONNECTION_ID
