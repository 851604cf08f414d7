"""The two lists over all courses, and answers that need not be sent again."""

from contextlib import aclosing
from datetime import date
from typing import Any

import pytest
from aiohttp import web

from application.ports import PlannerPage
from domain.change_feed import Glimpse, Window, expected_mark, graded_mark
from domain.errors import CanvasAnswerUnusable
from infrastructure.canvas.account import CanvasAccount
from infrastructure.canvas.parse_assignment import group_of, parse_assignment
from infrastructure.canvas.parse_feed_entry import parse_graded, parse_planned
from tests.infrastructure.canvas.fake_servers import TOKEN, client_of, json_answer, paged, serving
from tests.infrastructure.canvas.rows import assignment_row, planner_row, submission_row

WINDOW = Window(date(2026, 5, 1), date(2027, 4, 1))
ETAG = 'W/"0a1b2c"'


def graded_row(**other: Any) -> dict[str, Any]:
    return submission_row(assignment=assignment_row(), **other)


async def planner(account: CanvasAccount, validator: str | None = None) -> list[PlannerPage]:
    async with aclosing(account.planned(WINDOW, validator)) as pages:
        return [page async for page in pages]


def test_both_lists_mark_what_a_full_run_remembers() -> None:
    whole = parse_assignment(assignment_row(), group_of({}, {}), "42")
    assert whole
    graded, planned = parse_graded(graded_row()), parse_planned(planner_row())
    assert graded == Glimpse(
        "graded", "101", "5001", graded_mark(whole["submission"]) or 0, "2026-09-12T18:00:00Z"
    )
    due = "2026-09-11T05:59:59Z"
    assert planned == Glimpse("planned", "101", "5001", expected_mark(whole) or 0, due)


def test_a_quiz_is_known_by_its_assignment_and_not_by_its_own_id() -> None:
    quiz = planner_row(plannable_type="quiz", plannable_id="9")
    assert parse_planned(quiz) is None
    quiz["plannable"]["assignment_id"] = "5001"
    found = parse_planned(quiz)
    assert found
    assert found.assignment_id == "5001"


@pytest.mark.parametrize(
    "other",
    [
        {"plannable_type": "announcement"},
        {"plannable_type": "calendar_event"},
        {"plannable_type": ["assignment"]},
        {"course_id": None},
        {"plannable_id": None},
    ],
)
def test_what_is_no_assignment_of_a_course_is_passed_over(other: dict[str, Any]) -> None:
    assert parse_planned(planner_row(**other)) is None


def test_an_item_without_a_submission_is_like_one_not_handed_in() -> None:
    blank = {"submitted": False, "excused": False, "late": False, "missing": False}
    nothing = parse_planned(planner_row(submissions=False))
    assert nothing == parse_planned(planner_row(submissions=blank))


async def test_an_unchanged_planner_is_not_sent_again() -> None:
    asked: list[web.Request] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        asked.append(request)
        if request.headers.get("If-None-Match") == ETAG:
            return web.Response(status=304, headers={"ETag": ETAG})
        return json_answer([planner_row()], headers={"ETag": ETAG})

    async with (
        serving(answer) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        (page,) = await planner(account)
        assert (len(page.glimpses), page.validator) == (1, ETAG)
        assert await planner(account, page.validator) == []
        assert account.requests == {"total": 2, "not_modified": 1, "retried": 0}
    assert dict(asked[0].query) == {
        "start_date": "2026-05-01",
        "end_date": "2027-04-01",
        "order": "desc",
        "per_page": "100",
    }


async def test_a_304_nobody_asked_for_is_no_answer() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert "If-None-Match" not in request.headers
        return web.Response(status=304)

    async with (
        serving(answer) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        with pytest.raises(CanvasAnswerUnusable, match="304"):
            await planner(account)
        assert account.requests["not_modified"] == 0


@pytest.mark.parametrize(
    "etag", ["", "abc", 'W/"' + "a" * 300 + '"', '"a b"', '"a"b"', '"\xe9"', 'W/"a", "b"', "*"]
)
async def test_a_validator_that_is_odd_is_not_kept(etag: str) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.path.endswith("/planner/items")
        return json_answer([], headers={"ETag": etag})

    async with (
        serving(answer) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        (page,) = await planner(account)
    assert page.validator is None


async def test_the_planner_is_validated_by_its_first_page() -> None:
    rows = [planner_row(plannable_id=str(n)) for n in range(5)]

    async def answer(request: web.Request) -> web.StreamResponse:
        page = paged(request, rows, 2)
        page.headers["ETag"] = f'"{request.query.get("page", "1")}"'
        return page

    async with (
        serving(answer) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        pages = await planner(account)
    assert [len(page.glimpses) for page in pages] == [2, 2, 1]
    assert [page.validator for page in pages] == ['"1"', None, None]


async def test_grades_that_are_told_of_no_course_are_no_answer() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.query["only_current_enrollments"] == "true"
        return json_answer([submission_row()])

    async with (
        serving(answer) as origin,
        client_of(origin) as canvas,
        canvas.account(origin, TOKEN) as account,
        aclosing(account.graded()) as pages,
    ):
        with pytest.raises(CanvasAnswerUnusable, match="of which courses"):
            await anext(pages)
