from uuid import UUID

import httpx2
import psycopg
import psycopg_pool
import pytest
from structlog.testing import capture_logs

from domain import errors
from infrastructure.event_store.errors import EventUnreadable
from infrastructure.event_store.timelines import UnknownPlace
from infrastructure.postgres.errors import (
    ConnectionLost,
    DatabaseBusy,
    DatabaseUnavailable,
    NoConnection,
    PostgresUnavailable,
)
from infrastructure.projection_engine.rebuild_steps import RebuildRefused
from infrastructure.queue.syncing_switch import SyncingIsOff
from interfaces.http.errors.error_table import ERROR_TABLE
from interfaces.http.errors.problem_types import PROBLEM_TYPES
from projections.support.page import BadCursor
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_service import CONNECTION_ID, SYNC_ID, FakeService

COURSES = "/api/v1/canvas/courses"
CASES = [
    (errors.ConnectionNotFound(CONNECTION_ID), 404, "not-found"),
    (errors.ConnectionExists(CONNECTION_ID), 409, "connection-exists"),
    (errors.ConnectionIsNotActive(CONNECTION_ID, "closed"), 409, "connection-not-active"),
    (errors.CanvasUserMismatch(), 422, "canvas-user-mismatch"),
    (errors.CanvasUrlNotAllowed("not an allowed host"), 422, "canvas-url-not-allowed"),
    (errors.SyncAlreadyRunning(SYNC_ID), 409, "sync-already-running"),
    (errors.NoSyncRunning(), 409, "no-sync-running"),
    (errors.ConnectionBusy(CONNECTION_ID), 503, "connection-busy"),
    (errors.VersionConflict(CONNECTION_ID), 503, "connection-busy"),
    (errors.PersonIsErased(ADA), 410, "person-erased"),
    (errors.CanvasTokenRejected("rejected"), 422, "canvas-token-rejected"),
    (errors.CanvasForbidden("forbidden"), 422, "canvas-token-rejected"),
    (errors.CanvasThrottled("rate limit"), 502, "canvas-unreachable"),
    (errors.CanvasUnreachable("no route"), 502, "canvas-unreachable"),
    (errors.CanvasResponseUnusable("html"), 502, "canvas-unreachable"),
    (errors.CanvasTimeout("slow"), 504, "canvas-timeout"),
    (errors.ConnectionUnusable("no token"), 409, "connection-not-active"),
    (DatabaseBusy(), 503, "database-busy"),
    (DatabaseUnavailable(), 503, "database-unavailable"),
    (ConnectionLost(), 503, "database-unavailable"),
    (PostgresUnavailable("secret address"), 503, "database-unavailable"),
    (psycopg_pool.PoolTimeout(), 503, "database-busy"),
    (NoConnection(), 503, "database-unavailable"),
    (psycopg_pool.TooManyRequests(), 503, "database-busy"),
    (psycopg_pool.PoolClosed(), 503, "database-unavailable"),
    (psycopg.OperationalError("secret host"), 503, "database-unavailable"),
    (psycopg.InterfaceError("the connection is closed"), 503, "database-unavailable"),
    (psycopg.errors.TooManyConnections(), 503, "database-busy"),
    (psycopg.errors.QueryCanceled(), 503, "database-busy"),
    (psycopg.errors.UndefinedColumn(), 503, "projection-behind"),
    (psycopg.errors.UndefinedTable(), 503, "projection-behind"),
    (errors.TooManyConnections(10), 422, "too-many-connections"),
    (errors.SyncLimitReached(60), 429, "rate-limited"),
    (errors.DailyLimitReached(60), 429, "rate-limited"),
    (errors.TokenChecksOfPersonLimited(60), 429, "rate-limited"),
    (errors.TokenChecksOfHostLimited(60, "school.example"), 503, "canvas-busy"),
    (RebuildRefused("already running"), 409, "rebuild-running"),
    (SyncingIsOff(), 503, "syncing-off"),
    (BadCursor("x"), 422, "bad-cursor"),
    (UnknownPlace("of another log"), 400, "bad-consistency-token"),
    (EventUnreadable(7, CONNECTION_ID, 3, "TokenRotated", "a secret"), 500, "internal-error"),
]
UNREACHABLE = {errors.SyncIsOver, errors.SyncNotDue}
"""Refusals that only workers and the scheduler get."""

SECRET = "7~a-secret-canvas-token"


