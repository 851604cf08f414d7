from dataclasses import dataclass, field
from typing import Any, cast

import httpx2
import pytest
from fastapi import FastAPI, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from domain.errors import SyncAlreadyRunning
from infrastructure.event_store.errors import DatabaseBusy, DatabaseUnavailable
from infrastructure.idempotency_keys import Answer, Answers, Asked, Claim
from interfaces.http.idempotency import _lasting
from tests.dev_tokens import ADA, bearer
from tests.interfaces.http.fake_service import CONNECTION, SYNC, Told

SYNC_NOW = f"/api/v1/canvas/connections/{CONNECTION}/sync"
TOKEN = f"/api/v1/canvas/connections/{CONNECTION}/token"
KEY = {"Idempotency-Key": "key-1"}


@dataclass
class Remembered:
    """Answers, in memory."""

    asked: list[Asked] = field(default_factory=list)
    kept: dict[tuple[str, str], Answer] = field(default_factory=dict)
    freed: list[Claim] = field(default_factory=list)
    raises: Exception | None = None
    """What keeping and freeing do instead."""

    async def claim(self, asked: Asked) -> Claim | Answer:
        self.asked.append(asked)
        return self.kept.get((asked.path, asked.key)) or Claim(ADA, asked.request, CONNECTION)

    async def keep(self, _: Claim, answer: Answer) -> None:
        if self.raises:
            raise self.raises
        self.kept[self.asked[-1].path, self.asked[-1].key] = answer

    async def free(self, claim: Claim) -> None:
        if self.raises:
            raise self.raises
        self.freed.append(claim)


@pytest.fixture
def answers(told: Told) -> Remembered:
    remembered = Remembered()
    told.answers = cast(Answers, remembered)
    return remembered


async def test_every_post_takes_a_key_and_says_so(app: FastAPI, ada: httpx2.AsyncClient) -> None:
    document = (await ada.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            named = [parameter["name"] for parameter in operation.get("parameters", ())]
            assert named.count("Idempotency-Key") == (method == "post"), (method, path)
    posts = [
        route
        for route in app.routes
        if isinstance(route, Route) and "POST" in (route.methods or ())
    ]
    assert posts
    assert all(type(route).__name__ == "Guarded" for route in posts)


async def test_the_command_is_given_once(
    ada: httpx2.AsyncClient, told: Told, answers: Remembered
) -> None:
    told.position = 7
    first = await ada.post(SYNC_NOW, json={}, headers=KEY)
    again = await ada.post(SYNC_NOW, json={}, headers=KEY)
    assert [name for name, *_ in told.asked] == ["request_sync"]
    assert answers.asked[0] == Asked(ADA, SYNC_NOW, "key-1", b"\0{}")
    for name in ("content-type", "content-length", "cache-control", "consistency-token"):
        assert again.headers.get_list(name) == first.headers.get_list(name)
        assert first.headers.get_list(name)
    assert again.headers["idempotency-replayed"] == "true"


async def test_a_problem_that_comes_again_names_the_request_it_answers(
    ada: httpx2.AsyncClient, told: Told, answers: Remembered
) -> None:
    told.raises = SyncAlreadyRunning(SYNC)
    first = await ada.post(SYNC_NOW, headers={**KEY, "X-Request-ID": "first"})
    again = await ada.post(SYNC_NOW, headers={**KEY, "X-Request-ID": "again"})
    assert len(answers.kept) == len(told.asked) == 1
    assert again.headers["x-request-id"] == "again"
    assert again.json() == {**first.json(), "request_id": "again"}
    assert again.headers["content-type"] == first.headers["content-type"]
    assert int(again.headers["content-length"]) == len(again.content)


async def test_without_a_key_nothing_is_kept(
    ada: httpx2.AsyncClient, told: Told, answers: Remembered
) -> None:
    for _ in range(2):
        await ada.post(SYNC_NOW)
    await ada.put(TOKEN, json={"api_token": "t"}, headers=KEY)
    assert [name for name, *_ in told.asked] == ["request_sync", "request_sync", "rotate_token"]
    assert answers.asked == []


@pytest.mark.parametrize(
    ("error", "status"),
    [(RuntimeError("inside"), 500), (DatabaseBusy(), 503), (SyncAlreadyRunning(SYNC), 409)],
    ids=["broken", "busy", "refused"],
)
async def test_only_refusals_last(
    ada: httpx2.AsyncClient, told: Told, answers: Remembered, error: Exception, status: int
) -> None:
    told.raises = error
    answer = await ada.post(SYNC_NOW, headers=KEY)
    assert answer.status_code == status
    lasts = status < 500
    assert (len(answers.kept), len(answers.freed)) == (lasts, not lasts)
    told.raises = None
    again = await ada.post(SYNC_NOW, headers=KEY)
    assert again.status_code == (status if lasts else 202)


@pytest.mark.parametrize(
    ("status", "lasts"), [(201, True), (404, True), (429, False), (503, False)]
)
def test_what_passes_by_itself_is_not_kept(status: int, *, lasts: bool) -> None:
    assert (_lasting(Response(status_code=status)) is not None) == lasts


@pytest.mark.parametrize("raises", [None, RuntimeError("inside")])
async def test_what_was_done_is_told_though_it_cannot_be_kept(
    ada: httpx2.AsyncClient, told: Told, answers: Remembered, raises: Exception | None
) -> None:
    answers.raises, told.raises = DatabaseUnavailable("gone"), raises
    with capture_logs() as logs:
        answer = await ada.post(SYNC_NOW, headers=KEY)
    assert answer.status_code == (500 if raises else 202)
    assert "idempotency_claim_left_to_its_lease" in [log["event"] for log in logs]


async def test_two_keys_are_none(ada: httpx2.AsyncClient, answers: Remembered) -> None:
    headers = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    answer = await ada.post(SYNC_NOW, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "/problems/invalid-request")
    assert answers.asked == []


async def test_a_body_too_large_claims_nothing(
    ada: httpx2.AsyncClient, answers: Remembered
) -> None:
    async def chunks() -> Any:
        for _ in range(9):
            yield b" " * 10_000

    answer = await ada.post(SYNC_NOW, content=chunks(), headers=KEY)
    assert answer.status_code == 413
    assert answers.asked == []


async def test_a_client_that_left_claims_nothing(app: FastAPI, answers: Remembered) -> None:
    sent: list[Any] = []

    async def gone() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = {**bearer(), **KEY}
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": SYNC_NOW,
        "query_string": b"",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }
    await app(scope, gone, send)
    assert sent[0]["status"] == 400
    assert answers.asked == []


async def test_a_browser_may_see_that_it_was_replayed(ada: httpx2.AsyncClient) -> None:
    answer = await ada.get("/health/live", headers={"Origin": "https://app.school.edu"})
    assert "Idempotency-Replayed" in answer.headers["access-control-expose-headers"]
