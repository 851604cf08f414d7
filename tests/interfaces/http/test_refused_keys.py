"""Requests whose idempotency key is refused, and what happens instead."""

import httpx2

from domain.errors import PersonIsErased
from infrastructure.idempotency_keys import TooManyKeys
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

SYNC_NOW = f"/api/v1/canvas/connections/{CONNECTION_ID}/sync"
KEY = {"Idempotency-Key": "key-1"}


async def test_a_person_with_too_many_keys_is_refused_until_one_expires(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.idempotency_keys.claim_error = TooManyKeys(3600)
    refused = await ada.post(SYNC_NOW, headers=KEY)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "3600")
    assert refused.json()["type"] == "/problems/rate-limited"
    assert "idempotency keys within 24 hours" in refused.json()["detail"]
    assert service.calls == []
    assert (await ada.post(SYNC_NOW)).status_code == 202, "without a key it is executed"


async def test_a_request_of_an_erased_person_is_handled_without_its_key(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.idempotency_keys.claim_error = service.error = PersonIsErased(ADA)
    response = await ada.post(SYNC_NOW, headers=KEY)
    assert (response.status_code, response.json()["type"]) == (410, "/problems/person-erased")
    assert len(service.calls) == 1
    assert service.idempotency_keys.stored == {}