def test_every_domain_error_that_reaches_a_client_has_a_problem() -> None:
    refusals, failures = errors.DomainError.__subclasses__(), errors.CanvasFailure.__subclasses__()
    in_table = {
        kind for kind in ERROR_TABLE if issubclass(kind, errors.DomainError | errors.CanvasFailure)
    }
    assert in_table == {*refusals, *failures} - UNREACHABLE


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    CASES,
    ids=lambda case: type(case).__name__ if isinstance(case, Exception) else None,
)
async def test_every_error_becomes_its_problem(
    ada: httpx2.AsyncClient, service: FakeService, error: Exception, status: int, slug: str
) -> None:
    service.error = error
    response = await ada.get(COURSES, headers={"X-Request-ID": "me-1"})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert {"type": f"/problems/{slug}", "status": status, "instance": COURSES} == {
        name: problem[name] for name in ("type", "status", "instance")
    }
    assert problem["request_id"] == "me-1"
    assert problem["title"]
    assert problem["detail"]
    assert "secret" not in response.text
    assert ("retry-after" in response.headers) == (status in {429, 503})


async def test_a_refusal_names_the_id_it_is_about(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error = errors.SyncAlreadyRunning(SYNC_ID)
    assert (await ada.get(COURSES)).json()["sync_id"] == str(SYNC_ID)
    service.error = errors.ConnectionExists(CONNECTION_ID)
    assert UUID((await ada.get(COURSES)).json()["connection_id"]) == CONNECTION_ID


async def test_an_unknown_error_is_logged_once_and_not_shown(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error = RuntimeError("internal detail")
    with capture_logs() as logs:
        response = await ada.get(COURSES)
    assert response.status_code == 500
    assert response.json()["type"] == "/problems/internal-error"
    assert "internal detail" not in response.text
    assert response.headers["x-content-type-options"] == "nosniff"
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["request_failed"]


async def test_a_refused_value_is_a_bad_cursor_only_with_a_cursor(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error = psycopg.DataError("invalid input syntax")
    with_cursor = await ada.get(COURSES, params={"cursor": "WyJ4Il0"})
    assert with_cursor.json()["type"] == "/problems/bad-cursor"
    assert (await ada.get(COURSES)).status_code == 500


@pytest.mark.parametrize("slug", PROBLEM_TYPES)
async def test_every_problem_type_has_a_page(anonymous: httpx2.AsyncClient, slug: str) -> None:
    response = await anonymous.get(f"/problems/{slug}")
    assert response.status_code == 200
    assert PROBLEM_TYPES[slug].cause in response.text
    assert PROBLEM_TYPES[slug].advice in response.text


async def test_unknown_paths_and_methods_are_problems(anonymous: httpx2.AsyncClient) -> None:
    unknown = await anonymous.get("/nowhere")
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/not-found")
    assert (await anonymous.get("/problems/none")).status_code == 404
    patched = await anonymous.patch(f"/api/v1/canvas/connections/{CONNECTION_ID}")
    assert (patched.status_code, patched.json()["type"]) == (405, "/problems/method-not-allowed")
    assert patched.headers["allow"] == "DELETE, GET, HEAD"
    assert (await anonymous.get(COURSES + "/")).status_code == 404


@pytest.mark.parametrize(
    "sent",
    [
        f'{{"api_token": "{SECRET}"}}',
        f'{{"canvas_url": 1, "canvas_name": "x", "api_token": "{SECRET}"}}',
        f'{{"{SECRET}": 1}}',
        f'["{SECRET}"]',
        f'"{SECRET}"',
        f'{{"api_token": "{SECRET}"',
    ],
)
async def test_request_content_is_never_returned_in_an_error(
    ada: httpx2.AsyncClient, sent: str
) -> None:
    headers = {"Content-Type": "application/json"}
    response = await ada.post("/api/v1/canvas/setup", content=sent, headers=headers)
    assert response.status_code in {400, 422}
    assert SECRET not in response.text + str(response.headers)


async def test_an_interface_error_is_logged_because_it_can_be_a_bug(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error = psycopg.InterfaceError("cursor closed")
    with capture_logs() as logs:
        response = await ada.get(COURSES)
    assert response.json()["type"] == "/problems/database-unavailable"
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["request_failed"]


async def test_an_unreadable_event_is_logged_with_its_place_and_not_shown(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error = EventUnreadable(7, CONNECTION_ID, 3, "TokenRotated", "a secret")
    with capture_logs() as logs:
        response = await ada.get(COURSES)
    assert str(CONNECTION_ID) not in response.text
    [line] = [log for log in logs if log["log_level"] == "error"]
    assert (line["event"], line["position"], line["stream"]) == (
        "event_unreadable",
        7,
        str(CONNECTION_ID),
    )
    assert "a secret" not in str(line)


def test_nothing_that_can_succeed_later_is_an_outcome() -> None:
    outcomes = {slug: kind for slug, kind in PROBLEM_TYPES.items() if kind.is_outcome}
    assert {kind.status for kind in outcomes.values()} == {404, 409, 410, 422}
    assert outcomes.keys() == {
        "canvas-token-rejected",
        "canvas-url-not-allowed",
        "canvas-user-mismatch",
        "connection-exists",
        "connection-not-active",
        "no-sync-running",
        "not-found",
        "person-erased",
    }
    assert not any("Retry-After" in kind.advice for kind in outcomes.values())
