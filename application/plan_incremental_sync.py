"""Finding out which courses changed with three requests, whatever the account's size."""

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import aclosing
from datetime import date
from itertools import chain
from typing import NamedTuple

from application.ports import Account
from domain.canvas import Course
from domain.change_feed import Glimpse, Window
from domain.errors import (
    CanvasFailure,
    CanvasForbidden,
    CanvasThrottled,
    CanvasTokenRejected,
)
from domain.stale_courses import Told
from domain.sync import Sync

GRADED_PAGES, PLANNER_PAGES = 6, 3
"""Pages read at most; what is further down waits for the next full run."""

Listing = asyncio.Task[list[Course]]


class Plan(NamedTuple):
    """The courses listed and those to be read: all of them where there is an obstacle."""

    courses: Sequence[Course]
    stale: Sequence[Course]
    planner_validator: str | None = None
    obstacle: CanvasFailure | None = None


class Feed(NamedTuple):
    """What a list over all courses told, or why it could not."""

    glimpses: Sequence[Glimpse] = ()
    window: Window | None = None
    validator: str | None = None
    obstacle: CanvasFailure | None = None


async def glance(account: Account, sync: Sync, today: date) -> Plan:
    """Ask for the courses, the graded submissions and the planner, all at once.

    Raises CanvasFailure where a full run would fail as well.
    """
    window = Window.around(today)
    try:
        async with asyncio.TaskGroup() as group:
            listing = group.create_task(account.courses())
            grading = group.create_task(_heard(_graded(account, sync, listing)))
            planning = group.create_task(_heard(_planned(account, sync, listing, window)))
    except ExceptionGroup as several:
        raise several.exceptions[0] from None
    return _plan(sync, listing.result(), grading.result(), planning.result(), account)


def _plan(sync: Sync, courses: list[Course], graded: Feed, planned: Feed, account: Account) -> Plan:
    obstacle = graded.obstacle or planned.obstacle
    if account.drops_includes:
        obstacle = CanvasForbidden("The token's developer key does not allow includes.")
    if obstacle or planned.window is None:
        return Plan(courses, courses, planned.validator, obstacle)
    told = Told([*graded.glimpses, *planned.glimpses], planned.window)
    stale = sync.stale(courses, told)
    return Plan(
        courses,
        [course for course in courses if course["canvas_id"] in stale],
        planned.validator,
    )


async def _heard(feed: Awaitable[Feed]) -> Feed:
    try:
        return await feed
    except (CanvasTokenRejected, CanvasThrottled):
        raise
    except CanvasFailure as failure:
        return Feed(obstacle=failure)


async def _graded(account: Account, sync: Sync, listing: Listing) -> Feed:
    """Newest first, as long as a page has news."""
    read: list[list[Glimpse]] = []
    async with aclosing(account.graded()) as pages:
        async for page in pages:
            read.append(_readable(page, await listing))
            if len(read) == GRADED_PAGES or not sync.shows_news(read[-1]):
                break
    return Feed([*chain(*read)])


async def _planned(account: Account, sync: Sync, listing: Listing, window: Window) -> Feed:
    """Latest first: nothing where nothing changed; what was never read, as long as it has news."""
    known = sync.planner_validator
    validator: str | None = None
    read: list[list[Glimpse]] = []
    async with aclosing(account.planned(window, known)) as pages:
        async for page in pages:
            validator = validator or page.validator
            read.append(_readable(page.glimpses, await listing))
            if len(read) == PLANNER_PAGES or not (known or sync.shows_news(read[-1])):
                break
        else:
            known = None
    glimpses = [*chain(*read)]
    if known and glimpses:
        window = window.cut_before(glimpses[-1].at)
    return Feed(glimpses, window, validator)


def _readable(page: Sequence[Glimpse], courses: Sequence[Course]) -> list[Glimpse]:
    ids = {course["canvas_id"] for course in courses if course["state"] != "restricted"}
    return [glimpse for glimpse in page if glimpse.course_id in ids]
