"""Reads the change feeds: the graded submissions and the planner of all courses of a student."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from application.ports import PlannerPage
from domain.change_feed import FeedEntry, PlannerWindow
from domain.errors import CanvasResponseUnusable
from infrastructure.canvas.api_client import CanvasApi
from infrastructure.canvas.graded_decoder import decode_graded_submissions, graded_entry
from infrastructure.canvas.limits import Limits
from infrastructure.canvas.pagination import PAGE_SIZES, fetch_list, in_steps
from infrastructure.canvas.parse_feed_entry import (
    is_planner_item,
    parse_graded_submission,
    parse_planner_item,
)
from infrastructure.canvas.typed_rows import GradedRow

GRADED_SUBMISSIONS_QUERY = [
    ("only_current_enrollments", "true"),
    ("only_published_assignments", "true"),
    ("include[]", "assignment"),
    ("exclude_response_fields[]", "description"),
    ("exclude_response_fields[]", "rubric"),
]
GRADED_PAGE_SIZES = (50, 10, 1)
"""Most runs read one page, so the largest is smaller than that of other lists."""


async def fetch_graded_submissions(
    api: CanvasApi, limits: Limits
) -> AsyncGenerator[list[FeedEntry], None]:
    """Fetch `GET /users/self/graded_submissions` in pages, newest first.

    Raises: CanvasFailure if a request fails, or if no row of a page has a course id (Canvas
    leaves out the assignment if it drops `include[]`).
    """
    path = "users/self/graded_submissions"
    pages = fetch_list(
        api,
        limits,
        path,
        GRADED_SUBMISSIONS_QUERY,
        page_sizes=GRADED_PAGE_SIZES,
        decode=decode_graded_submissions,
    )
    async with aclosing(pages):
        async for rows, _ in pages:
            page = [entry async for row in in_steps(rows) if (entry := _graded_entry(row))]
            if rows and not page:
                raise CanvasResponseUnusable(
                    "Canvas lists graded submissions without their course ids."
                )
            yield page


def _graded_entry(row: Any) -> FeedEntry | None:
    return graded_entry(row) if isinstance(row, GradedRow) else parse_graded_submission(row)


async def fetch_planner_items(
    api: CanvasApi, limits: Limits, window: PlannerWindow, validator: str | None
) -> AsyncGenerator[PlannerPage, None]:
    """Fetch `GET /planner/items` in pages, latest due date first.

    Only the first page has the validator. If Canvas responds with 304 to `validator`, there is
    no page.

    Raises: CanvasFailure if a request fails, or if no row of a page is a planner item.
    """
    pages = fetch_list(
        api,
        limits,
        "planner/items",
        _planner_query(window),
        page_sizes=PAGE_SIZES,
        validator=validator,
    )
    is_first = True
    async with aclosing(pages):
        async for rows, page_validator in pages:
            entries = [entry async for row in in_steps(rows) if (entry := parse_planner_item(row))]
            if rows and not (entries or any(map(is_planner_item, rows))):
                raise CanvasResponseUnusable("Canvas sent a planner without any planner item.")
            yield PlannerPage(entries, validator=page_validator if is_first else None)
            is_first = False


def _planner_query(window: PlannerWindow) -> list[tuple[str, str]]:
    return [
        ("start_date", window.start.isoformat()),
        ("end_date", window.end.isoformat()),
        ("order", "desc"),
    ]
