from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from projections.courses.what_if import UnknownAssignment
from tests.dev_tokens import ADA
from tests.interfaces.http.fake_reads import HEAD, token_at
from tests.interfaces.http.fake_service import (
    ASSIGNMENT_ID,
    AT,
    CONNECTION_DOCUMENT,
    CONNECTION_ID,
    COURSE_ID,
    FakeService,
)

COURSES = "/api/v1/canvas/courses"
ASSIGNMENTS = "/api/v1/canvas/assignments"
HISTORY = "/api/v1/canvas/grades/history"
WHAT_IF = f"{COURSES}/{COURSE_ID}/what-if"


async def test_filters_are_passed_to_the_query(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    await ada.get(
        ASSIGNMENTS,
        params={
            "connection_id": str(CONNECTION_ID),
            "course_id": str(CONNECTION_ID),
            "status": "late, past",
            "due_after": "2026-09-01T00:00:00+02:00",
            "due_before": "2026-09-02t00:00:00.5z",
            "q": " essay\u00a0",
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
        "statuses": frozenset({"late", "past"}),
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
        (ASSIGNMENTS, {"status": "tardy"}, "upcoming, overdue, past, missing"),
        (ASSIGNMENTS, {"status": ""}, "undated"),
        (ASSIGNMENTS, {"sort": "size"}, "'-due_at'"),
        (ASSIGNMENTS, {"due_after": "2026-9-1"}, "RFC 3339"),
        (ASSIGNMENTS, {"due_before": "2026-02-30"}, "day"),
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
        (HISTORY, {"sort": "score"}, "'-changed_at'"),
        (HISTORY, {"baseline": "perhaps"}, "boolean"),
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


async def test_the_history_can_be_sorted_and_filtered(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    await ada.get(HISTORY)
    assert service.last_call("grade_changes_of")[1].items() >= {
        ("baseline", None),
        ("sort", "changed_at"),
    }
    await ada.get(
        HISTORY, params={"baseline": "false", "sort": "-changed_at", "since": "2026-09-01"}
    )
    options = service.last_call("grade_changes_of")[1]
    assert (options["baseline"], options["sort"]) == (False, "-changed_at")
    assert options["since"] == datetime(2026, 9, 1, tzinfo=UTC)


async def test_one_course_is_shown(ada: httpx2.AsyncClient, service: FakeService) -> None:
    response = await ada.get(f"{COURSES}/{COURSE_ID}")
    assert response.json() == {"id": str(COURSE_ID)}
    assert service.last_call("course_of") == ((ADA, COURSE_ID), {})
    headers = {"If-None-Match": response.headers["etag"]}
    assert (await ada.get(f"{COURSES}/{COURSE_ID}", headers=headers)).status_code == 304


async def test_one_assignment_is_shown_with_its_present_status(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    response = await ada.get(f"{ASSIGNMENTS}/{ASSIGNMENT_ID}")
    assert response.json() == {"id": str(ASSIGNMENT_ID)}
    arguments, options = service.last_call("assignment_of")
    assert arguments == (ADA, ASSIGNMENT_ID)
    assert options["now"].tzinfo is UTC


@pytest.mark.parametrize("path", [COURSES, ASSIGNMENTS])
async def test_what_does_not_exist_is_not_found(ada: httpx2.AsyncClient, path: str) -> None:
    response = await ada.get(f"{path}/{CONNECTION_ID}")
    assert (response.status_code, response.json()["type"]) == (404, "/problems/not-found")


async def test_totals_are_calculated_with_other_scores(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    scores = {str(ASSIGNMENT_ID): 7, str(CONNECTION_ID): None}
    response = await ada.post(WHAT_IF, json={"scores": scores})
    assert (response.status_code, response.json()) == (200, {"id": str(COURSE_ID)})
    assert response.headers["consistency-token"] == token_at(HEAD)
    expected = {ASSIGNMENT_ID: 7.0, CONNECTION_ID: None}
    assert service.last_call("what_if_of") == ((ADA, COURSE_ID), {"scores": expected})


async def test_the_same_what_if_request_is_answered_once(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    headers = {"Idempotency-Key": "one"}
    first = await ada.post(WHAT_IF, json={"scores": {}}, headers=headers)
    second = await ada.post(WHAT_IF, json={"scores": {}}, headers=headers)
    assert (first.content, second.headers["idempotency-replayed"]) == (second.content, "true")
    assert len(service.calls) == 1


async def test_scores_of_other_assignments_are_named(
    ada: httpx2.AsyncClient, service: FakeService
) -> None:
    service.error = UnknownAssignment([CONNECTION_ID, COURSE_ID])
    response = await ada.post(WHAT_IF, json={"scores": {str(CONNECTION_ID): 1}})
    assert response.status_code == 422
    errors = response.json()["errors"]
    assert [error["loc"] for error in errors] == [
        ["body", "scores", str(CONNECTION_ID)],
        ["body", "scores", str(COURSE_ID)],
    ]
    assert errors[0]["msg"] == "is not an assignment of this course"


@pytest.mark.parametrize(
    "score", ["true", '"7"', "[]", "NaN", "Infinity", "1e10", "1" * 400, "-1e10"]
)
async def test_a_score_is_a_number_in_points(
    ada: httpx2.AsyncClient, service: FakeService, score: str
) -> None:
    body = f'{{"scores": {{"{ASSIGNMENT_ID}": {score}}}}}'
    response = await ada.post(WHAT_IF, content=body, headers={"Content-Type": "application/json"})
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert error["loc"] == ["body", "scores", str(ASSIGNMENT_ID)]
    assert service.calls == []


@pytest.mark.parametrize("body", [{}, {"scores": None}, {"scores": []}, {"scores": {"one": 1}}])
async def test_scores_have_the_ids_of_assignments(ada: httpx2.AsyncClient, body: Any) -> None:
    response = await ada.post(WHAT_IF, json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["loc"][:2] == ["body", "scores"]


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
