from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from application.ports import FetchedCourse
from domain.course_events import KnownCourse
from domain.errors import CanvasForbidden, CanvasResponseUnusable, CanvasTokenRejected
from infrastructure.canvas.account import CanvasAccountReader
from infrastructure.canvas.limits import Limits
from tests.infrastructure.canvas.fake_servers import (
    FAST_LIMITS,
    TOKEN,
    FakeCanvasServer,
    Handler,
    json_response,
    open_client,
    serve_handler,
)
from tests.infrastructure.canvas.rows import assignment_row, course_row, group_row


@asynccontextmanager
async def open_account(
    handler: Handler, limits: Limits = FAST_LIMITS
) -> AsyncIterator[CanvasAccountReader]:
    async with (
        serve_handler(handler) as origin,
        open_client(origin, limits=limits) as canvas,
        canvas.open_account(origin, TOKEN) as account,
    ):
        yield account


async def fetch_all(account: CanvasAccountReader) -> list[FetchedCourse]:
    """List the courses, and fetch all of them."""
    listed = await account.list_courses()
    return [fetched async for fetched in account.fetch_courses(listed.courses, {})]


def canvas_with_courses(count: int) -> FakeCanvasServer:
    ids = [str(n) for n in range(1, count + 1)]
    groups = {id_: [group_row("11", assignment_row(f"{id_}01"))] for id_ in ids}
    return FakeCanvasServer([course_row(id_) for id_ in ids], groups)


async def test_a_full_read_costs_one_request_plus_one_per_course() -> None:
    server = canvas_with_courses(20)
    async with open_account(server) as account:
        courses = (await account.list_courses()).courses
        fetched = [fetched_course async for fetched_course in account.fetch_courses(courses, {})]
        assert account.requests == {"total": 21, "not_modified": 0, "retried": 0}
    assert {item.course["canvas_id"] for item in fetched} == {str(n) for n in range(1, 21)}
    for item in fetched:
        assert item.failure is None
        assert item.assignments
        assert item.assignments[0]["canvas_id"] == f"{item.course['canvas_id']}01"
        assert item.assignments[0]["group"] == {"id": "11", "name": "Homework", "weight": 40.0}


async def test_fields_that_are_not_stored_are_excluded_from_requests() -> None:
    server = canvas_with_courses(1)
    async with open_account(server) as account:
        [_] = [
            fetched
            async for fetched in account.fetch_courses((await account.list_courses()).courses, {})
        ]
    list_request, groups_request = server.requests
    assert list_request.query.getall("state[]") == ["available", "completed"]
    assert "grading_scheme" in list_request.query.getall("include[]")
    included = set(groups_request.query.getall("include[]"))
    assert included == {
        "assignments",
        "submission",
        "checkpoints",
        "sub_assignment_submissions",
        "score_statistics",
    }
    excluded = set(groups_request.query.getall("exclude_response_fields[]"))
    assert excluded >= {"description", "rubric", "body", "attachments", "seconds_late"}
    assert groups_request.query["per_page"] == "100"
    for request in server.requests:
        assert request.headers["Accept"] == "application/json+canvas-string-ids"
        assert request.headers["Accept-Encoding"] == "gzip"
        assert request.headers["User-Agent"].startswith("easeboard/")


async def test_a_restricted_course_costs_no_further_request() -> None:
    server = FakeCanvasServer([{"id": 77520000000029520, "access_restricted_by_date": True}])
    async with open_account(server) as account:
        [fetched] = [
            fetched
            async for fetched in account.fetch_courses((await account.list_courses()).courses, {})
        ]
        assert account.requests["total"] == 1
    assert (fetched.course["canvas_id"], fetched.course["state"]) == (
        "77520000000029520",
        "restricted",
    )
    assert (fetched.assignments, fetched.failure) == (None, None)


async def test_one_failed_course_does_not_fail_the_others() -> None:
    server = canvas_with_courses(3)

    async def respond(request: web.Request) -> web.StreamResponse:
        if "/courses/2/" in request.path:
            return json_response({"errors": []}, status=403)
        return await server(request)

    async with open_account(respond) as account:
        fetched = [
            fetched
            async for fetched in account.fetch_courses((await account.list_courses()).courses, {})
        ]
    by_id = {fetched_course.course["canvas_id"]: fetched_course for fetched_course in fetched}
    assert type(by_id["2"].failure) is CanvasForbidden
    assert by_id["2"].assignments is None
    assert by_id["1"].assignments
    assert by_id["3"].assignments


