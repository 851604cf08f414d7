"""The canvasapi package, written against the real Canvas, works unchanged."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from canvasapi import Canvas
from canvasapi.exceptions import (
    Forbidden,
    InvalidAccessToken,
    RateLimitExceeded,
    ResourceDoesNotExist,
)
from canvasapi.paginated_list import PaginatedList
from canvasapi.planner import PlannerOverride
from canvasapi.submission import Submission

from tests.infrastructure.canvas_sandbox.sandbox_client import Asker, asking


async def outside(ask: Asker, work: Callable[[Canvas], Any], token: str | None = None) -> Any:
    """Let a blocking client work in a thread of its own."""

    def run() -> Any:
        with pytest.warns(UserWarning, match="HTTP"):
            canvas = Canvas(ask.sandbox.url, token or ask.sandbox.tokens[0]["token"])
        return work(canvas)

    return await asyncio.to_thread(run)


async def test_the_user(ask: Asker) -> None:
    user, profile = await outside(
        ask, lambda canvas: (user := canvas.get_current_user(), user.get_profile())
    )

    assert str(user.id) == ask.sandbox.tokens[0]["user_id"]
    assert profile["login_id"] == "student5001"


async def test_courses_with_includes(ask: Asker) -> None:
    courses = await outside(
        ask,
        lambda canvas: list(
            canvas.get_courses(enrollment_state="active", include=["term", "total_scores"])
        ),
    )

    named = [course for course in courses if hasattr(course, "name")]
    assert (len(courses), len(named)) == (6, 5)
    assert all(course.term["name"] for course in named)


async def test_pages_both_ways() -> None:
    def read(canvas: Canvas) -> tuple[int, int]:
        course = canvas.get_course(1001)
        numbered, bookmarked = course.get_assignments(), course.get_multiple_submissions()
        return len({row.id for row in numbered}), len({row.id for row in bookmarked})

    async with asking(assignments=110, courses=1) as ask:
        assert await outside(ask, read) == (110, 106)
        assert ask.sandbox.control.counters()["requests"] == 1 + 2 + 2


async def test_a_course_with_everything_in_it(ask: Asker) -> None:
    def read(canvas: Canvas) -> dict[str, Any]:
        course = canvas.get_course(1001, include=["total_scores"])
        assignments = list(course.get_assignments(include=["submission"]))
        return {
            "course": course,
            "groups": list(course.get_assignment_groups(include=["assignments", "submission"])),
            "assignments": assignments,
            "single": course.get_assignment(assignments[0].id),
            "submission": assignments[0].get_submission("self"),
            "submissions": list(course.get_multiple_submissions()),
            "grouped": list(course.get_multiple_submissions(grouped=True)),
            "enrollments": list(course.get_enrollments()),
            "graded": list(course.get_multiple_submissions(order="graded_at")),
        }

    found = await outside(ask, read)

    assert len(found["assignments"]) == 20
    assert sum(len(group.assignments) for group in found["groups"]) == 20
    assert found["single"].name == found["assignments"][0].name
    assert len({row.id for row in found["submissions"]}) == len(found["submissions"]) == 19
    assert len(found["graded"]) == 19
    assert len(found["grouped"][0].submissions) == 19
    assert found["submission"].assignment_id == found["single"].id
    assert (
        found["enrollments"][0].grades["current_score"]
        == (found["course"].enrollments[0]["computed_current_score"])
    )
    assert found["assignments"][0].due_at_date.tzinfo is not None


async def test_lists_over_all_courses(ask: Asker) -> None:
    def read(canvas: Canvas) -> dict[str, int]:
        user = canvas.get_current_user()
        requester = user._requester
        graded = PaginatedList(
            Submission, requester, "GET", "users/self/graded_submissions", per_page=20
        )
        planner = PaginatedList(
            PlannerOverride,
            requester,
            "GET",
            "planner/items",
            start_date="2026-01-01",
            end_date="2027-12-31",
            per_page=30,
        )
        return {
            "graded": len({row.id for row in graded}),
            "planner": len(list(planner)),
            "enrollments": len(list(user.get_enrollments(type=["StudentEnrollment"]))),
            "missing": len(list(user.get_missing_submissions())),
            "favorites": len(list(user.get_favorite_courses())),
            "courses": len(list(user.get_courses())),
            "colors": len(user.get_colors()["custom_colors"]),
            "nicknames": len(list(canvas.get_course_nicknames())),
            "upcoming": len(canvas.get_upcoming_events()),
        }

    found = await outside(ask, read)

    assert found.pop("upcoming") >= 0
    assert all(found.values())
    assert (found["graded"], found["planner"], found["courses"]) == (66, 95, 6)


async def test_refusals_are_recognised(ask: Asker) -> None:
    with pytest.raises(Forbidden):
        await outside(ask, lambda canvas: canvas.get_course(1006))
    with pytest.raises(ResourceDoesNotExist):
        await outside(ask, lambda canvas: canvas.get_course(5))
    with pytest.raises(InvalidAccessToken):
        await outside(ask, lambda canvas: canvas.get_current_user(), token="7752~nobody")


async def test_throttling_is_recognised() -> None:
    async with asking(throttle_status=429) as ask:
        ask.sandbox.control.inject("throttle_429")
        with pytest.raises(RateLimitExceeded):
            await outside(ask, lambda canvas: canvas.get_current_user())
