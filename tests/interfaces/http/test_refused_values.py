"""The nil UUID as a user and times that no query can compute with are refused at each parameter."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from structlog.testing import capture_logs

from infrastructure.crypto.person_keys import PersonKeyUnreadable
from infrastructure.event_store.errors import EventUnreadable
from interfaces.http.openapi import openapi_document
from interfaces.queries.audit_history import VersionNotFound
from tests.dev_tokens import BOB, bearer_headers
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

NIL = str(UUID(int=0))
ADMIN = bearer_headers(BOB, "admin") | {"Purpose": "complaint 4711"}
VIEW = f"/api/v1/audit/connections/{CONNECTION_ID}/view"
IMPOSSIBLE_TIMES = (
    *("0001-01-01", "0001-01-07", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00-14:00"),
    *("1969-12-31", "9999-01-02", "9999-12-31", "9999-12-31T23:59:59.999999Z"),
    *("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:59+14:00"),
)


def time_parameters(app: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield the path and the name of every query parameter that is a time."""
    for path, methods in openapi_document(app)["paths"].items():
        for parameter in methods.get("get", {}).get("parameters", ()):
            if parameter["in"] == "query" and "date-time" in str(parameter["schema"]):
                yield path.replace("{connection_id}", str(CONNECTION_ID)), parameter["name"]


async def test_an_impossible_time_is_refused_at_every_parameter(
    app: FastAPI, anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    found = list(time_parameters(app))
    assert {name for _, name in found} >= {"since", "until", "as_of", "from", "to", "due_after"}
    for path, name in found:
        other = {"from": "2026-09-01"} if name == "to" else {}
        for time in IMPOSSIBLE_TIMES:
            response = await anonymous.get(path, params={name: time, **other}, headers=ADMIN)
            assert response.status_code == 422, (path, name, time)
            [error] = response.json()["errors"]
            assert error["loc"] == ["query", name]
            assert error["msg"] == "must be from 1970-01-01T00:00:00Z to 9999-01-01T00:00:00Z"
    assert service.calls == []


@pytest.mark.parametrize(
    ("method", "path", "loc"),
    [
        ("GET", f"/api/v1/audit/connections?user_id={NIL}", ["query", "user_id"]),
        ("POST", f"/api/v1/admin/users/{NIL}/erase", ["path", "user_id"]),
    ],
)
async def test_the_nil_uuid_as_a_user_is_refused(
    anonymous: httpx2.AsyncClient, service: FakeService, method: str, path: str, loc: list[str]
) -> None:
    response = await anonymous.request(method, path, headers=ADMIN)
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["loc"] == loc
    assert error["msg"].startswith("must be the id of a user")
    assert service.calls == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/v1/me"),
        ("GET", "/api/v1/sync/status"),
        ("POST", "/api/v1/calendar"),
    ],
)
async def test_a_token_with_the_nil_uuid_is_refused(
    anonymous: httpx2.AsyncClient, service: FakeService, method: str, path: str
) -> None:
    response = await anonymous.request(method, path, headers=bearer_headers(UUID(int=0)))
    assert response.status_code == 401
    assert service.calls == []


@pytest.mark.parametrize(
    ("error", "event", "detail"),
    [
        (
            EventUnreadable(7, CONNECTION_ID, 1, "ConnectionOpened", "a reason"),
            "event_unreadable",
            "needs the event ConnectionOpened at position 7, which cannot be decrypted or decoded",
        ),
        (PersonKeyUnreadable(BOB), "person_key_unreadable", "cannot be decrypted"),
    ],
)
async def test_why_a_history_cannot_be_read_is_in_the_problem_and_in_one_log_message(
    anonymous: httpx2.AsyncClient, service: FakeService, error: Any, event: str, detail: str
) -> None:
    service.error_by_name["view_at"] = error
    with capture_logs() as logs:
        response = await anonymous.get(VIEW, headers=ADMIN)
    assert response.status_code == 500
    problem = response.json()
    assert problem["type"] == "/problems/internal-error"
    assert detail in problem["detail"]
    assert "request_id" in problem["detail"]
    assert str(BOB) not in problem["detail"]
    messages = [each for each in logs if each["log_level"] == "error"]
    assert [each["event"] for each in messages] == [event]
    assert "exc_info" not in messages[0]


async def test_a_version_that_never_was_is_named(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error_by_name["state_at"] = VersionNotFound(CONNECTION_ID, 999, 3)
    path = f"/api/v1/audit/connections/{CONNECTION_ID}/state?version=999"
    response = await anonymous.get(path, headers=ADMIN)
    assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")
    assert response.json()["detail"] == (
        f"The connection {CONNECTION_ID} has no version 999; its newest one is 3."
    )


async def test_erased_connections_can_be_selected(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    path = "/api/v1/audit/connections?status=erased"
    assert (await anonymous.get(path, headers=ADMIN)).status_code == 200
    assert service.last_call("all_connections")[1]["status"] == "erased"
