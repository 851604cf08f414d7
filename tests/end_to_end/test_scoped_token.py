"""Tokens of a scoped developer key, for which Canvas drops `include[]`: no known data is lost."""

from typing import Any

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.end_to_end.conftest import Client

NO_CHANGES = {"courses": 0, "assignments": 0, "grades": 0}
VOLATILE_MEMBERS = {"problem", "exact", "updated_at"}
SCOPES_WITHOUT_SUBMISSIONS = [
    r"/courses$",
    r"/users/self",
    r"/assignment_groups$",
    r"/assignments$",
]


async def read_grade_data(client: Client) -> dict[str, Any]:
    """All grades, assignments and grade changes, by path."""
    return {
        path: (await client.get(f"/api/v1/canvas/{path}?limit=500"))["items"]
        for path in ("grades", "assignments", "grades/history")
    }


async def read_courses(client: Client) -> list[dict[str, Any]]:
    """All courses without VOLATILE_MEMBERS, which depend on the last read."""
    courses = (await client.get("/api/v1/canvas/courses?limit=500"))["items"]
    return [{key: course[key] for key in course.keys() - VOLATILE_MEMBERS} for course in courses]


async def test_dropped_includes_remove_no_grade(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    before, complete = await read_grade_data(client), await read_courses(client)
    assert before["grades"]
    assert before["grades/history"]

    sandbox.control.ignore_includes()
    run = await client.sync(connection["id"])
    # Only an include shows the grading period of one course, so this course fails and stays.
    assert (run["status"], run["courses"]["failed"]) == ("partial", 1)
    assert (run["changes"]["assignments"], run["changes"]["grades"]) == (0, 0)
    assert run["mode"] == "full"
    # Two change feeds that are not usable; courses, enrollments, favorites; for each of two
    # courses its assignment groups, assignments and submissions.
    assert run["requests"]["total"] == 2 + 1 + 1 + 1 + 2 * 3
    assert await read_grade_data(client) == before
    incomplete_members = {"term", "teachers", "image_url"}
    pairs = zip(await read_courses(client), complete, strict=True)
    for current, original in pairs:
        assert {key for key in current if current[key] != original[key]} <= incomplete_members

    assert (await client.sync(connection["id"]))["changes"] == NO_CHANGES

    sandbox.control.restore_token()
    run = await client.sync(connection["id"])
    assert (run["changes"]["assignments"], run["changes"]["grades"]) == (0, 0)
    assert await read_grade_data(client) == before
    assert await read_courses(client) == complete


async def find_graded_without_period(client: Client) -> dict[str, Any]:
    """A graded assignment of a course without grading periods, whose totals stay known."""
    courses = await read_courses(client)
    ids = {course["id"] for course in courses if course["grading_period"] is None}
    graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"]
    return next(item for item in graded if item["course_id"] in ids)


async def test_a_grade_change_is_found_without_includes(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    graded = await find_graded_without_period(client)
    sandbox.control.ignore_includes()
    sandbox.control.set_grade(graded["canvas_id"], score=1.25, grade="1.25")
    run = await client.sync(connection["id"])
    assert (run["status"], run["courses"]["failed"]) == ("partial", 1)
    history_path = f"/api/v1/canvas/grades/history?assignment_id={graded['id']}"
    changes = (await client.get(history_path))["items"]
    assert changes[-1]["current"] == {"score": 1.25, "grade": "1.25"}


@pytest.mark.parametrize("scopes", [[r"/courses"], SCOPES_WITHOUT_SUBMISSIONS])
async def test_unreadable_data_is_a_failure_and_not_a_deletion(
    client: Client, sandbox: Sandbox, scopes: list[str]
) -> None:
    connection = await client.connect(sandbox)
    before, complete = await read_grade_data(client), await read_courses(client)
    sandbox.control.ignore_includes()
    sandbox.control.limit_scopes(scopes)
    run = await client.sync(connection["id"])
    assert (run["status"], run["changes"]) == ("failed", NO_CHANGES)
    assert run["error"]["code"] == "canvas-forbidden"
    assert "does not allow includes" in run["error"]["detail"]
    assert await read_grade_data(client) == before
    assert await read_courses(client) == complete


async def test_a_course_that_cannot_be_read_fails_alone(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    before = await read_grade_data(client)
    readable = sandbox.control.courses()[0]["id"]
    sandbox.control.ignore_includes()
    sandbox.control.limit_scopes(
        [*SCOPES_WITHOUT_SUBMISSIONS, f"/courses/{readable}/students/submissions$"]
    )
    run = await client.sync(connection["id"])
    assert (run["status"], run["courses"]["failed"]) == ("partial", 2)
    assert (run["changes"]["assignments"], run["changes"]["grades"]) == (0, 0)
    assert await read_grade_data(client) == before
