from typing import Any

import httpx2
import pytest
from fastapi import FastAPI, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from domain.errors import SyncAlreadyRunning
from infrastructure.idempotency_keys import KeyedRequest
from infrastructure.postgres.errors import DatabaseBusy, DatabaseUnavailable
from interfaces.http.idempotency import _response_to_store
from tests.dev_tokens import ADA, bearer_headers
from tests.interfaces.http.fake_idempotency_keys import InMemoryIdempotencyKeys
from tests.interfaces.http.fake_service import CONNECTION_ID, SYNC_ID, FakeService

SYNC_NOW = f"/api/v1/canvas/connections/{CONNECTION_ID}/sync"
TOKEN = f"/api/v1/canvas/connections/{CONNECTION_ID}/token"
KEY = {"Idempotency-Key": "key-1"}


@pytest.fixture
def idempotency_keys(service: FakeService) -> InMemoryIdempotencyKeys:
    return service.idempotency_keys


async def test_every_post_accepts_a_documented_key(app: FastAPI, ada: httpx2.AsyncClient) -> None:
    document = (await ada.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            names = [parameter["name"] for parameter in operation.get("parameters", ())]
            assert names.count("Idempotency-Key") == (method == "post"), (method, path)
    posts = [
        route
        for route in app.routes
        if isinstance(route, Route) and "POST" in (route.methods or ())
    ]
    assert posts
    assert all(type(route).__name__ == "ProtectedRoute" for route in posts)


async def test_a_repeated_request_executes_the_command_once(
    ada: httpx2.AsyncClient, service: FakeService, idempotency_keys: InMemoryIdempotencyKeys
) -> None:
    service.appended_position = 7
    first = await ada.post(SYNC_NOW, json={}, headers=KEY)
    second = await ada.post(SYNC_NOW, json={}, headers=KEY)
    assert [name for name, *_ in service.calls] == ["request_sync"]
    assert idempotency_keys.claimed_requests[0] == KeyedRequest(ADA, SYNC_NOW, "key-1", b"\0{}")
    for name in ("content-type", "content-length", "cache-control", "consistency-token"):
        assert second.headers.get_list(name) == first.headers.get_list(name)
        assert first.headers.get_list(name)
    assert second.headers["idempotency-replayed"] == "true"


async def test_a_replayed_problem_has_the_new_request_id(
    ada: httpx2.AsyncClient, service: FakeService, idempotency_keys: InMemoryIdempotencyKeys
) -> None:
    service.error = SyncAlreadyRunning(SYNC_ID)
    first = await ada.post(SYNC_NOW, headers={**KEY, "X-Request-ID": "first"})
    second = await ada.post(SYNC_NOW, headers={**KEY, "X-Request-ID": "again"})
    assert len(idempotency_keys.stored) == len(service.calls) == 1
    assert second.headers["x-request-id"] == "again"
    assert second.json() == {**first.json(), "request_id": "again"}
    assert second.headers["content-type"] == first.headers["content-type"]
    assert int(second.headers["content-length"]) == len(second.content)


async def test_without_a_key_nothing_is_stored(
    ada: httpx2.AsyncClient, service: FakeService, idempotency_keys: InMemoryIdempotencyKeys
) -> None:
    for _ in range(2):
        await ada.post(SYNC_NOW)
    await ada.put(TOKEN, json={"api_token": "t"}, headers=KEY)
    assert [name for name, *_ in service.calls] == ["request_sync", "request_sync", "rotate_token"]
    assert idempotency_keys.claimed_requests == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("broken"), 500), (DatabaseBusy(), 503), (SyncAlreadyRunning(SYNC_ID), 409)],
    ids=["broken", "busy", "refused"],
)
async def test_only_refusals_are_stored(
    ada: httpx2.AsyncClient,
    service: FakeService,
    idempotency_keys: InMemoryIdempotencyKeys,
    error: Exception,
    status: int,
) -> None:
    service.error = error
    response = await ada.post(SYNC_NOW, headers=KEY)
    assert response.status_code == status
    is_stored = status < 500
    assert (len(idempotency_keys.stored), len(idempotency_keys.released)) == (
        is_stored,
        not is_stored,
    )
    service.error = None
    second = await ada.post(SYNC_NOW, headers=KEY)
    assert second.status_code == (status if is_stored else 202)


@pytest.mark.parametrize(
    ("status", "is_stored"), [(201, True), (404, True), (429, False), (503, False)]
)
def test_temporary_failures_are_not_stored(status: int, *, is_stored: bool) -> None:
    assert (_response_to_store(Response(status_code=status)) is not None) == is_stored


@pytest.mark.parametrize("error", [None, RuntimeError("broken")])
async def test_the_response_is_sent_even_if_it_cannot_be_stored(
    ada: httpx2.AsyncClient,
    service: FakeService,
    idempotency_keys: InMemoryIdempotencyKeys,
    error: Exception | None,
) -> None:
    idempotency_keys.error, service.error = DatabaseUnavailable("no connection"), error
    with capture_logs() as logs:
        response = await ada.post(SYNC_NOW, headers=KEY)
    assert response.status_code == (500 if error else 202)
    assert "idempotency_claim_not_released" in [log["event"] for log in logs]


async def test_two_keys_are_refused(
    ada: httpx2.AsyncClient, idempotency_keys: InMemoryIdempotencyKeys
) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    response = await ada.post(SYNC_NOW, headers=headers)
    assert (response.status_code, response.json()["type"]) == (422, "/problems/invalid-request")
    assert idempotency_keys.claimed_requests == []


async def test_a_body_over_the_limit_claims_no_key(
    ada: httpx2.AsyncClient, idempotency_keys: InMemoryIdempotencyKeys
) -> None:
    async def chunks() -> Any:
        for _ in range(9):
            yield b" " * 10_000

    response = await ada.post(SYNC_NOW, content=chunks(), headers=KEY)
    assert response.status_code == 413
    assert idempotency_keys.claimed_requests == []


async def test_a_client_that_disconnected_claims_no_key(
    app: FastAPI, idempotency_keys: InMemoryIdempotencyKeys
) -> None:
    sent: list[Any] = []

    async def disconnect() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {**bearer_headers(), **KEY}
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": SYNC_NOW,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, disconnect, send)
    assert sent[0]["status"] == 400
    assert idempotency_keys.claimed_requests == []


async def test_browsers_can_read_the_replay_header(ada: httpx2.AsyncClient) -> None:
    response = await ada.get("/health/live", headers={"Origin": "https://app.school.edu"})
    assert "Idempotency-Replayed" in response.headers["access-control-expose-headers"]
