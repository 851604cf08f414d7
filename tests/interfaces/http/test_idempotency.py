from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI
from starlette.routing import Route
from structlog.testing import capture_logs

from application.event_metadata import current_metadata
from application.request_sync import QueuedSync, RequestSync
from domain.calendar import Calendar
from domain.errors import ConnectionIsNotActive, SyncAlreadyRunning
from domain.event import Event
from domain.log_position import LogPosition
from domain.sync import Sync
from infrastructure.crypto.keyed_requests import KeyedRequest
from infrastructure.event_store.command_events import CommandEvents
from infrastructure.postgres.errors import DatabaseBusy, DatabaseUnavailable
from interfaces.consistency_token import decode_consistency_token
from interfaces.http.errors.problem import Problem
from interfaces.http.errors.problem_types import PROBLEM_TYPES
from tests.dev_tokens import ADA, bearer_headers
from tests.interfaces.http.fake_idempotency_keys import FIRST_USE, InMemoryIdempotencyKeys
from tests.interfaces.http.fake_service import CONNECTION_ID, SYNC_ID, FakeService

SYNC_NOW = f"/api/v1/canvas/connections/{CONNECTION_ID}/sync"
TOKEN = f"/api/v1/canvas/connections/{CONNECTION_ID}/token"
KEY = {"Idempotency-Key": "key-1"}
REFUSAL = ConnectionIsNotActive(CONNECTION_ID, "token_rejected")
PLACE = LogPosition(7, 42)


def requested_sync() -> CommandEvents:
    """Return what the command of a sync appends."""
    sync = Sync.new(Sync.id_for(CONNECTION_ID))
    sync.request(SYNC_ID, connection_id=CONNECTION_ID, person_id=ADA, trigger="manual", mode="full")
    return CommandEvents(tuple(sync.pending_events), PLACE)  # type: ignore[arg-type]


@dataclass
class RepeatableService(FakeService):
    """A service whose syncs fail, and which remembers the metadata of each."""

    first_error: Exception | None = None
    """Raised by the first request of a sync if set."""
    error_after_append: Exception | None = None
    seen: list[tuple[UUID | None, tuple[Event, ...]]] = field(default_factory=list)
    """The command id and what was recorded, of each request of a sync."""

    async def request_sync(self, command: RequestSync) -> QueuedSync:
        metadata, error, self.first_error = current_metadata(), self.first_error, None
        self.seen.append((metadata.command_id, metadata.recorded))
        if error:
            raise error
        queued = await super().request_sync(command)
        if self.error_after_append:
            raise self.error_after_append
        return queued


@pytest.fixture
def service() -> RepeatableService:
    return RepeatableService()


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
    posts = [route for route in posts if route.path != "/console/tokens"]  # no token is kept
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
    service.error = REFUSAL
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
    ("error", "ending"),
    [
        (RuntimeError("broken"), "abandoned"),
        (DatabaseUnavailable(), "abandoned"),
        (DatabaseBusy(), "released"),
        (SyncAlreadyRunning(SYNC_ID), "released"),
        (REFUSAL, "stored"),
    ],
    ids=["broken", "unavailable", "busy", "running", "refused"],
)
async def test_a_failure_is_not_kept(
    ada: httpx2.AsyncClient,
    service: FakeService,
    idempotency_keys: InMemoryIdempotencyKeys,
    error: Exception,
    ending: str,
) -> None:
    service.error = error
    first = await ada.post(SYNC_NOW, headers=KEY)
    assert first.status_code >= 409
    for name in ("stored", "released", "abandoned"):
        assert len(getattr(idempotency_keys, name)) == (name == ending)
    service.error = None
    second = await ada.post(SYNC_NOW, headers=KEY)
    assert second.status_code == (409 if ending == "stored" else 202)


