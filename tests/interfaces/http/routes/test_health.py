import httpx2
import pytest

from interfaces.http.routes import health
from interfaces.queries.health import HealthReport
from tests.dev_tokens import ADA, bearer_headers
from tests.interfaces.http.fake_projections import PROJECTION_NAMES
from tests.interfaces.http.fake_service import FakeService

ADMIN = bearer_headers(ADA, "admin")


async def test_liveness_does_not_check_the_database(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.health_report = HealthReport({"database": "not reachable"}, {})
    assert (await anonymous.get("/health/live")).json() == {"status": "ok"}


async def test_readiness_lists_every_component(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await anonymous.get("/health/ready")
    assert response.json() == {
        "status": "ok",
        "components": {"database": "ok", "worker": "ok", "sign_in": "ok"},
    }
    required = {"database": "ok", "projections": "courses is far behind"}
    service.health_report = HealthReport(required, {"worker": "no process has the role worker"})
    response = await anonymous.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["type"] == "/problems/not-ready"
    assert response.json()["components"] == required | {"worker": "no process has the role worker"}
    assert response.json()["detail"].startswith("Not ready: projections. ")


async def test_an_unhealthy_role_does_not_fail_readiness(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    service.health_report = HealthReport(
        {"database": "ok"}, {"worker": "no process has the role worker"}
    )
    response = await anonymous.get("/health/ready")
    assert (response.status_code, response.json()["components"]["worker"]) == (
        200,
        "no process has the role worker",
    )


async def test_readiness_fails_after_a_timeout(
    anonymous: httpx2.AsyncClient, service: FakeService, monkeypatch: pytest.MonkeyPatch
) -> None:
    service.health_hangs = True
    monkeypatch.setattr(health, "HEALTH_TIMEOUT_SECONDS", 0.02)
    response = await anonymous.get("/health/ready")
    assert response.status_code == 503
    assert response.json()["components"] == {"service": "no response within 0.02 s"}


async def test_read_models_are_listed(anonymous: httpx2.AsyncClient) -> None:
    response = await anonymous.get("/api/v1/admin/projections", headers=ADMIN)
    assert response.json() == {
        "items": [{"name": name} for name in PROJECTION_NAMES],
        "next_cursor": None,
    }


async def test_dead_letters_are_listed_in_pages(anonymous: httpx2.AsyncClient) -> None:
    path = "/api/v1/admin/projections/courses/dead-letters"
    first = (await anonymous.get(path, params={"limit": 1}, headers=ADMIN)).json()
    assert first["items"] == [{"position": 3, "projection": "courses"}]
    params = {"limit": 1, "cursor": first["next_cursor"]}
    second = (await anonymous.get(path, params=params, headers=ADMIN)).json()
    assert second == {"items": [{"position": 5, "projection": "courses"}], "next_cursor": None}
    unknown = await anonymous.get(path.replace("courses", "nonsense"), headers=ADMIN)
    assert unknown.status_code == 404


async def test_a_rebuild_is_started(anonymous: httpx2.AsyncClient, service: FakeService) -> None:
    response = await anonymous.post("/api/v1/admin/projections/courses/rebuild", headers=ADMIN)
    assert (response.status_code, response.json()) == (202, {"name": "courses"})
    assert service.last_call("rebuild_projection")[0] == ("courses",)
    response = await anonymous.post("/api/v1/admin/projections/nonsense/rebuild", headers=ADMIN)
    assert response.status_code == 404
    assert service.last_call("rebuild_projection")[0] == ("courses",)


async def test_a_rebuild_accepts_no_fields(
    anonymous: httpx2.AsyncClient, service: FakeService
) -> None:
    path = "/api/v1/admin/projections/courses/rebuild"
    refused = await anonymous.post(path, json={"surplus": 1}, headers=ADMIN)
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/invalid-request")
    assert "rebuild_projection" not in [name for name, *_ in service.calls]
    assert (await anonymous.post(path, json={}, headers=ADMIN)).status_code == 202
