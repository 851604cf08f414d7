from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.interfaces.http.fake_service import AT, CONNECTION_DOCUMENT, CONNECTION_ID, FakeService

COURSES = "/api/v1/canvas/courses"
ASSIGNMENTS = "/api/v1/canvas/assignments"
HISTORY = "/api/v1/canvas/grades/history"


async def test_filters_are_passed_to_the_query(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    await ada.get(
        ASSIGNMENTS,
        params={
            "connection_id": str(CONNECTION_ID),
            "course_id": str(CONNECTION_ID),
            "status": "late, overdue",
            "due_after": "2026-09-01T00:00:00+02:00",
            "due_before": "2026-09-02t00:00:00.5z",
            "q": "essay",
            "sort": "-due_at",
            "limit": "7",
            "cursor": "abc",
        },
    )
    options = service.last_call("assignments_of")[1]
    assert options.pop("now").tzinfo is UTC
    assert options == {
        "connection_id": CONNECTION_ID,
        "course_id": CONNECTION_ID,
        "statuses": frozenset({"late", "overdue"}),
        "due_after": datetime(2026, 8, 31, 22, tzinfo=UTC),
        "due_before": datetime(2026, 9, 2, 0, 0, 0, 500000, UTC),
        "q": "essay",
        "sort": "-due_at",
        "limit": 7,
        "cursor": "abc",
    }


@pytest.mark.parametrize(
    ("path", "params", "word"),
    [
        (ASSIGNMENTS, {"status": "tardy"}, "upcoming, overdue, missing"),
        (ASSIGNMENTS, {"status": ""}, "undated"),
        (ASSIGNMENTS, {"sort": "size"}, "'-due_at'"),
        (ASSIGNMENTS, {"due_after": "2026-09-01"}, "RFC 3339"),
        (ASSIGNMENTS, {"due_after": "1756706400"}, "RFC 3339"),
        (ASSIGNMENTS, {"due_after": "2026-09-01T00:00:00"}, "RFC 3339"),
        (ASSIGNMENTS, {"due_after": "2026-13-01T00:00:00Z"}, "month"),
        (ASSIGNMENTS, {"due_after": "9999-12-31T23:59:59-14:00"}, "9999"),
        (COURSES, {"state": "lost"}, "'withdrawn'"),
        (COURSES, {"limit": "0"}, "1"),
        (COURSES, {"limit": "501"}, "500"),
        (COURSES, {"connection_id": "one"}, "UUID"),
        (COURSES, {"q": "x\0"}, "control"),
        (COURSES, {"q": "x" * 201}, "200"),
        (HISTORY, {"since": "yesterday"}, "RFC 3339"),
        ("/api/v1/sync/logs", {"status": "done"}, "'partial'"),
    ],
    ids=str,
)
async def test_an_invalid_filter_is_named(
    ada: httpx2.AsyncClient, service: FakeService, path: str, params: dict[str, str], word: str
) -> None:
    response = await ada.get(path, params=params)
    assert response.status_code == 422
    [entry] = response.json()["errors"]
    assert entry["loc"] == ["query", *params]
    assert word in entry["msg"]
    assert service.calls == []


@pytest.mark.parametrize(
    ("path", "query", "item"),
    [
        (COURSES, "courses_of", {"name": "Physics"}),
        ("/api/v1/canvas/grades", "grades_of", {"course_name": "Physics"}),
        (HISTORY, "grade_changes_of", {"changed_at": AT}),
    ],
)
async def test_lists_are_pages(
    ada: httpx2.AsyncClient, service: FakeService, path: str, query: str, item: dict[str, Any]
) -> None:
    response = await ada.get(path)
    assert response.json() == {"items": [item], "next_cursor": "bmV4dA"}
    assert service.last_call(query)[1]["limit"] == 100


async def test_all_data_is_returned_in_one_document(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await ada.get("/api/v1/canvas/data")
    assert response.json() == {
        "connections": [CONNECTION_DOCUMENT],
        "courses": [{"name": "Physics"}],
        "assignments": [{"name": "Essay"}],
        "grades": [{"course_name": "Physics"}],
        "synced_at": AT,
    }
    assert service.last_call("courses_of")[1] == {"limit": None}


async def test_an_unchanged_document_is_304(ada: httpx2.AsyncClient) -> None:
    first = await ada.get(COURSES)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for tag_sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        second = await ada.get(COURSES, headers={"If-None-Match": tag_sent})
        assert (second.status_code, second.content) == (304, b"")
        assert second.headers["etag"] == tag
    for tag_sent in ('"other"', tag.strip('"'), "nonsense"):
        assert (await ada.get(COURSES, headers={"If-None-Match": tag_sent})).status_code == 200


async def test_dashboard_numbers_are_returned(ada: httpx2.AsyncClient) -> None:
    response = await ada.get("/api/v1/dashboard/stats")
    assert response.json() == {"completion_rate": None}
    assert "etag" in response.headers
