"""Routes by which admins pause, verify and roll back read models, and settle dead letters."""

from uuid import uuid4

import httpx2
import pytest

from application.settle_dead_letter import SettleDeadLetter
from infrastructure.projection_engine.refold import RefoldRefused
from infrastructure.projection_engine.rollback import RollbackRefused
from infrastructure.projection_engine.verification import VerificationRefused
from interfaces.http.errors.error_table import ERROR_TABLE
from tests.dev_tokens import ADA, bearer_headers
from tests.interfaces.http.fake_projections import LETTER_ID
from tests.interfaces.http.fake_service import FakeService

ADMIN = bearer_headers(ADA, "admin")
BASE = "/api/v1/admin/projections"
ACTIONS = {
    "verify": "verify_projection",
    "pause": "pause_projection",
    "resume": "resume_projection",
    "rollback": "roll_back_projection",
}


@pytest.mark.parametrize("action", ACTIONS)
async def test_an_action_on_a_read_model_is_accepted(
    anonymous: httpx2.AsyncClient, service: FakeService, action: str
) -> None:
    response = await anonymous.post(f"{BASE}/courses/{action}", headers=ADMIN)
    assert (response.status_code, response.json()) == (202, {"name": "courses"})
    assert service.last_call(ACTIONS[action])[0] == ("courses",)
    unknown = await anonymous.post(f"{BASE}/nonsense/{action}", headers=ADMIN)
    assert (unknown.status_code, unknown.json()["type"]) == (404, "/problems/not-found")
    surplus = await anonymous.post(f"{BASE}/courses/{action}", json={"a": 1}, headers=ADMIN)
    assert surplus.status_code == 422
    assert [name for name, *_ in service.calls].count(ACTIONS[action]) == 1


@pytest.mark.parametrize(("action", "result"), [("retry", "applied"), ("skip", "skipped")])
async def test_a_dead_letter_is_settled_once_for_each_key(
    anonymous: httpx2.AsyncClient, service: FakeService, action: str, result: str
) -> None:
    path = f"{BASE}/courses/dead-letters/{LETTER_ID}/{action}"
    headers = ADMIN | {"Idempotency-Key": "key-1"}
    first = await anonymous.post(path, headers=headers)
    assert (first.status_code, first.json()) == (
        200,
        {"id": str(LETTER_ID), "projection": "courses", "result": result, "error": None},
    )
    again = await anonymous.post(path, headers=headers)
    assert again.json() == first.json()
    assert [name for name, *_ in service.calls].count("settle_dead_letter") == 1
    command: SettleDeadLetter = service.last_call("settle_dead_letter")[0][0]
    assert (command.projection, command.letter_id, command.action) == ("courses", LETTER_ID, action)


@pytest.mark.parametrize("action", ["retry", "skip"])
async def test_a_dead_letter_that_does_not_exist_is_not_found(
    anonymous: httpx2.AsyncClient, action: str
) -> None:
    missing = await anonymous.post(f"{BASE}/courses/dead-letters/{uuid4()}/{action}", headers=ADMIN)
    assert (missing.status_code, missing.json()["type"]) == (404, "/problems/not-found")
    other = await anonymous.post(
        f"{BASE}/nonsense/dead-letters/{LETTER_ID}/{action}", headers=ADMIN
    )
    assert other.status_code == 404
    malformed = await anonymous.post(f"{BASE}/courses/dead-letters/all/{action}", headers=ADMIN)
    assert malformed.status_code == 422


@pytest.mark.parametrize(
    ("error", "slug"),
    [
        (RollbackRefused("none"), "no-earlier-version"),
        (VerificationRefused("outdated"), "projection-behind"),
        (RefoldRefused("outdated"), "projection-behind"),
    ],
)
def test_refusals_are_problems(error: Exception, slug: str) -> None:
    problem = ERROR_TABLE[type(error)](None, error)  # type: ignore[arg-type]  # not read
    assert problem.slug == slug
