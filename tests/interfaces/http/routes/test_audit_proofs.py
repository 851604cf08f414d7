import httpx2
import pytest

from application.record_history_read import RecordHistoryRead
from application.record_list_read import RecordListRead
from domain.errors import ConnectionNotFound
from infrastructure.seals.event_proofs import EventChanged
from tests.dev_tokens import ADA, BOB, bearer_headers
from tests.interfaces.http.fake_proofs import EVENT_ID, EXPORT_LINES, LIST_EVENT_ID, PROOF
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

PURPOSE = "complaint 4711"
ALONE = bearer_headers(BOB, "auditor")
AUDITOR = ALONE | {"Purpose": PURPOSE}
AUDIT = "/api/v1/audit"
PROOF_PATH = f"{AUDIT}/proof/{EVENT_ID}"
EXPORT = f"{AUDIT}/connections/{CONNECTION_ID}/export"


async def test_checkpoints_keys_and_verification_need_no_purpose(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    page = await anonymous.get(f"{AUDIT}/checkpoints?limit=5", headers=ALONE)
    assert page.json() == {"items": [{"size": 1}], "next_cursor": None}
    assert service.last_call("signed_checkpoints") == ((), {"cursor": None, "limit": 5})
    key = await anonymous.get(f"{AUDIT}/key", headers=ALONE)
    assert key.headers["content-type"].startswith("text/plain")
    assert key.text.count("\n") == 1
    report = await anonymous.get(f"{AUDIT}/verify", headers=ALONE)
    assert report.json() == {"result": "ok"}


async def test_a_proof_is_recorded_and_sent_as_a_file(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await anonymous.get(PROOF_PATH, headers=AUDITOR)
    assert response.content == PROOF
    assert response.headers["content-disposition"] == (
        f'attachment; filename="{EVENT_ID}.tlog-proof"'
    )
    command = RecordHistoryRead(
        connection_id=CONNECTION_ID,
        reader=str(BOB),
        what=f"proof event_id={EVENT_ID}",
        purpose=PURPOSE,
    )
    names = [name for name, _, _ in service.calls]
    assert service.last_call("record_history_read")[0] == (command,)
    assert names.index("record_history_read") < names.index("proof_text")


async def test_a_proof_of_an_event_without_a_connection_is_recorded_on_the_reader(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await anonymous.get(f"{AUDIT}/proof/{LIST_EVENT_ID}", headers=AUDITOR)
    assert response.status_code == 200
    command = RecordListRead(
        reader_id=BOB, what=f"proof event_id={LIST_EVENT_ID}", purpose=PURPOSE, about=ADA
    )
    assert service.last_call("record_list_read")[0] == (command,)


@pytest.mark.parametrize("path", [PROOF_PATH, EXPORT])
async def test_a_purpose_is_required(
    anonymous: httpx2.AsyncClient, service: FakeService, path: str
) -> None:
    response = await anonymous.get(path, headers=ALONE)
    assert (response.status_code, response.json()["type"]) == (400, "/problems/purpose-required")
    assert service.calls == []


@pytest.mark.parametrize("path", [PROOF_PATH, EXPORT, f"{AUDIT}/key"])
async def test_what_is_not_sealed_yet_is_a_problem_to_retry(
    anonymous: httpx2.AsyncClient, service: FakeService, path: str
) -> None:
    service.is_sealed = False
    response = await anonymous.get(path, headers=AUDITOR)
    assert (response.status_code, response.json()["type"]) == (503, "/problems/not-sealed")
    assert response.headers["retry-after"] == "2"


async def test_an_unknown_event_is_not_found(anonymous: httpx2.AsyncClient) -> None:
    response = await anonymous.get(f"{AUDIT}/proof/{ADA}", headers=AUDITOR)
    assert response.status_code == 404
    assert str(ADA) in response.json()["detail"]


async def test_a_row_that_was_changed_is_a_problem(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error_by_name["proof_text"] = EventChanged("The event at position 3 is another one.")
    response = await anonymous.get(PROOF_PATH, headers=AUDITOR)
    assert (response.status_code, response.json()["type"]) == (409, "/problems/history-changed")
    assert "position 3" in response.json()["detail"]


async def test_an_export_is_recorded_and_sent_line_by_line(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await anonymous.get(EXPORT, headers=AUDITOR)
    assert response.content == b"".join(EXPORT_LINES)
    assert response.headers["content-type"] == "application/x-ndjson"
    assert response.headers["cache-control"] == "no-store"
    assert str(CONNECTION_ID) in response.headers["content-disposition"]
    command = RecordHistoryRead(
        connection_id=CONNECTION_ID, reader=str(BOB), what="export", purpose=PURPOSE
    )
    assert service.last_call("record_history_read")[0] == (command,)


async def test_the_export_of_an_unknown_connection_is_not_found(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error_by_name["export_history"] = ConnectionNotFound(CONNECTION_ID)
    response = await anonymous.get(EXPORT, headers=AUDITOR)
    assert response.status_code == 404
