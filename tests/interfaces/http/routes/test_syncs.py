import httpx2

from tests.dev_tokens import ADA
from tests.interfaces.http.fake_service import (
    CONNECTION_ID,
    STATUS_DOCUMENT,
    SYNC_DOCUMENT,
    FakeService,
)


async def test_syncs_are_listed(ada: httpx2.AsyncClient, service: FakeService) -> None:
    response = await ada.get("/api/v1/sync/logs", params={"status": "failed"})
    assert response.json() == {"items": [SYNC_DOCUMENT], "next_cursor": "bmV4dA"}
    options = {"connection_id": None, "status": "failed", "cursor": None, "limit": 100}
    assert service.last_call("syncs_of") == ((ADA,), options)


async def test_sync_status_is_listed(ada: httpx2.AsyncClient) -> None:
    response = await ada.get("/api/v1/sync/status")
    assert response.json() == {"items": [STATUS_DOCUMENT]}


async def test_a_sync_is_cancelled(ada: httpx2.AsyncClient, service: FakeService) -> None:
    path = f"/api/v1/sync/connections/{CONNECTION_ID}"
    response = await ada.delete(path)
    assert (response.status_code, response.json()) == (202, SYNC_DOCUMENT)
    service.refusal_reason = "nothing runs"
    refused = await ada.delete(path)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/no-sync-running")