@pytest.mark.parametrize("slug", PROBLEM_TYPES)
async def test_outcomes_of_the_work_are_kept_and_nothing_else(
    ada: httpx2.AsyncClient,
    service: FakeService,
    idempotency_keys: InMemoryIdempotencyKeys,
    slug: str,
) -> None:
    service.error = Problem(slug)
    await ada.post(SYNC_NOW, headers=KEY)
    assert bool(idempotency_keys.stored) == PROBLEM_TYPES[slug].is_outcome


async def test_a_command_that_appended_before_it_failed_leaves_its_claim(
    ada: httpx2.AsyncClient, service: RepeatableService, idempotency_keys: InMemoryIdempotencyKeys
) -> None:
    service.appended_position = 7
    service.error_after_append = SyncAlreadyRunning(SYNC_ID)
    assert (await ada.post(SYNC_NOW, headers=KEY)).status_code == 409
    assert (len(idempotency_keys.abandoned), len(idempotency_keys.released)) == (1, 0)


@pytest.mark.parametrize("process", ["dead", "alive"])
async def test_a_lost_response_is_built_from_the_log(
    ada: httpx2.AsyncClient,
    service: RepeatableService,
    idempotency_keys: InMemoryIdempotencyKeys,
    process: str,
) -> None:
    recorded = requested_sync()
    idempotency_keys.earlier_process, idempotency_keys.log = process, [recorded]
    response = await ada.post(SYNC_NOW, headers=KEY)
    assert response.status_code == 202
    assert response.headers["idempotency-replayed"] == "true"
    assert decode_consistency_token(response.headers["consistency-token"]) == PLACE
    command_id = KeyedRequest(ADA, SYNC_NOW, "key-1", b"").command_id
    assert service.seen == [(command_id, recorded.events)]
    assert idempotency_keys.lookups == [(ADA, command_id, FIRST_USE)]
    assert len(idempotency_keys.stored) == (process == "dead")
    idempotency_keys.earlier_process = None
    if process == "dead":
        repeated = await ada.post(SYNC_NOW, headers=KEY)
        assert repeated.headers.get_list("idempotency-replayed") == ["true"]
        assert repeated.headers["consistency-token"] == response.headers["consistency-token"]


@pytest.mark.parametrize("is_shared", [False, True])
async def test_without_enough_in_the_log_the_claim_decides(
    ada: httpx2.AsyncClient, idempotency_keys: InMemoryIdempotencyKeys, *, is_shared: bool
) -> None:
    if is_shared:
        calendar = Calendar.new(Calendar.id_for(ADA))
        calendar.share(ADA)
        shared = CommandEvents(tuple(calendar.pending_events), PLACE)  # type: ignore[arg-type]
        idempotency_keys.log = [shared, shared]
    idempotency_keys.earlier_process = "alive"
    in_use = await ada.post("/api/v1/calendar", headers=KEY)
    assert (in_use.status_code, in_use.headers["retry-after"]) == (409, "1")
    assert in_use.json()["type"] == "/problems/idempotency-key-in-use"
    idempotency_keys.earlier_process = "dead"
    taken_over = await ada.post("/api/v1/calendar", headers=KEY)
    assert taken_over.status_code == 201
    assert "idempotency-replayed" not in taken_over.headers
    assert len(idempotency_keys.stored) == 1


@pytest.mark.parametrize("refusal", [REFUSAL, SyncAlreadyRunning(SYNC_ID)])
async def test_a_refusal_because_of_its_own_events_is_not_given(
    ada: httpx2.AsyncClient,
    service: RepeatableService,
    idempotency_keys: InMemoryIdempotencyKeys,
    refusal: Exception,
) -> None:
    idempotency_keys.log = [requested_sync()]
    service.first_error = refusal
    response = await ada.post(SYNC_NOW, headers=KEY)
    assert (response.status_code, response.headers["idempotency-replayed"]) == (202, "true")
    [stored] = idempotency_keys.stored.values()
    assert (stored.status, stored.appended) == (202, PLACE)


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
