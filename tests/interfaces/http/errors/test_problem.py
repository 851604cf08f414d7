from uuid import UUID

import httpx2
import psycopg
import psycopg_pool
import pytest
from structlog.testing import capture_logs

from domain import errors
from infrastructure.event_store.errors import ConnectionLost, DatabaseBusy, DatabaseUnavailable
from infrastructure.projection_engine.rebuild_steps import RebuildRefused
from interfaces.http.errors.error_table import SLUGS
from interfaces.http.errors.problem import KINDS
from projections.support.page import BadCursor
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_service import CONNECTION, SYNC, Told

COURSES = "/api/v1/canvas/courses"
CASES = [
    (errors.ConnectionNotFound(CONNECTION), 404, "not-found"),
    (errors.ConnectionExists(CONNECTION), 409, "connection-exists"),
    (errors.ConnectionIsNotActive(CONNECTION, "closed"), 409, "connection-not-active"),
    (errors.CanvasUserMismatch(), 422, "canvas-user-mismatch"),
    (errors.CanvasUrlNotAllowed("CANVAS_ALLOWED_HOSTS says no"), 422, "canvas-url-not-allowed"),
    (errors.SyncAlreadyRunning(SYNC), 409, "sync-already-running"),
    (errors.NoSyncRunning(), 409, "no-sync-running"),
    (errors.SyncIsOver(SYNC), 409, "conflict"),
    (errors.SyncNotDue(SYNC), 409, "conflict"),
    (errors.VersionConflict(CONNECTION), 409, "conflict"),
    (errors.PersonIsErased(ADA), 410, "person-erased"),
    (errors.CanvasTokenRejected("dead"), 422, "canvas-token-rejected"),
    (errors.CanvasForbidden("no"), 422, "canvas-token-rejected"),
    (errors.CanvasThrottled("slow down"), 502, "canvas-unreachable"),
    (errors.CanvasUnreachable("gone"), 502, "canvas-unreachable"),
    (errors.CanvasAnswerUnusable("html"), 502, "canvas-unreachable"),
    (errors.CanvasTimeout("slow"), 504, "canvas-timeout"),
    (errors.ConnectionUnusable("no token"), 409, "connection-not-active"),
    (DatabaseBusy(), 503, "database-busy"),
    (DatabaseUnavailable(), 503, "database-unavailable"),
    (ConnectionLost(), 503, "database-unavailable"),
    (psycopg_pool.PoolTimeout(), 503, "database-busy"),
    (psycopg_pool.TooManyRequests(), 503, "database-busy"),
    (psycopg.OperationalError("secret host"), 503, "database-unavailable"),
    (psycopg.errors.QueryCanceled(), 503, "database-busy"),
    (psycopg.errors.UndefinedColumn(), 503, "projection-behind"),
    (RebuildRefused("at it"), 409, "rebuild-running"),
    (BadCursor("x"), 422, "bad-cursor"),
]

SENT = "7~never-to-be-seen-again"


def test_no_refusal_and_no_failure_of_canvas_is_forgotten() -> None:
    refusals, failures = errors.Refusal.__subclasses__(), errors.CanvasFailure.__subclasses__()
    assert set(SLUGS) == {*refusals, *failures}


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    CASES,
    ids=lambda case: type(case).__name__ if isinstance(case, Exception) else None,
)
async def test_every_error_is_its_problem(
    ada: httpx2.AsyncClient, told: Told, error: Exception, status: int, slug: str
) -> None:
    told.raises = error
    answer = await ada.get(COURSES, headers={"X-Request-ID": "me-1"})
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type": f"/problems/{slug}", "status": status, "instance": COURSES} == {
        name: problem[name] for name in ("type", "status", "instance")
    }
    assert problem["request_id"] == "me-1"
    assert problem["title"]
    assert problem["detail"]
    assert "secret" not in answer.text
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_a_refusal_names_what_it_is_about(ada: httpx2.AsyncClient, told: Told) -> None:
    told.raises = errors.SyncAlreadyRunning(SYNC)
    assert (await ada.get(COURSES)).json()["sync_id"] == str(SYNC)
    told.raises = errors.ConnectionExists(CONNECTION)
    assert UUID((await ada.get(COURSES)).json()["connection_id"]) == CONNECTION


async def test_an_unknown_error_is_logged_once_and_tells_nothing(
    ada: httpx2.AsyncClient, told: Told
) -> None:
    told.raises = RuntimeError("the inside")
    with capture_logs() as logs:
        answer = await ada.get(COURSES)
    assert answer.status_code == 500
    assert answer.json()["type"] == "/problems/internal-error"
    assert "inside" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert [log["event"] for log in logs if log["log_level"] == "error"] == ["request_failed"]


async def test_a_value_postgresql_refuses_is_the_cursors_fault_only_with_a_cursor(
    ada: httpx2.AsyncClient, told: Told
) -> None:
    told.raises = psycopg.DataError("invalid input syntax")
    with_cursor = await ada.get(COURSES, params={"cursor": "WyJ4Il0"})
    assert with_cursor.json()["type"] == "/problems/bad-cursor"
    assert (await ada.get(COURSES)).status_code == 500


@pytest.mark.parametrize("slug", KINDS)
async def test_every_type_resolves(stranger: httpx2.AsyncClient, slug: str) -> None:
    answer = await stranger.get(f"/problems/{slug}")
    assert answer.status_code == 200
    assert KINDS[slug].advice in answer.text


async def test_addresses_and_methods_that_are_none(stranger: httpx2.AsyncClient) -> None:
    nowhere = await stranger.get("/nowhere")
    assert (nowhere.status_code, nowhere.json()["type"]) == (404, "/problems/not-found")
    assert (await stranger.get("/problems/none")).status_code == 404
    patched = await stranger.patch(f"/api/v1/canvas/connections/{CONNECTION}")
    assert (patched.status_code, patched.json()["type"]) == (405, "/problems/method-not-allowed")
    assert patched.headers["allow"] == "DELETE, GET, HEAD"
    assert (await stranger.get(COURSES + "/")).status_code == 404


@pytest.mark.parametrize(
    "sent",
    [
        f'{{"api_token": "{SENT}"}}',
        f'{{"canvas_url": 1, "canvas_name": "x", "api_token": "{SENT}"}}',
        f'{{"{SENT}": 1}}',
        f'["{SENT}"]',
        f'"{SENT}"',
        f'{{"api_token": "{SENT}"',
    ],
)
async def test_what_was_sent_is_never_sent_back(ada: httpx2.AsyncClient, sent: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = await ada.post("/api/v1/canvas/setup", content=sent, headers=headers)
    assert answer.status_code in {400, 422}
    assert SENT not in answer.text + str(answer.headers)
