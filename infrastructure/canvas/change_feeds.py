"""Reads the change feeds: the graded submissions and the planner of all courses of a student."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from yarl import URL

from application.ports import PlannerPage
from domain.change_feed import FeedEntry, PlannerWindow
from domain.errors import CanvasResponseUnusable
from infrastructure.canvas.api_client import CanvasApi
from infrastructure.canvas.pagination import fetch_pages
from infrastructure.canvas.parse_feed_entry import parse_graded_submission, parse_planner_item

GRADED_SUBMISSIONS_QUERY = [
    ("only_current_enrollments", "true"),
    ("only_published_assignments", "true"),
    ("include[]", "assignment"),
    ("exclude_response_fields[]", "description"),
    ("exclude_response_fields[]", "rubric"),
    ("per_page", "50"),
]


async def fetch_graded_submissions(
    api: CanvasApi, max_pages: int
) -> AsyncGenerator[list[FeedEntry], None]:
    """Fetch `GET /users/self/graded_submissions` in pages, newest first.

    Raises: CanvasFailure if a request fails, or if no row of a page has a course id (Canvas
    leaves out the assignment if it drops `include[]`).
    """
    url = _build_url(api, "users/self/graded_submissions", GRADED_SUBMISSIONS_QUERY)
    async with aclosing(fetch_pages(api, url, max_pages)) as pages:
        async for rows in pages:
            page = [entry for row in rows if (entry := parse_graded_submission(row))]
            if rows and not page:
                raise CanvasResponseUnusable(
                    "Canvas lists graded submissions without their course ids."
                )
            yield page


async def fetch_planner_items(
    api: CanvasApi, max_pages: int, window: PlannerWindow, validator: str | None
) -> AsyncGenerator[PlannerPage, None]:
    """Fetch `GET /planner/items` in pages, latest due date first.

    Only the first page has the validator. If Canvas responds with 304 to `validator`, there is
    no page.

    Raises: CanvasFailure if a request fails.
    """
    url = _build_url(api, "planner/items", _planner_query(window))
    first = await api.get(url, validator)
    if first.unchanged:
        return
    first_page_validator = first.validator
    async with aclosing(fetch_pages(api, url, max_pages, first)) as pages:
        async for rows in pages:
            entries = [entry for row in rows if (entry := parse_planner_item(row))]
            yield PlannerPage(entries, validator=first_page_validator)
            first_page_validator = None


def _planner_query(window: PlannerWindow) -> list[tuple[str, str]]:
    return [
        ("start_date", window.start.isoformat()),
        ("end_date", window.end.isoformat()),
        ("order", "desc"),
        ("per_page", "100"),
    ]


def _build_url(api: CanvasApi, path: str, query: list[tuple[str, str]]) -> URL:
    return (api.origin / "api/v1" / path).with_query(query)