async def test_a_token_revoked_during_a_read_fails_every_course() -> None:
    server = canvas_with_courses(2)

    async def respond(request: web.Request) -> web.StreamResponse:
        if "assignment_groups" not in request.path:
            return await server(request)
        return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'})

    async with open_account(respond) as account:
        fetched = [
            fetched
            async for fetched in account.fetch_courses((await account.list_courses()).courses, {})
        ]
    assert [type(fetched_course.failure) for fetched_course in fetched] == [CanvasTokenRejected] * 2


async def test_assignment_groups_are_read_page_by_page() -> None:
    groups = [group_row(str(n), assignment_row(f"{n}0")) for n in range(1, 6)]
    server = FakeCanvasServer([course_row("1")], {"1": groups}, page_size=2)
    async with open_account(server) as account:
        [fetched] = [
            fetched
            async for fetched in account.fetch_courses((await account.list_courses()).courses, {})
        ]
    assert fetched.assignments
    assert [item["canvas_id"] for item in fetched.assignments] == ["10", "20", "30", "40", "50"]


async def test_assignments_are_read_even_when_includes_are_dropped() -> None:
    server = FakeCanvasServer(
        [course_row("1")], {"1": [{"id": "11", "name": "Homework", "group_weight": 40}]}
    )

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/courses/1/assignments"):
            server.requests.append(request)
            return json_response(
                [assignment_row("7"), assignment_row("8", assignment_group_id="99")]
            )
        return await server(request)

    async with open_account(respond) as account:
        [fetched] = [
            fetched
            async for fetched in account.fetch_courses((await account.list_courses()).courses, {})
        ]
    assert fetched.assignments
    assert [item["group"] for item in fetched.assignments] == [
        {"id": "11", "name": "Homework", "weight": 40.0},
        {"id": "99", "name": None, "weight": None},
    ]
    assert "submission" in server.requests[-1].query.getall("include[]")


@pytest.mark.parametrize("groups", [[], [group_row("11")]])
async def test_a_course_without_assignments_costs_one_request(groups: list[dict[str, Any]]) -> None:
    server = FakeCanvasServer([course_row("1")], {"1": groups})
    async with open_account(server) as account:
        [fetched] = [
            fetched
            async for fetched in account.fetch_courses((await account.list_courses()).courses, {})
        ]
        assert account.requests["total"] == 2
    assert fetched.assignments == []


async def test_duplicates_are_removed() -> None:
    rows = [course_row("1"), course_row("1"), course_row("2")]
    groups = {id_: [group_row("11", assignment_row(), assignment_row())] for id_ in ("1", "2")}
    async with open_account(FakeCanvasServer(rows, groups)) as account:
        courses = (await account.list_courses()).courses
        assert [course["canvas_id"] for course in courses] == ["1", "2"]
        async for fetched in account.fetch_courses(courses, {}):
            assert len(fetched.assignments or ()) == 1


async def test_exceeding_a_limit_fails_instead_of_truncating() -> None:
    server = FakeCanvasServer(
        [course_row(str(n)) for n in range(5)],
        {"1": [group_row("11", *[assignment_row(str(n)) for n in range(5)])]},
    )
    async with open_account(server, replace(FAST_LIMITS, courses=4)) as account:
        with pytest.raises(CanvasResponseUnusable, match="4 courses"):
            await account.list_courses()
    async with open_account(server, replace(FAST_LIMITS, assignments=4)) as account:
        courses = [
            course
            for course in (await account.list_courses()).courses
            if course["canvas_id"] == "1"
        ]
        [fetched] = [fetched async for fetched in account.fetch_courses(courses, {})]
    assert type(fetched.failure) is CanvasResponseUnusable


async def test_work_that_is_known_by_its_digest_is_not_parsed_again() -> None:
    server = canvas_with_courses(2)
    async with open_account(server) as account:
        courses = (await account.list_courses()).courses
        known = {
            fetched.course["canvas_id"]: KnownCourse(work_digest=fetched.work_digest)
            async for fetched in account.fetch_courses(courses, {})
        }
        server.groups["1"][0]["assignments"][0]["name"] = "Another name"
        again = {
            fetched.course["canvas_id"]: fetched
            async for fetched in account.fetch_courses(courses, known)
        }
    assert (again["2"].assignments, again["2"].groups) == (None, None)
    assert again["2"].work_digest == known["2"].work_digest is not None
    assert [item["name"] for item in again["1"].assignments or ()] == ["Another name"]
