"""The lists over all courses that show what changed: graded submissions and the planner."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from yarl import URL

from application.ports import PlannerPage
from domain.change_feed import Glimpse, Window
from domain.errors import CanvasAnswerUnusable
from infrastructure.canvas.api_client import Asking
from infrastructure.canvas.pagination import pages
from infrastructure.canvas.parse_feed_entry import parse_graded, parse_planned

GRADED = [
    ("only_current_enrollments", "true"),
    ("only_published_assignments", "true"),
    ("include[]", "assignment"),
    ("exclude_response_fields[]", "description"),
    ("exclude_response_fields[]", "rubric"),
    ("per_page", "50"),
]


async def graded(asking: Asking, most: int) -> AsyncGenerator[list[Glimpse], None]:
    """`GET /users/self/graded_submissions` in pages, newest first; raises CanvasFailure."""
    url = _url(asking, "users/self/graded_submissions", GRADED)
    async with aclosing(pages(asking, url, most)) as found:
        async for rows in found:
            page = [glimpse for row in rows if (glimpse := parse_graded(row))]
            if rows and not page:
                raise CanvasAnswerUnusable("Canvas lists grades without saying of which courses.")
            yield page


async def planned(
    asking: Asking, most: int, window: Window, validator: str | None
) -> AsyncGenerator[PlannerPage, None]:
    """`GET /planner/items` in pages, latest first, none where nothing changed; CanvasFailure."""
    url = _url(asking, "planner/items", _days(window))
    first = await asking.get(url, validator)
    if first.unchanged:
        return
    kept = first.validator
    async with aclosing(pages(asking, url, most, first)) as found:
        async for rows in found:
            glimpses = [glimpse for row in rows if (glimpse := parse_planned(row))]
            yield PlannerPage(glimpses, validator=kept)
            kept = None


def _days(window: Window) -> list[tuple[str, str]]:
    return [
        ("start_date", window.start.isoformat()),
        ("end_date", window.end.isoformat()),
        ("order", "desc"),
        ("per_page", "100"),
    ]


def _url(asking: Asking, path: str, query: list[tuple[str, str]]) -> URL:
    return (asking.origin / "api/v1" / path).with_query(query)
