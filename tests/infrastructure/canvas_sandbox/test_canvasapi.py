"""Tests that the canvasapi package, which was written for the real Canvas, works unchanged."""

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

from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient, open_sandbox_client


async def run_canvasapi(
    client: SandboxClient, call: Callable[[Canvas], Any], token: str | None = None
) -> Any:
    """Run calls of the blocking canvasapi client in a thread."""

    def call_in_thread() -> Any:
        with pytest.warns(UserWarning, match="HTTP"):
            canvas = Canvas(client.sandbox.url, token or client.sandbox.tokens[0]["token"])
        return call(canvas)

    return await asyncio.to_thread(call_in_thread)


async def test_the_user_and_profile_can_be_read(client: SandboxClient) -> None:
    user, profile = await run_canvasapi(
        client, lambda canvas: (user := canvas.get_current_user(), user.get_profile())
    )

    assert str(user.id) == client.sandbox.tokens[0]["user_id"]
    assert profile["login_id"] == "student5001"


async def test_courses_can_be_read_with_includes(client: SandboxClient) -> None:
    courses = await run_canvasapi(
        client,
        lambda canvas: list(
            canvas.get_courses(enrollment_state="active", include=["term", "total_scores"])
        ),
    )

    named = [course for course in courses if hasattr(course, "name")]
    assert (len(courses), len(named)) == (6, 5)
    assert all(course.term["name"] for course in named)


async def test_both_kinds_of_pagination_work() -> None:
    def read(canvas: Canvas) -> tuple[int, int]:
        course = canvas.get_course(1001)
        numbered, bookmarked = course.get_assignments(), course.get_multiple_submissions()
        return len({row.id for row in numbered}), len({row.id for row in bookmarked})

    async with open_sandbox_client(assignments=110, courses=1) as client:
        assert await run_canvasapi(client, read) == (110, 106)
        assert client.sandbox.control.counters()["requests"] == 1 + 2 + 2


async def test_all_lists_of_a_course_can_be_read(client: SandboxClient) -> None:
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

    results = await run_canvasapi(client, read)

    assert len(results["assignments"]) == 20
    assert sum(len(group.assignments) for group in results["groups"]) == 20
    assert results["single"].name == results["assignments"][0].name
    assert len({row.id for row in results["submissions"]}) == len(results["submissions"]) == 19
    assert len(results["graded"]) == 19
    assert len(results["grouped"][0].submissions) == 19
    assert results["submission"].assignment_id == results["single"].id
    assert (
        results["enrollments"][0].grades["current_score"]
        == (results["course"].enrollments[0]["computed_current_score"])
    )
    assert results["assignments"][0].due_at_date.tzinfo is not None


async def test_lists_across_courses_can_be_read(client: SandboxClient) -> None:
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

    results = await run_canvasapi(client, read)

    assert results.pop("upcoming") >= 0
    assert all(results.values())
    assert (results["graded"], results["planner"], results["courses"]) == (60, 95, 6)


async def test_error_responses_are_recognised(client: SandboxClient) -> None:
    with pytest.raises(Forbidden):
        await run_canvasapi(client, lambda canvas: canvas.get_course(1006))
    with pytest.raises(ResourceDoesNotExist):
        await run_canvasapi(client, lambda canvas: canvas.get_course(5))
    with pytest.raises(InvalidAccessToken):
        await run_canvasapi(client, lambda canvas: canvas.get_current_user(), token="7752~nobody")


async def test_throttling_is_recognised() -> None:
    async with open_sandbox_client(throttle_status=429) as client:
        client.sandbox.control.inject("throttle_429")
        with pytest.raises(RateLimitExceeded):
            await run_canvasapi(client, lambda canvas: canvas.get_current_user())
