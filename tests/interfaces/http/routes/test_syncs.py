import httpx2

from tests.dev_tokens import ADA
from tests.interfaces.http.fake_service import CONNECTION, STATUS_DOCUMENT, SYNC_DOCUMENT, Told


async def test_listing_syncs(ada: httpx2.AsyncClient, told: Told) -> None:
    answer = await ada.get("/api/v1/sync/logs", params={"status": "failed"})
    assert answer.json() == {"items": [SYNC_DOCUMENT], "next_cursor": "bmV4dA"}
    asked = {"connection_id": None, "status": "failed", "cursor": None, "limit": 100}
    assert told.last("syncs_of") == ((ADA,), asked)


async def test_where_syncs_stand(ada: httpx2.AsyncClient) -> None:
    answer = await ada.get("/api/v1/sync/status")
    assert answer.json() == {"items": [STATUS_DOCUMENT]}


async def test_cancelling(ada: httpx2.AsyncClient, told: Told) -> None:
    path = f"/api/v1/sync/connections/{CONNECTION}"
    answer = await ada.delete(path)
    assert (answer.status_code, answer.json()) == (202, SYNC_DOCUMENT)
    told.verdict = "nothing runs"
    refused = await ada.delete(path)
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/no-sync-running")
