"""The user as a whole over HTTP: taking everything along, and being erased."""

import csv
import io
import zipfile

import httpx2
import pytest

from application.erase_person import ErasePerson
from tests.dev_tokens import ADA, BOB, bearer_headers
from tests.interfaces.http.fake_service import FakeService

EXPORT = "/api/v1/me/export"
ERASE_BOB = f"/api/v1/admin/users/{BOB}/erase"
LISTS = [
    *("connections", "courses", "assignments", "grades", "grade_changes", "syncs"),
    *("disclosures", "history"),
]


async def test_everything_is_taken_along_as_one_document(ada: httpx2.AsyncClient) -> None:
    response = await ada.get(EXPORT)
    taken = response.json()
    assert list(taken) == ["exported_at", "account", *LISTS]
    assert taken["account"]["id"] == str(ADA)
    assert taken["account"]["roles"] == ["student"]
    assert taken["history"][0]["type"] == "GradeChanged"
    assert [each["purpose"] for each in taken["disclosures"]] == ["complaint"]
    assert response.headers["content-disposition"] == 'attachment; filename="easeboard.json"'
    assert response.headers["cache-control"] == "no-store"
    assert "consistency-token" in response.headers


async def test_everything_is_taken_along_as_csv_files(ada: httpx2.AsyncClient) -> None:
    response = await ada.get(EXPORT, params={"format": "csv"})
    assert response.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(response.content))
    assert archive.testzip() is None
    assert archive.namelist() == ["account.csv", *(f"{name}.csv" for name in LISTS)]
    text = archive.read("connections.csv").decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text))
    assert row["canvas_user.id"] == "9007199254740993"
    assert archive.read("history.csv").startswith(b"\xef\xbb\xbfposition,event_id,")


async def test_the_records_are_those_of_the_user(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    await ada.get(EXPORT)
    assert service.last_call("person_records") == ((ADA,), {})
    assert (await ada.get(EXPORT, params={"format": "xml"})).status_code == 422
    assert (await ada.get(EXPORT, params={"user_id": str(BOB)})).status_code == 422


@pytest.mark.parametrize("delete_auth_user", [False, True])
async def test_a_user_erases_themself(
    ada: httpx2.AsyncClient, service: FakeService, *, delete_auth_user: bool
) -> None:
    query = {"delete_auth_user": "true"} if delete_auth_user else {}
    response = await ada.delete("/api/v1/me", params=query)
    assert (response.status_code, response.content) == (204, b"")
    command = ErasePerson(person_id=ADA, delete_auth_user=delete_auth_user)
    assert service.last_call("erase_person") == ((command,), {})
    assert service.actors[-1] == str(ADA)


async def test_without_a_service_key_the_auth_user_cannot_be_deleted(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.has_service_key = False
    refused = await ada.delete("/api/v1/me", params={"delete_auth_user": "true"})
    assert refused.status_code == 422
    assert refused.json()["type"] == "/problems/auth-user-not-deletable"
    assert "SUPABASE_SERVICE_KEY" in refused.json()["detail"]
    assert service.erased == set()


async def test_an_admin_erases_a_user(ada: httpx2.AsyncClient, service: FakeService) -> None:
    headers = bearer_headers(ADA, "admin")
    response = await ada.post(ERASE_BOB, json={"delete_auth_user": True}, headers=headers)
    assert response.status_code == 202
    assert response.json() == {"user_id": str(BOB), "erased": True, "auth_user": "waiting"}
    command = ErasePerson(person_id=BOB, delete_auth_user=True)
    assert service.last_call("erase_person") == ((command,), {})
    assert service.actors[-1] == str(ADA)
    without_body = await ada.post(ERASE_BOB, headers=headers)
    assert without_body.json()["auth_user"] == "kept"


@pytest.mark.parametrize("body", [{"delete_auth_user": "yes"}, {"user": 1}, []])
async def test_a_body_with_anything_else_is_refused(
    ada: httpx2.AsyncClient, service: FakeService, body: object
) -> None:
    response = await ada.post(ERASE_BOB, json=body, headers=bearer_headers(ADA, "admin"))
    assert response.status_code == 422
    assert service.erased == set()


async def test_an_erasure_is_executed_once_for_a_key(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    headers = bearer_headers(ADA, "admin") | {"Idempotency-Key": "once"}
    first = await ada.post(ERASE_BOB, json={}, headers=headers)
    again = await ada.post(ERASE_BOB, json={}, headers=headers)
    assert first.json() == again.json()
    assert [name for name, _, _ in service.calls].count("erase_person") == 1
