"""Tests of the two change feeds and of the planner's validator."""

from contextlib import aclosing
from datetime import date
from typing import Any

import pytest
from aiohttp import web

from application.ports import PlannerPage
from domain.change_feed import (
    FeedEntry,
    PlannerWindow,
    expected_planner_state_hash,
    graded_state_hash,
)
from domain.errors import CanvasResponseUnusable
from infrastructure.canvas.account import CanvasAccountReader
from infrastructure.canvas.parse_assignment import find_group, parse_assignment
from infrastructure.canvas.parse_feed_entry import parse_graded_submission, parse_planner_item
from tests.infrastructure.canvas.fake_servers import (
    TOKEN,
    json_response,
    open_client,
    page_response,
    serve_handler,
)
from tests.infrastructure.canvas.rows import assignment_row, planner_row, submission_row

WINDOW = PlannerWindow(date(2026, 5, 1), date(2027, 4, 1))
ETAG = 'W/"0a1b2c"'


def graded_submission_row(**fields: Any) -> dict[str, Any]:
    return submission_row(assignment=assignment_row(), **fields)


async def read_planner(
    account: CanvasAccountReader, validator: str | None = None
) -> list[PlannerPage]:
    async with aclosing(account.planner_items(WINDOW, validator)) as pages:
        return [page async for page in pages]


def test_both_feeds_yield_the_same_state_hash_as_a_full_run() -> None:
    assignment = parse_assignment(assignment_row(), find_group({}, {}), "42")
    assert assignment
    graded, planned = (
        parse_graded_submission(graded_submission_row()),
        parse_planner_item(planner_row()),
    )
    assert graded == FeedEntry(
        "graded",
        "101",
        "5001",
        graded_state_hash(assignment["submission"]) or 0,
        "2026-09-12T18:00:00Z",
    )
    due = "2026-09-11T05:59:59Z"
    assert planned == FeedEntry(
        "planned", "101", "5001", expected_planner_state_hash(assignment) or 0, due
    )


def test_a_quiz_is_identified_by_its_assignment_id() -> None:
    row = planner_row(plannable_type="quiz", plannable_id="9")
    assert parse_planner_item(row) is None
    row["plannable"]["assignment_id"] = "5001"
    found = parse_planner_item(row)
    assert found
    assert found.assignment_id == "5001"


@pytest.mark.parametrize(
    "fields",
    [
        {"plannable_type": "announcement"},
        {"plannable_type": "calendar_event"},
        {"plannable_type": ["assignment"]},
        {"course_id": None},
        {"plannable_id": None},
    ],
)
def test_planner_items_that_are_not_assignments_are_skipped(fields: dict[str, Any]) -> None:
    assert parse_planner_item(planner_row(**fields)) is None


def test_an_item_without_submission_equals_an_unsubmitted_one() -> None:
    not_submitted = {"submitted": False, "excused": False, "late": False, "missing": False}
    without_submission = parse_planner_item(planner_row(submissions=False))
    assert without_submission == parse_planner_item(planner_row(submissions=not_submitted))


async def test_an_unchanged_planner_yields_no_page() -> None:
    requests: list[web.Request] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        requests.append(request)
        if request.headers.get("If-None-Match") == ETAG:
            return web.Response(status=304, headers={"ETag": ETAG})
        return json_response([planner_row()], headers={"ETag": ETAG})

    async with (
        serve_handler(respond) as origin,
        open_client(origin) as canvas,
        canvas.open_account(origin, TOKEN) as account,
    ):
        (page,) = await read_planner(account)
        assert (len(page.entries), page.validator) == (1, ETAG)
        assert await read_planner(account, page.validator) == []
        assert account.requests == {"total": 2, "not_modified": 1, "retried": 0}
    assert dict(requests[0].query) == {
        "start_date": "2026-05-01",
        "end_date": "2027-04-01",
        "order": "desc",
        "per_page": "100",
    }


async def test_an_unrequested_304_is_an_error() -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        assert "If-None-Match" not in request.headers
        return web.Response(status=304)

    async with (
        serve_handler(respond) as origin,
        open_client(origin) as canvas,
        canvas.open_account(origin, TOKEN) as account,
    ):
        with pytest.raises(CanvasResponseUnusable, match="304"):
            await read_planner(account)
        assert account.requests["not_modified"] == 0


@pytest.mark.parametrize(
    "etag", ["", "abc", 'W/"' + "a" * 300 + '"', '"a b"', '"a"b"', '"\xe9"', 'W/"a", "b"', "*"]
)
async def test_a_malformed_validator_is_not_stored(etag: str) -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.path.endswith("/planner/items")
        return json_response([], headers={"ETag": etag})

    async with (
        serve_handler(respond) as origin,
        open_client(origin) as canvas,
        canvas.open_account(origin, TOKEN) as account,
    ):
        (page,) = await read_planner(account)
    assert page.validator is None


async def test_only_the_first_planner_page_carries_the_validator() -> None:
    rows = [planner_row(plannable_id=str(n)) for n in range(5)]

    async def respond(request: web.Request) -> web.StreamResponse:
        page = page_response(request, rows, 2)
        page.headers["ETag"] = f'"{request.query.get("page", "1")}"'
        return page

    async with (
        serve_handler(respond) as origin,
        open_client(origin) as canvas,
        canvas.open_account(origin, TOKEN) as account,
    ):
        pages = await read_planner(account)
    assert [len(page.entries) for page in pages] == [2, 2, 1]
    assert [page.validator for page in pages] == ['"1"', None, None]


async def test_graded_submissions_without_course_ids_are_an_error() -> None:
    async def respond(request: web.Request) -> web.StreamResponse:
        assert request.query["only_current_enrollments"] == "true"
        return json_response([submission_row()])

    async with (
        serve_handler(respond) as origin,
        open_client(origin) as canvas,
        canvas.open_account(origin, TOKEN) as account,
        aclosing(account.graded_submissions()) as pages,
    ):
        with pytest.raises(CanvasResponseUnusable, match="without their course ids"):
            await anext(pages)
