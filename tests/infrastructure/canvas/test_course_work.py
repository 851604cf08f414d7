"""Tests of reading one course: its requests, and responses of another shape."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from domain.errors import (
    CanvasFailure,
    CanvasForbidden,
    CanvasNotFound,
    CanvasResponseUnusable,
    CanvasUnreachable,
)
from infrastructure.canvas.course_work import CourseWork
from tests.infrastructure.canvas.course_server import CourseServer
from tests.infrastructure.canvas.direct_api import read_course
from tests.infrastructure.canvas.fake_servers import json_response
from tests.infrastructure.canvas.rows import assignment_row, group_row

Respond = Callable[[web.Request], Awaitable[web.StreamResponse]]


def always(document: Any, **options: Any) -> Respond:
    """A Canvas that sends the same JSON for every request."""

    async def respond(_: web.Request) -> web.Response:
        return json_response(document, **options)

    return respond


def ids_of(work: CourseWork) -> list[str]:
    return [assignment["canvas_id"] for assignment in work.assignments]


async def test_one_request_reads_groups_assignments_and_submissions() -> None:
    server = CourseServer(
        [group_row("11", assignment_row("1"), assignment_row("2")), group_row("12")]
    )
    work = await read_course(server)
    assert ids_of(work) == ["1", "2"]
    assert [group["id"] for group in work.groups or ()] == ["11", "12"]
    assert {assignment["group"]["id"] for assignment in work.assignments} == {"11"}
    assert server.calls() == [("assignment_groups", "100")]


async def test_what_is_not_used_is_not_requested() -> None:
    server = CourseServer([group_row("11", assignment_row("1"))])
    await read_course(server)
    (request,) = server.requests
    assert request.query.getall("include[]") == [
        "assignments",
        "submission",
        "checkpoints",
        "sub_assignment_submissions",
        "score_statistics",
    ]
    assert request.query.getall("exclude_response_fields[]") == [
        "description",
        "rubric",
        "body",
        "url",
        "attachments",
        "discussion_entries",
        "preview_url",
        "seconds_late",
        "external_tool_url",
    ]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"errors": []},
        None,
        "[]",
        [None],
        ["11"],
        [{}],
        [{"name": "Homework", "assignments": []}],
        [group_row("11"), {"id": None, "assignments": []}],
        [[group_row("11")]],
        [assignment_row("1", id=None)],
        [group_row("11") | {"assignments": None}],
        [group_row("11") | {"assignments": {}}],
        [group_row("11"), group_row("12") | {"assignments": "none"}],
        [group_row("11"), {"id": "12"}],
        [{"id": "12"}, group_row("11", assignment_row("1"))],
        [group_row("11", assignment_row("1"), {})],
        [group_row("11", assignment_row("1", id=None))],
        [group_row("11") | {"assignments": ["1"]}],
        [group_row("11") | {"assignments": [None]}],
    ],
)
async def test_a_response_of_another_shape_is_a_failure(document: Any) -> None:
    with pytest.raises(CanvasResponseUnusable):
        await read_course(always(document), known_ids=["1"])


async def test_fields_that_are_null_are_no_failure() -> None:
    group = dict.fromkeys(group_row("11"), None) | {
        "id": 11,
        "assignments": [dict.fromkeys(assignment_row("1"), None) | {"id": 1}],
    }
    work = await read_course(always([group]))
    assert ids_of(work) == ["1"]
    assert work.assignments[0]["name"] is None
    assert work.assignments[0]["submission"] is None


@pytest.mark.parametrize("groups", [[], [group_row("11")]])
async def test_a_course_without_assignments_costs_one_request(groups: list[dict[str, Any]]) -> None:
    server = CourseServer(groups)
    work = await read_course(server)
    assert (ids_of(work), len(work.groups or ())) == ([], len(groups))
    assert server.calls() == [("assignment_groups", "100")]


async def test_a_course_that_lost_its_groups_is_empty_if_it_lists_no_assignments() -> None:
    server = CourseServer([])
    assert (await read_course(server, known_ids=["1"]))[:2] == ([], [])
    assert server.calls() == [("assignment_groups", "100"), ("assignments", "100")]


async def test_no_groups_of_a_course_with_assignments_is_a_failure() -> None:
    server = CourseServer([], listed=[assignment_row("1")])
    with pytest.raises(CanvasResponseUnusable, match="lacks assignments"):
        await read_course(server, known_ids=["1"])


async def test_an_assignment_that_a_list_lacks_is_requested_again() -> None:
    found, gone = assignment_row("1", assignment_group_id="11"), "9"
    server = CourseServer([group_row("11", assignment_row("2"))], listed=[found])
    work = await read_course(server, known_ids=["1", "2", gone])
    assert ids_of(work) == ["2", "1"]
    assert work.assignments[1]["group"]["name"] == "Homework"
    assert server.requests[-1].query.getall("assignment_ids[]") == ["1", gone]


async def test_a_list_that_lacks_too_many_assignments_is_not_believed() -> None:
    known_ids = [str(number) for number in range(1, 200)]
    exists = assignment_row("1", assignment_group_id="11")
    with pytest.raises(CanvasResponseUnusable, match="lacks assignments"):
        await read_course(CourseServer([group_row("11")], listed=[exists]), known_ids=known_ids)
    server = CourseServer([group_row("11")], listed=[])
    assert (await read_course(server, known_ids=known_ids)).assignments == []


async def test_a_list_without_groups_costs_one_request_if_no_assignments_were_known() -> None:
    server = CourseServer([], listed=[assignment_row("1")])
    assert (await read_course(server))[:2] == ([], [])
    assert server.calls() == [("assignment_groups", "100")]


async def test_an_assignment_that_is_sent_twice_is_read_once() -> None:
    groups = [group_row("11", assignment_row("1"), assignment_row("1")), group_row("11")]
    work = await read_course(always(groups))
    assert (ids_of(work), len(work.groups or ())) == (["1"], 1)


@pytest.mark.parametrize(
    ("response", "failure_type", "words"),
    [
        ({"status": 404}, CanvasNotFound, "no longer shows the assignments of this course"),
        ({"status": 403}, CanvasForbidden, "does not permit"),
        ({"status": 401}, CanvasForbidden, "does not permit"),
        ({"status": 400}, CanvasResponseUnusable, "does not accept a request of easeboard"),
        ({"status": 422}, CanvasResponseUnusable, "does not accept a request of easeboard"),
        ({"status": 403, "content_type": "text/html"}, CanvasUnreachable, "firewall"),
        ({"status": 404, "content_type": "text/html"}, CanvasResponseUnusable, "address"),
        ({"status": 500}, CanvasUnreachable, "server error 500"),
    ],
)
async def test_a_refused_course_has_a_plain_reason(
    response: dict[str, Any], failure_type: type[CanvasFailure], words: str
) -> None:
    with pytest.raises(failure_type, match=words) as raised:
        await read_course(always({"errors": []}, **response))
    assert type(raised.value) is failure_type
    assert "unexpected" not in raised.value.detail
    assert raised.value.__context__ is None


async def test_a_firewall_that_refuses_once_is_passed_by_a_retry() -> None:
    server = CourseServer([group_row("11", assignment_row("1"))])
    refused = False

    async def respond(request: web.Request) -> web.StreamResponse:
        nonlocal refused
        if not refused:
            refused = True
            return web.Response(status=403, text="<html>Blocked</html>", content_type="text/html")
        return await server(request)

    assert ids_of(await read_course(respond)) == ["1"]
