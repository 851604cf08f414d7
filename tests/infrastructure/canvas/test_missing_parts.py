"""Tests of the request for the parts of discussions that a list of groups leaves out."""

from typing import Any

import pytest
from aiohttp import web

from domain.canvas import Assignment
from domain.errors import CanvasUnreachable
from tests.infrastructure.canvas.course_server import CourseServer
from tests.infrastructure.canvas.direct_api import read_course
from tests.infrastructure.canvas.fake_servers import json_response
from tests.infrastructure.canvas.rows import assignment_row, group_row

ONE_REQUEST = [("assignment_groups", "100")]
TWO_REQUESTS = [*ONE_REQUEST, ("assignments", "50")]
CHECKPOINTS = [
    {"tag": "reply_to_topic", "points_possible": 4.0, "due_at": "2026-09-11T05:59:59Z"},
    {"tag": "reply_to_entry", "points_possible": 6.0, "due_at": "2026-09-14T05:59:59Z"},
]


def discussion_row(canvas_id: str, **fields: Any) -> dict[str, Any]:
    """A graded discussion without a date, as a Canvas sends it that ignores the include."""
    types = {"due_at": None, "submission_types": ["discussion_topic"]}
    return assignment_row(canvas_id, **(types | fields))


def with_checkpoints(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "has_sub_assignments": True, "checkpoints": CHECKPOINTS}


def part_tags(assignments: list[Assignment]) -> dict[str, list[str]]:
    return {item["canvas_id"]: [part["tag"] for part in item["parts"]] for item in assignments}


async def test_parts_that_the_groups_leave_out_are_requested_once() -> None:
    rows = [discussion_row("1"), assignment_row("2"), discussion_row("3")]
    server = CourseServer(
        [group_row("11", *rows)], listed=[with_checkpoints(rows[0]), rows[1], rows[2]]
    )
    work = await read_course(server)
    assert part_tags(work.assignments) == {
        "1": ["reply_to_topic", "reply_to_entry"],
        "2": [],
        "3": [],
    }
    assert {item["group"]["name"] for item in work.assignments} == {"Homework"}
    assert server.calls() == TWO_REQUESTS
    query = server.requests[-1].query
    assert query.getall("assignment_ids[]") == ["1", "3"]
    assert "checkpoints" in query.getall("include[]")


async def test_announced_parts_are_requested_for_their_assignment_alone() -> None:
    announced = {**discussion_row("1"), "has_sub_assignments": True}
    other = {**discussion_row("2"), "has_sub_assignments": False}
    server = CourseServer([group_row("11", announced, other)], listed=[with_checkpoints(announced)])
    work = await read_course(server)
    assert part_tags(work.assignments) == {"1": ["reply_to_topic", "reply_to_entry"], "2": []}
    assert server.requests[-1].query.getall("assignment_ids[]") == ["1"]


@pytest.mark.parametrize(
    "rows",
    [
        [with_checkpoints(discussion_row("1"))],
        [{**discussion_row("1"), "has_sub_assignments": False}],
        [{**assignment_row("2"), "has_sub_assignments": False}, discussion_row("1")],
        [discussion_row("1", due_at="2026-09-11T05:59:59Z")],
        [discussion_row("1", points_possible=0)],
        [discussion_row("1", points_possible=None)],
        [discussion_row("1", submission_types=["online_upload"])],
        [discussion_row("1", submission_types=None)],
        [assignment_row("1")],
        [],
    ],
)
async def test_nothing_is_requested_if_no_parts_can_be_missing(rows: list[dict[str, Any]]) -> None:
    server = CourseServer([group_row("11", *rows)])
    await read_course(server)
    assert server.calls() == ONE_REQUEST


async def test_many_discussions_are_requested_in_several_requests() -> None:
    rows = [discussion_row(str(n)) for n in range(120)]
    server = CourseServer([group_row("11", *rows)], listed=[with_checkpoints(row) for row in rows])
    work = await read_course(server)
    assert all(item["parts"] for item in work.assignments)
    assert [len(request.query.getall("assignment_ids[]", [])) for request in server.requests] == [
        0,
        50,
        50,
        20,
    ]


async def test_fields_that_only_the_groups_have_are_kept() -> None:
    row = discussion_row("1")
    listed = {"id": "1", "has_sub_assignments": True, "checkpoints": CHECKPOINTS}
    work = await read_course(CourseServer([group_row("11", row)], listed=[listed]))
    (item,) = work.assignments
    assert (item["name"], item["points_possible"]) == (row["name"], row["points_possible"])
    assert item["submission"]
    assert len(item["parts"]) == 2


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_refused_request_for_parts_leaves_the_course_readable(status: int) -> None:
    server = CourseServer([group_row("11", discussion_row("1"))])

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/assignments"):
            return json_response({"errors": []}, status=status)
        return await server(request)

    assert part_tags((await read_course(respond)).assignments) == {"1": []}


async def test_parts_that_cannot_be_read_now_fail_the_course() -> None:
    server = CourseServer([group_row("11", discussion_row("1"))])

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/assignments"):
            return json_response({"errors": []}, status=500)
        return await server(request)

    with pytest.raises(CanvasUnreachable):
        await read_course(respond)
