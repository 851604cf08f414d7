"""Tests of responses over a limit: the same rows are requested again in smaller pages."""

import gzip
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest
from aiohttp import web

from domain.errors import CanvasResponseUnusable
from infrastructure.canvas.pagination import fetch_list
from infrastructure.canvas.response_body import ResponseTooLarge
from tests.infrastructure.canvas.course_server import CourseServer
from tests.infrastructure.canvas.direct_api import api_of, read_course, read_list
from tests.infrastructure.canvas.fake_servers import (
    FAST_LIMITS,
    FakeCanvasServer,
    json_response,
    page_response,
)
from tests.infrastructure.canvas.rows import assignment_row, course_row, group_row

ROW_BYTES = len(orjson.dumps(assignment_row("5001", assignment_group_id="11")))
PAGE_OF_60 = replace(FAST_LIMITS, response_bytes=60 * ROW_BYTES)
PAGE_OF_20 = replace(FAST_LIMITS, response_bytes=20 * ROW_BYTES)
ONE_ROW = replace(FAST_LIMITS, response_bytes=2 * ROW_BYTES)
FEW_VALUES = replace(FAST_LIMITS, json_values=20 * orjson.dumps(assignment_row("1")).count(b","))


def large_course(count: int = 120, **fields: Any) -> CourseServer:
    """A course with three groups; the first one contains most assignments."""
    rows = [assignment_row(str(1000 + n), **fields) for n in range(count)]
    return CourseServer(
        [group_row("11", *rows[:-20]), group_row("12", *rows[-20:]), group_row("13")]
    )


@dataclass
class ListServer:
    """A Canvas with one list that honours the page size; it stores the sizes."""

    rows: list[dict[str, Any]]
    page_sizes: list[int]
    etag: str = '"1"'

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        size = int(request.query["per_page"])
        self.page_sizes.append(size)
        page = page_response(request, self.rows, size)
        page.headers["ETag"] = self.etag
        return page


@pytest.mark.parametrize(
    ("limits", "calls"),
    [
        (FAST_LIMITS, [("assignment_groups", "100")]),
        (
            PAGE_OF_60,
            [("assignment_groups", "100")] * 2 + [("assignments", "50")] * 3,
        ),
        (
            PAGE_OF_20,
            [("assignment_groups", "100")] * 2
            + [("assignments", "50")]
            + [("assignments", "10")] * 12,
        ),
        (
            FEW_VALUES,
            [("assignment_groups", "100")] * 2
            + [("assignments", "50")]
            + [("assignments", "10")] * 12,
        ),
    ],
)
async def test_a_large_course_is_read_in_smaller_pages(
    limits: Any, calls: list[tuple[str, str]]
) -> None:
    server, reference = large_course(), await read_course(large_course())
    work = await read_course(server, limits)
    assert work[:2] == reference[:2]
    assert (len(work.assignments), len(work.groups or ())) == (120, 3)
    assert server.calls() == calls


async def test_small_pages_request_groups_without_and_assignments_with_all_fields() -> None:
    server = large_course()
    await read_course(server, PAGE_OF_60)
    first, groups, assignments = server.requests[:3]
    assert list(groups.query) == ["per_page"]
    assert assignments.query.getall("include[]") == first.query.getall("include[]")[1:]
    excluded = "exclude_response_fields[]"
    assert assignments.query.getall(excluded) == first.query.getall(excluded)


async def test_pages_of_one_assignment_are_the_last_resort() -> None:
    server = large_course(25)
    assert len((await read_course(server, ONE_ROW)).assignments) == 25
    assert server.calls()[-25:] == [("assignments", "1")] * 25


async def test_one_assignment_over_the_limit_fails_its_course() -> None:
    server = large_course(25, name="x" * 3 * ROW_BYTES)
    with pytest.raises(CanvasResponseUnusable, match="more than") as raised:
        await read_course(server, ONE_ROW)
    assert raised.value.code == "canvas-answer-unusable"
    assert [size for path, size in server.calls() if path == "assignments"] == ["50", "10", "1"]


