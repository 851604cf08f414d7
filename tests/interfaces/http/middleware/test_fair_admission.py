"""One person cannot take the slots of others, whatever they send; counted, not timed."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx2
import pytest
from fastapi import FastAPI

from application.event_metadata import current_metadata
from infrastructure.idempotency_keys import KeyInUse
from infrastructure.projection_engine.snapshot_reads import Reading, ReadModelQuery
from infrastructure.settings.settings import read_settings
from interfaces.http.app import create_app
from interfaces.http.auth.authenticator import open_authenticator
from interfaces.http.context import app_state_of
from interfaces.http.middleware import admission_control
from interfaces.http.middleware.request_limiters import (
    MAX_WAITING_COMMANDS,
    MAX_WAITING_READS,
)
from tests.deadlines import scaled
from tests.dev_tokens import ADA, BOB, SECRET, bearer_headers
from tests.interfaces.http.fake_service import CONNECTION_ID, FakeService

EVE = UUID("00000000-0000-4000-8000-0000000000e5")
SETUP = {"canvas_url": "https://school.instructure.com", "api_token": "1234~token"}
COURSES, EVERYTHING = "/api/v1/canvas/courses", "/api/v1/canvas/data"
VALIDATE = f"/api/v1/canvas/connections/{CONNECTION_ID}/validate"


class HangingService(FakeService):
    """A service that hangs for some people, as if their Canvas or their data were slow."""

    def __init__(self) -> None:
        super().__init__()
        self.slow_people = {str(EVE)}
        self.gate = asyncio.Event()
        self.running: Counter[str] = Counter()

    async def _hang(self) -> None:
        person = current_metadata().actor
        if person not in self.slow_people:
            return
        self.running[person] += 1
        try:
            await self.gate.wait()
        finally:
            self.running[person] -= 1

    async def read(self, *queries: ReadModelQuery) -> Reading:
        await self._hang()
        return await super().read(*queries)

    async def set_up_connection(self, command: Any) -> Any:
        await self._hang()
        return await super().set_up_connection(command)

    async def validate_connection(self, command: Any) -> Any:
        await self._hang()
        return await super().validate_connection(command)

    async def wait_until_running(self, person: UUID, count: int) -> None:
        async with asyncio.timeout(scaled(10)):
            while self.running[str(person)] != count:  # noqa: ASYNC110  # requests change it
                await asyncio.sleep(0.005)


@pytest.fixture
def service() -> HangingService:
    return HangingService()


@pytest.fixture
async def app(service: HangingService) -> AsyncIterator[FastAPI]:
    async with open_authenticator(secret=SECRET, supabase_url=None) as authenticator:
        settings = read_settings(_env_file=None)
        yield create_app(service.as_service(), settings, authenticator=authenticator)


async def send(client: httpx2.AsyncClient, person: UUID, method: str, path: str) -> httpx2.Response:
    body = SETUP if path.endswith("/setup") else None
    return await client.request(method, path, json=body, headers=bearer_headers(person))


REQUESTS = [
    ("GET", COURSES, 4, 64),
    ("GET", EVERYTHING, 1, MAX_WAITING_READS),
    ("POST", "/api/v1/canvas/setup", 1, MAX_WAITING_COMMANDS),
    ("POST", VALIDATE, 4, MAX_WAITING_COMMANDS),
]
"""Requests; how many of one person are handled at a time without others, and how many wait."""
MANY = 100


@pytest.fixture(autouse=True)
def refuse_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission_control, "OWN_REFUSAL_DELAY_SECONDS", 0.01)


@pytest.mark.parametrize(("method", "path", "slots", "waiting"), REQUESTS)
async def test_a_person_with_many_requests_takes_few_slots_and_others_are_served(
    anonymous: httpx2.AsyncClient,
    service: HangingService,
    *,
    method: str,
    path: str,
    slots: int,
    waiting: int,
) -> None:
    tasks = [asyncio.create_task(send(anonymous, EVE, method, path)) for _ in range(MANY)]
    await service.wait_until_running(EVE, slots)
    for person in (ADA, BOB, ADA):
        for other_method, other_path, *_ in REQUESTS:
            response = await send(anonymous, person, other_method, other_path)
            assert response.is_success or response.status_code == 404, response.text
    assert service.running[str(EVE)] == slots
    service.gate.set()
    statuses = Counter([(await task).status_code for task in tasks])
    refused = statuses.pop(429)
    assert MANY - slots - waiting - 4 <= refused <= MANY - slots - waiting, statuses
    assert not set(statuses) - {200, 201, 404}


async def test_the_refusal_says_that_it_is_the_limit_of_the_person(
    anonymous: httpx2.AsyncClient, service: HangingService
) -> None:
    tasks = [asyncio.create_task(send(anonymous, EVE, "GET", COURSES)) for _ in range(MANY)]
    await service.wait_until_running(EVE, 4)
    refused = await send(anonymous, EVE, "GET", "/api/v1/dashboard/stats")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert refused.json()["type"] == "/problems/rate-limited"
    assert "your own requests" in refused.json()["detail"]
    assert "ratelimit-limit" in refused.headers
    service.gate.set()
    await asyncio.wait(tasks)


async def test_many_people_with_many_requests_leave_a_turn_to_each_other_one(
    anonymous: httpx2.AsyncClient, service: HangingService
) -> None:
    crowd = [UUID(int=number) for number in range(1, 9)]
    service.slow_people = {str(person) for person in crowd}
    tasks = [
        asyncio.create_task(send(anonymous, person, "GET", COURSES))
        for _ in range(30)
        for person in crowd
    ]
    async with asyncio.timeout(scaled(10)):
        while service.running.total() < 8:  # noqa: ASYNC110  # requests change it
            await asyncio.sleep(0.005)
    assert max(service.running.values()) <= 4
    ada = asyncio.create_task(send(anonymous, ADA, "GET", COURSES))
    await asyncio.sleep(0.05)
    assert not ada.done(), "all slots are held"
    service.gate.set()
    assert (await ada).status_code == 200, "the full queue has made room for her"
    await asyncio.wait(tasks)


async def test_a_repeated_set_up_is_answered_while_the_first_waits_for_its_canvas(
    anonymous: httpx2.AsyncClient, service: HangingService
) -> None:
    first = asyncio.create_task(send(anonymous, EVE, "POST", "/api/v1/canvas/setup"))
    await service.wait_until_running(EVE, 1)
    service.idempotency_keys.claim_error = KeyInUse()
    headers = bearer_headers(EVE) | {"Idempotency-Key": "key-1"}
    repeated = await anonymous.post("/api/v1/canvas/setup", json=SETUP, headers=headers)
    assert repeated.json()["type"] == "/problems/idempotency-key-in-use"
    unreadable = await anonymous.post("/api/v1/canvas/setup", json={}, headers=bearer_headers(EVE))
    assert unreadable.status_code == 422
    service.gate.set()
    assert (await first).status_code == 201


async def test_a_set_up_whose_turn_does_not_come_is_refused(
    app: FastAPI,
    anonymous: httpx2.AsyncClient,
    service: HangingService,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(app_state_of(app).set_up_turns, "_timeout_seconds", 0.01)
    first = asyncio.create_task(send(anonymous, EVE, "POST", "/api/v1/canvas/setup"))
    await service.wait_until_running(EVE, 1)
    refused = await send(anonymous, EVE, "POST", "/api/v1/canvas/setup")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert "earlier set-up of yours" in refused.json()["detail"]
    service.gate.set()
    assert (await first).status_code == 201
    assert (await send(anonymous, EVE, "POST", "/api/v1/canvas/setup")).status_code == 201


async def test_a_slow_canvas_of_one_set_up_holds_no_other_command(
    anonymous: httpx2.AsyncClient, service: HangingService
) -> None:
    set_up = asyncio.create_task(send(anonymous, EVE, "POST", "/api/v1/canvas/setup"))
    await service.wait_until_running(EVE, 1)
    service.slow_people.clear()
    for method, path in (("POST", VALIDATE), ("GET", COURSES), ("GET", EVERYTHING)):
        assert not (await send(anonymous, EVE, method, path)).is_server_error
    service.gate.set()
    assert (await set_up).status_code == 201


async def test_a_refusal_of_an_owner_waits_so_that_a_client_without_patience_takes_no_time(
    anonymous: httpx2.AsyncClient, service: HangingService, monkeypatch: pytest.MonkeyPatch
) -> None:
    delays: list[float] = []

    async def record_delay(seconds: float) -> None:
        delays.append(seconds)

    monkeypatch.setattr(admission_control, "OWN_REFUSAL_DELAY_SECONDS", 0.75)
    monkeypatch.setattr(admission_control, "pause", record_delay)
    tasks = [asyncio.create_task(send(anonymous, EVE, "GET", COURSES)) for _ in range(MANY)]
    await service.wait_until_running(EVE, 4)
    service.gate.set()
    statuses = Counter([(await task).status_code for task in tasks])
    assert delays == [0.75] * statuses[429]
