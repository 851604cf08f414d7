import asyncio

import httpx2
import pytest

from interfaces.http.routes import health
from interfaces.queries.health_report import Wellness
from tests.dev_tokens import ADA, bearer
from tests.interfaces.http.fake_service import NAMES, Told

ADMIN = bearer(ADA, "admin")


async def test_alive(stranger: httpx2.AsyncClient, told: Told) -> None:
    told.well = Wellness({"database": "gone"}, {})
    assert (await stranger.get("/health/live")).json() == {"status": "ok"}


async def test_ready(stranger: httpx2.AsyncClient, told: Told) -> None:
    answer = await stranger.get("/health/ready")
    assert answer.json() == {"status": "ok", "components": {"database": "ok", "worker": "ok"}}
    needed = {"database": "ok", "projections": "courses is far behind"}
    told.well = Wellness(needed, {"worker": "nobody plays it"})
    answer = await stranger.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["type"] == "/problems/not-ready"
    assert answer.json()["components"] == needed | {"worker": "nobody plays it"}
    assert answer.json()["detail"] == "Not well: projections."


async def test_a_role_that_is_ill_sends_nobody_away(
    stranger: httpx2.AsyncClient, told: Told
) -> None:
    told.well = Wellness({"database": "ok"}, {"worker": "nobody plays it"})
    answer = await stranger.get("/health/ready")
    assert (answer.status_code, answer.json()["components"]["worker"]) == (200, "nobody plays it")


async def test_ready_does_not_wait_for_ever(
    stranger: httpx2.AsyncClient, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang() -> Wellness:
        await asyncio.Event().wait()
        return told.well

    monkeypatch.setattr(told, "health", hang)
    monkeypatch.setattr(health, "PATIENCE", 0.02)
    answer = await stranger.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["components"] == {"service": "no answer within 0.02 s"}


async def test_projections(stranger: httpx2.AsyncClient) -> None:
    answer = await stranger.get("/api/v1/admin/projections", headers=ADMIN)
    assert answer.json() == {"items": [{"name": name} for name in NAMES], "next_cursor": None}


async def test_rebuilding(stranger: httpx2.AsyncClient, told: Told) -> None:
    answer = await stranger.post("/api/v1/admin/projections/courses/rebuild", headers=ADMIN)
    assert (answer.status_code, answer.json()) == (202, {"name": "courses"})
    assert told.last("rebuild")[0] == ("courses",)
    answer = await stranger.post("/api/v1/admin/projections/nonsense/rebuild", headers=ADMIN)
    assert answer.status_code == 404
    assert told.last("rebuild")[0] == ("courses",)


async def test_rebuilding_takes_no_fields(stranger: httpx2.AsyncClient, told: Told) -> None:
    path = "/api/v1/admin/projections/courses/rebuild"
    refused = await stranger.post(path, json={"surplus": 1}, headers=ADMIN)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-request")
    assert "rebuild" not in [name for name, *_ in told.asked]
    assert (await stranger.post(path, json={}, headers=ADMIN)).status_code == 202
