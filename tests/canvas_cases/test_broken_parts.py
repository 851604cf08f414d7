"""A slow or broken part of Canvas costs only itself."""

import asyncio
import gzip
from typing import Any

import orjson
from aiohttp import web

from tests.canvas_cases.canvas_rows import assignment, course, enrollment, group, totals
from tests.canvas_cases.conftest import School
from tests.canvas_cases.literal_canvas import LiteralStudent, canvas_json

SERVER_ERROR = {"errors": [{"message": "An error occurred."}], "error_report_id": 5}


class BrokenCourse:
    """Answers 500 for the assignments of course 111 while `broken`."""

    broken = True

    async def __call__(self, request: web.Request, _: LiteralStudent) -> web.Response | None:
        if "/courses/111/" in request.path and self.broken:
            return canvas_json(SERVER_ERROR, status=500)
        return None


def has_problem(row: Any) -> bool:
    return bool(row["problem"] and row["problem"]["code"] and row["problem"]["detail"])


async def test_a_course_whose_assignments_cannot_be_read_is_shown(school: School) -> None:
    hook = BrokenCourse()
    groups = {"111": [group(1, assignment(1110))], "112": [group(2, assignment(1120))]}
    student = await school.connect(
        school.add([course(111, "Physics"), course(112, "Other")], groups, hook=hook)
    )
    assert student.first_run["status"] == "partial"
    seen = (await student.view()).courses
    shown = (seen["111"]["name"], seen["111"]["current_score"], seen["111"]["state"])
    assert shown == ("Physics", 88.5, "active")
    assert (has_problem(seen["111"]), seen["112"]["problem"]) == (True, None)

    hook.broken = False
    await student.sync("full")
    seen = (await student.view()).courses
    assert (seen["111"]["problem"], seen["111"]["assignment_count"]) == (None, 1)

    student.canvas.courses[0] = course(111, "Physics", enrollment(**totals(95.0, "A", 90.0)))
    hook.broken = True
    await student.sync()
    view = await student.view()
    assert view.courses["111"]["current_score"] == 95.0
    assert has_problem(view.courses["111"])
    assert "1110" in view.assignments
    changes = await student.client.get("/api/v1/canvas/grades/history?sort=-changed_at")
    assert changes["items"][0]["current"] == {"score": 95.0, "grade": "A"}


async def test_a_course_that_takes_long_is_read_while_others_go_on(school: School) -> None:
    async def delay(request: web.Request, _: LiteralStudent) -> None:
        if "/courses/101/" in request.path:
            await asyncio.sleep(16.5)

    groups = {"101": [group(1, assignment(1010))], "102": [group(2, assignment(1020))]}
    slow = school.add([course(101, "big"), course(102, "small")], groups, hook=delay)
    client, response = await school.set_up(canvas_url=school.url, api_token=slow.token)
    connection_id = response.json["connection"]["id"]
    run: Any = None
    while not (run and run["finished_at"]):
        await asyncio.sleep(0.5)
        run = (await client.get("/api/v1/sync/logs"))["items"][0]
        if run["courses"]["done"] == 1 and not run["finished_at"]:
            data = await client.get("/api/v1/canvas/data")
            assert {row["canvas_id"] for row in data["assignments"]} <= {"1020"}
    assert run["status"] == "completed"
    assert connection_id == run["connection_id"]
    data = await client.get("/api/v1/canvas/data")
    assert {row["canvas_id"] for row in data["assignments"]} == {"1010", "1020"}


async def test_a_response_that_was_cut_off_is_requested_again(school: School) -> None:
    rows = [group(1, assignment(1210))]
    half = gzip.compress(orjson.dumps(rows))[:-40]
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    cut_off = [web.Response(body=half, headers=headers)]

    async def answer(request: web.Request, _: LiteralStudent) -> web.Response | None:
        is_work = "/courses/121/" in request.path
        return cut_off.pop() if is_work and cut_off else None

    student = await school.connect(school.add([course(121)], {"121": rows}, hook=answer))
    assert student.first_run["requests"]["retried"] == 1
    assert set((await student.view()).assignments) == {"1210"}


async def test_a_planner_of_another_shape_is_not_an_empty_planner(school: School) -> None:
    async def answer(request: web.Request, _: LiteralStudent) -> web.Response | None:
        return canvas_json([{}]) if request.path == "/api/v1/planner/items" else None

    row = assignment(1310)
    student = await school.connect(school.add([course(131)], {"131": [group(1, row)]}, hook=answer))
    row["name"] = "Renamed"
    run = await student.sync()
    assert (run["mode"], run["status"]) == ("full", "completed")
    assert (await student.view()).assignments["1310"]["name"] == "Renamed"
