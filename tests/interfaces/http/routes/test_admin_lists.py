"""The routes of the operational lists: parameters, headers, and what is not recorded."""

from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import FastAPI

from interfaces.http.schemas.admin_examples import ADMIN_EXAMPLES
from tests.dev_tokens import ADA, bearer_headers
from tests.interfaces.http.fake_service import FakeService

LISTS = {
    "connections": "AdminConnection",
    "hosts": "CanvasHost",
    "runs": "ActiveRun",
    "workers": "RoleProcesses",
    "schedule": "ScheduledHour",
}


@pytest.fixture
async def admin(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    """A client with the token of an admin."""
    async with httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app),
        base_url="http://test",
        headers=bearer_headers(ADA, "admin"),
    ) as client:
        yield client


@pytest.mark.parametrize("name", LISTS)
async def test_each_list_is_a_page_with_an_etag(admin: httpx2.AsyncClient, name: str) -> None:
    response = await admin.get(f"/api/v1/admin/{name}")
    assert response.status_code == 200
    assert response.json() == {"items": [ADMIN_EXAMPLES[LISTS[name]]], "next_cursor": None}
    assert response.headers["cache-control"] == "private, no-cache"
    headers = {"If-None-Match": response.headers["etag"]}
    again = await admin.get(f"/api/v1/admin/{name}", headers=headers)
    assert (again.status_code, again.content) == (304, b"")


async def test_the_status_is_a_document_with_an_etag(admin: httpx2.AsyncClient) -> None:
    response = await admin.get("/api/v1/admin/status")
    assert response.json() == ADMIN_EXAMPLES["AdminStatus"]
    assert response.headers["etag"]


@pytest.mark.parametrize("name", ["connections", "runs"])
async def test_lists_of_read_models_have_the_token_of_what_they_show(
    admin: httpx2.AsyncClient, name: str
) -> None:
    response = await admin.get(f"/api/v1/admin/{name}")
    assert response.headers["consistency-token"]
    bad = {"Consistency-Token": "no token"}
    assert (await admin.get(f"/api/v1/admin/{name}", headers=bad)).status_code == 400


async def test_parameters_reach_the_queries(
    admin: httpx2.AsyncClient, service: FakeService
) -> None:
    filters = {"status": "failing", "code": "canvas-timeout", "host": "a.example", "q": "x"}
    await admin.get("/api/v1/admin/connections", params={**filters, "limit": "7"})
    await admin.get("/api/v1/admin/runs", params={"status": "queued", "cursor": "c"})
    await admin.get("/api/v1/admin/hosts", params={"limit": "2"})
    assert service.calls == [
        ("failing_connections", (), {**filters, "limit": 7, "cursor": None}),
        ("active_runs", (), {"status": "queued", "limit": 100, "cursor": "c"}),
        ("canvas_hosts", (), {"limit": 2, "cursor": None}),
    ]


@pytest.mark.parametrize(
    "query",
    [
        *("connections?status=closed", "connections?code=a%00b", "connections?hosts=x"),
        *("runs?status=failed", "workers?role=api", "schedule?limit=0", "status?limit=1"),
        "hosts?limit=501",
    ],
)
async def test_other_parameters_are_refused(admin: httpx2.AsyncClient, query: str) -> None:
    assert (await admin.get(f"/api/v1/admin/{query}")).status_code == 422


async def test_no_purpose_is_needed_and_nothing_is_recorded(
    admin: httpx2.AsyncClient, service: FakeService
) -> None:
    for name in (*LISTS, "status"):
        assert (await admin.get(f"/api/v1/admin/{name}")).status_code == 200
    assert not [call for call, *_ in service.calls if call.startswith("record_")]