async def test_a_canvas_that_always_nests_assignments_is_read_group_by_group() -> None:
    server = large_course(70)
    server.nests_always = True
    work = await read_course(server, PAGE_OF_60)
    assert (len(work.assignments), len(work.groups or ())) == (70, 3)
    assert {path for path, _ in server.calls()} == {"assignment_groups"}


async def test_one_group_over_the_limit_does_not_fail_its_course() -> None:
    server = large_course(120)
    server.nests_always = True
    work = await read_course(server, PAGE_OF_60)
    assert (len(work.assignments), work.groups) == (120, None)
    assert {item["group"]["id"] for item in work.assignments} == {"11", "12"}


async def test_more_assignments_than_the_limit_fail_instead_of_truncating() -> None:
    limits = replace(FAST_LIMITS, assignments=24)
    for groups in (large_course(25).groups, [*large_course(20).groups] * 2):
        with pytest.raises(CanvasResponseUnusable, match="more than 24 assignments"):
            await read_course(CourseServer(groups), limits)


async def test_any_list_is_read_in_smaller_pages() -> None:
    rows = [course_row(str(n)) for n in range(120)]
    server = ListServer(rows, [])
    limits = replace(FAST_LIMITS, response_bytes=30 * len(orjson.dumps(course_row())))
    async with api_of(server, limits) as api:
        assert await read_list(api, limits=limits) == rows
    assert server.page_sizes == [100, 50, *[10] * 12]


async def test_rows_before_a_page_that_is_too_large_are_yielded_again() -> None:
    rows = [{"id": str(n)} for n in range(110)] + [{"id": "110", "name": "x" * 9_000}]
    limits = replace(FAST_LIMITS, response_bytes=9_100)
    server = ListServer(rows, [])
    async with api_of(server, limits) as api:
        ids = [row["id"] for row in await read_list(api, limits=limits)]
    first_pages, all_pages = [str(n) for n in range(100)], [str(n) for n in range(111)]
    assert ids == [*first_pages, *first_pages, *all_pages]
    assert server.page_sizes == [100, 100, 50, 50, 50, *[10] * 12]


async def test_the_first_page_of_any_size_has_the_validator() -> None:
    rows = [{"id": str(n), "name": "x" * 100} for n in range(60)]
    limits = replace(FAST_LIMITS, response_bytes=3_000)
    server = ListServer(rows, [])
    async with api_of(server, limits) as api:
        pages = [page async for page in fetch_list(api, limits, "planner/items")]
        assert [page.validator for page in pages] == ['"1"'] * 6
        unchanged = fetch_list(api, limits, "planner/items", validator='"1"')
        assert [page async for page in unchanged] != []


async def test_an_unchanged_list_has_no_page() -> None:
    async def respond(request: web.Request) -> web.Response:
        if request.headers.get("If-None-Match") == '"1"':
            return web.Response(status=304)
        return json_response([], headers={"ETag": '"1"'})

    async with api_of(respond) as api:
        first = [page async for page in fetch_list(api, FAST_LIMITS, "planner/items")]
        assert first == [([], '"1"')]
        again = fetch_list(api, FAST_LIMITS, "planner/items", validator='"1"')
        assert [page async for page in again] == []


async def test_the_limit_counts_decompressed_bytes() -> None:
    body = gzip.compress(orjson.dumps([{"name": "x" * 5_000}]))
    assert len(body) < 1_000

    async def respond(_: web.Request) -> web.Response:
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        return web.Response(body=body, headers=headers)

    limits = replace(FAST_LIMITS, response_bytes=5_000)
    async with api_of(respond, limits) as api:
        with pytest.raises(ResponseTooLarge):
            await read_list(api, limits=limits)


async def test_a_list_without_page_sizes_to_fall_back_to_fails() -> None:
    server = FakeCanvasServer([course_row(str(n)) for n in range(20)])
    limits = replace(FAST_LIMITS, response_bytes=1_000)
    async with api_of(server, limits) as api:
        with pytest.raises(ResponseTooLarge):
            await read_list(api, limits=limits, page_sizes=(100,))
    assert len(server.requests) == 1
