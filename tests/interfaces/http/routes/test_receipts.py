"""A receipt is a file of its own; every reason why there is none is a problem."""

from uuid import UUID, uuid4

import httpx2
import pytest

from domain.errors import PersonIsErased
from infrastructure.seals.receipts.make_receipt import GradeNotCommitted, GradeNotSealed
from infrastructure.seals.receipts.receipt_file import parse_receipt
from infrastructure.seals.receipts.verify_receipt import verify_receipt
from tests.dev_tokens import ADA, BOB, bearer_headers
from tests.infrastructure.seals.receipts.made_receipts import LOG
from tests.interfaces.http.fake_receipts import GRADE_CHANGE_ID
from tests.interfaces.http.fake_service import FakeService

PATH = f"/api/v1/me/grades/{GRADE_CHANGE_ID}/receipt"


async def test_a_receipt_is_downloaded_as_a_file(ada: httpx2.AsyncClient) -> None:
    response = await ada.get(PATH)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.headers["content-disposition"] == (
        f'attachment; filename="grade-receipt-{GRADE_CHANGE_ID}.json"'
    )
    assert response.headers["consistency-token"]
    assert verify_receipt(parse_receipt(response.content), [LOG.verifier]).is_trusted


@pytest.mark.parametrize(("person", "change"), [(BOB, GRADE_CHANGE_ID), (ADA, uuid4())])
async def test_the_grade_of_somebody_else_looks_as_if_it_did_not_exist(
    anonymous: httpx2.AsyncClient, person: UUID, change: UUID
) -> None:
    path = f"/api/v1/me/grades/{change}/receipt"
    response = await anonymous.get(path, headers=bearer_headers(person))
    assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")


@pytest.mark.parametrize(
    ("refusal", "status", "slug"),
    [
        (GradeNotSealed(), 503, "not-sealed"),
        (GradeNotCommitted(), 409, "grade-not-committed"),
        (PersonIsErased(ADA), 410, "person-erased"),
    ],
)
async def test_a_grade_without_a_receipt_is_a_problem(
    ada: httpx2.AsyncClient, service: FakeService, refusal: Exception, status: int, slug: str
) -> None:
    service.receipt_refusal = refusal
    response = await ada.get(PATH)
    assert (response.status_code, response.json()["type"]) == (status, f"/problems/{slug}")
    assert response.headers.get("retry-after") == ("2" if status == 503 else None)


async def test_an_id_that_is_none_is_refused(ada: httpx2.AsyncClient) -> None:
    assert (await ada.get("/api/v1/me/grades/nonsense/receipt")).status_code == 422
