"""A token whose developer key drops `include[]` takes nothing away that was known."""

from typing import Any

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from tests.end_to_end.conftest import Client

NOTHING = {"courses": 0, "assignments": 0, "grades": 0}
MOVING = {"image_url", "updated_at"}
NO_SUBMISSIONS = [r"/courses$", r"/users/self", r"/assignment_groups$", r"/assignments$"]


async def known(client: Client) -> dict[str, Any]:
    """Every grade, assignment and change of grade."""
    return {
        what: (await client.get(f"/api/v1/canvas/{what}?limit=500"))["items"]
        for what in ("grades", "assignments", "grades/history")
    }


async def courses(client: Client) -> list[dict[str, Any]]:
    """The courses without what moves by itself."""
    found = (await client.get("/api/v1/canvas/courses?limit=500"))["items"]
    return [{key: course[key] for key in course.keys() - MOVING} for course in found]


async def test_dropped_includes_take_no_grade_away(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    before, complete = await known(client), await courses(client)
    assert before["grades"]
    assert before["grades/history"]

    sandbox.control.ignore_includes()
    run = await client.sync(connection["id"])
    assert (run["status"], run["courses"]["failed"]) == ("completed", 0)
    assert (run["changes"]["assignments"], run["changes"]["grades"]) == (0, 0)
    assert run["mode"] == "full"
    # The two feeds in vain; the courses, the enrollments, the favourites; for each course groups,
    # assignments, work.
    assert run["requests"]["total"] == 2 + 1 + 1 + 1 + 3 * 3
    assert await known(client) == before
    partly = {"term", "teachers"}
    shown = zip(await courses(client), complete, strict=True)
    for now, then in shown:
        assert {key for key in now if now[key] != then[key]} <= partly

    assert (await client.sync(connection["id"]))["changes"] == NOTHING

    sandbox.control.restore_token()
    run = await client.sync(connection["id"])
    assert (run["changes"]["assignments"], run["changes"]["grades"]) == (0, 0)
    assert await known(client) == before
    assert await courses(client) == complete


async def test_a_change_is_seen_without_includes(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    graded = (await client.get("/api/v1/canvas/assignments?status=graded"))["items"][0]
    sandbox.control.ignore_includes()
    sandbox.control.set_grade(graded["canvas_id"], score=1.25, grade="1.25")
    run = await client.sync(connection["id"])
    assert run["status"] == "completed"
    about = f"/api/v1/canvas/grades/history?assignment_id={graded['id']}"
    changes = (await client.get(about))["items"]
    assert changes[-1]["current"] == {"score": 1.25, "grade": "1.25"}


@pytest.mark.parametrize("scopes", [[r"/courses"], NO_SUBMISSIONS])
async def test_what_cannot_be_read_is_a_failure_and_not_an_absence(
    client: Client, sandbox: Sandbox, scopes: list[str]
) -> None:
    connection = await client.connect(sandbox)
    before, complete = await known(client), await courses(client)
    sandbox.control.ignore_includes()
    sandbox.control.limit_scopes(scopes)
    run = await client.sync(connection["id"])
    assert (run["status"], run["changes"]) == ("failed", NOTHING)
    assert run["error"]["code"] == "canvas-forbidden"
    assert "does not allow includes" in run["error"]["detail"]
    assert await known(client) == before
    assert await courses(client) == complete


async def test_a_course_that_cannot_be_read_fails_alone(client: Client, sandbox: Sandbox) -> None:
    connection = await client.connect(sandbox)
    before = await known(client)
    readable = sandbox.control.courses()[0]["id"]
    sandbox.control.ignore_includes()
    sandbox.control.limit_scopes([*NO_SUBMISSIONS, f"/courses/{readable}/students/submissions$"])
    run = await client.sync(connection["id"])
    assert (run["status"], run["courses"]["failed"]) == ("partial", 2)
    assert (run["changes"]["assignments"], run["changes"]["grades"]) == (0, 0)
    assert await known(client) == before
