from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from tests.interfaces.http.fake_service import AT, CONNECTION, CONNECTION_DOCUMENT, Told

COURSES = "/api/v1/canvas/courses"
ASSIGNMENTS = "/api/v1/canvas/assignments"
HISTORY = "/api/v1/canvas/grades/history"


async def test_filters_reach_the_question(ada: httpx2.AsyncClient, told: Told) -> None:
    await ada.get(
        ASSIGNMENTS,
        params={
            "connection_id": str(CONNECTION),
            "course_id": str(CONNECTION),
            "status": "late, overdue",
            "due_after": "2026-09-01T00:00:00+02:00",
            "due_before": "2026-09-02t00:00:00.5z",
            "q": "essay",
            "sort": "-due_at",
            "limit": "7",
            "cursor": "abc",
        },
    )
    named = told.last("assignments_of")[1]
    assert named.pop("now").tzinfo is UTC
    assert named == {
        "connection_id": CONNECTION,
        "course_id": CONNECTION,
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
async def test_a_bad_filter_is_named(
    ada: httpx2.AsyncClient, told: Told, path: str, params: dict[str, str], word: str
) -> None:
    answer = await ada.get(path, params=params)
    assert answer.status_code == 422
    [fault] = answer.json()["errors"]
    assert fault["loc"] == ["query", *params]
    assert word in fault["msg"]
    assert told.asked == []


@pytest.mark.parametrize(
    ("path", "asked", "item"),
    [
        (COURSES, "courses_of", {"name": "Physics"}),
        ("/api/v1/canvas/grades", "grades_of", {"course_name": "Physics"}),
        (HISTORY, "grade_changes_of", {"changed_at": AT}),
    ],
)
async def test_lists(
    ada: httpx2.AsyncClient, told: Told, path: str, asked: str, item: dict[str, Any]
) -> None:
    answer = await ada.get(path)
    assert answer.json() == {"items": [item], "next_cursor": "bmV4dA"}
    assert told.last(asked)[1]["limit"] == 100


async def test_everything_in_one_document(ada: httpx2.AsyncClient, told: Told) -> None:
    answer = await ada.get("/api/v1/canvas/data")
    assert answer.json() == {
        "connections": [CONNECTION_DOCUMENT],
        "courses": [{"name": "Physics"}],
        "assignments": [{"name": "Essay"}],
        "grades": [{"course_name": "Physics"}],
        "synced_at": AT,
    }
    assert told.last("courses_of")[1] == {"cursor": None, "limit": None}


async def test_what_has_not_changed_is_not_sent_again(ada: httpx2.AsyncClient) -> None:
    first = await ada.get(COURSES)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for held in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await ada.get(COURSES, headers={"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    for held in ('"other"', tag.strip('"'), "nonsense"):
        assert (await ada.get(COURSES, headers={"If-None-Match": held})).status_code == 200


async def test_dashboard(ada: httpx2.AsyncClient) -> None:
    answer = await ada.get("/api/v1/dashboard/stats")
    assert answer.json() == {"completion_rate": None}
    assert "etag" in answer.headers
