"""Tests of the lists of courses and enrollments by state: active, invited, ended and gone."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from infrastructure.canvas_sandbox.control import Control
from tests.infrastructure.canvas_sandbox.sandbox_client import (
    ALL_INCLUDES,
    SandboxClient,
    open_sandbox_client,
)

QUERIES = {
    "plain": "",
    "active": "enrollment_state=active",
    "completed": "enrollment_state=completed",
    "invited": "enrollment_state=invited_or_pending",
    "states": "state[]=available&state[]=completed",
    "ended": "state[]=available&state[]=completed&enrollment_state=completed",
    "pending": "state[]=available&enrollment_state=invited_or_pending",
    "unpublished": "state[]=unpublished",
    "deleted": "state[]=deleted",
}
"""Queries of `GET /courses`, named by what they are for."""
NOTHING: dict[str, str] = {}


@pytest.fixture
async def school() -> AsyncIterator[SandboxClient]:
    async with open_sandbox_client(courses=2, restricted=False) as client:
        yield client


async def shown_in(client: SandboxClient, course: int = 1001) -> dict[str, str]:
    """In which lists a course is, with its enrollment state, or `stub` if it shows only an id."""
    shown = {}
    for name, query in QUERIES.items():
        rows = (await client(f"/courses?{query}&per_page=100&{ALL_INCLUDES}")).json
        for row in rows:
            if row["id"] == course:
                enrollments = row.get("enrollments", [])
                shown[name] = enrollments[0]["enrollment_state"] if enrollments else "stub"
    return shown


ACTIVE = {"plain": "active", "active": "active", "states": "active"}
SOFT_ENDED = {"plain": "active", "completed": "active", "states": "active", "ended": "active"}
STUB = {"plain": "stub", "states": "stub"}
CASES: list[tuple[str, Callable[[Control], Any], dict[str, str], int]] = [
    ("a course that goes on", lambda _: None, ACTIVE, 200),
    ("ended by its date", lambda c: c.end_course(1001), SOFT_ENDED, 200),
    ("ended, closed", lambda c: c.end_course(1001, restricted=True), STUB, 403),
    (
        "concluded by hand",
        lambda c: c.end_course(1001, hard=True),
        {"states": "completed", "ended": "completed"},
        200,
    ),
    ("deleted", lambda c: c.delete_course(1001), {"deleted": "deleted"}, 404),
    ("left", lambda c: c.withdraw_course(1001), NOTHING, 403),
    ("inactive", lambda c: c.set_enrollment_state(1001, "inactive"), NOTHING, 403),
    ("concluded alone", lambda c: c.set_enrollment_state(1001, "completed"), NOTHING, 200),
    ("unpublished", lambda c: c.unpublish_course(1001), {"unpublished": "active"}, 403),
    (
        "invited",
        lambda c: c.set_enrollment_state(1001, "invited"),
        {"plain": "invited", "invited": "invited", "states": "invited", "pending": "invited"},
        200,
    ),
    (
        "not started",
        lambda c: c.set_course_dates(1001, starts_at="2026-12-01T00:00:00Z"),
        {"plain": "active", "invited": "active", "states": "active", "pending": "active"},
        200,
    ),
    ("term over", lambda c: c.end_term(22), SOFT_ENDED, 200),
    ("term over, section open", lambda c: c.conclude_course(1001), ACTIVE, 200),
    ("closed a moment ago", lambda c: c.restrict_course(1001), STUB | {"active": "stub"}, 403),
]


@pytest.mark.parametrize(
    ("change", "lists", "status"), [pytest.param(*case[1:], id=case[0]) for case in CASES]
)
async def test_each_state_is_in_the_lists_in_which_canvas_has_it(
    school: SandboxClient,
    change: Callable[[Control], Any],
    lists: dict[str, str],
    status: int,
) -> None:
    change(school.sandbox.control)

    assert await shown_in(school) == lists
    assert (await school("/courses/1001")).status == status
    assert (await school("/courses/1001/assignment_groups")).status == status


async def test_a_course_that_has_not_started_can_be_closed(school: SandboxClient) -> None:
    control = school.sandbox.control
    control.set_course_dates(1001, starts_at="2026-12-01T00:00:00Z")
    control.restrict_views(1001, future=True)

    assert await shown_in(school) == STUB
    assert (await school("/courses/1001")).status == 403


async def test_a_course_ends_when_the_clock_passes_its_date(school: SandboxClient) -> None:
    control = school.sandbox.control
    control.set_course_dates(1001, ends_at="2026-10-15T15:10:00Z")
    before = await school.course(1001)
    control.advance_clock(601)

    assert before["concluded"] is False
    assert before["end_at"] == "2026-10-15T15:10:00Z"
    assert before["restrict_enrollments_to_course_dates"] is True
    assert await shown_in(school) == SOFT_ENDED
    assert (await school.course(1001))["concluded"] is True


async def test_dates_of_an_enrollment_replace_those_of_the_course(school: SandboxClient) -> None:
    control = school.sandbox.control
    control.set_enrollment_dates(
        1001, starts_at="2026-10-01T00:00:00Z", ends_at="2026-10-15T15:10:00Z"
    )
    assert await shown_in(school) == ACTIVE
    control.advance_clock(601)

    assert await shown_in(school) == SOFT_ENDED
    assert (await school.course(1001))["concluded"] is False
    assert await shown_in(school, 1002) == ACTIVE


async def test_a_concluded_course_has_totals_in_lists_but_not_by_itself(
    school: SandboxClient,
) -> None:
    school.sandbox.control.end_course(1001, hard=True)

    (listed,) = (await school(f"/courses?{QUERIES['ended']}&{ALL_INCLUDES}")).json
    alone = (await school(f"/courses/1001?{ALL_INCLUDES}")).json

    assert listed["workflow_state"] == alone["workflow_state"] == "completed"
    assert listed["concluded"] is True
    assert listed["enrollments"][0]["computed_current_score"] is not None
    assert alone["enrollments"] == []


async def test_grades_that_change_after_the_end_are_shown(school: SandboxClient) -> None:
    control = school.sandbox.control
    control.end_course(1001)
    before = (await school.course(1001))["enrollments"][0]["computed_final_score"]
    control.set_grade(10_002, 10.0)

    assert (await school.course(1001))["enrollments"][0]["computed_final_score"] > before
    assert (await school.assignments(1001))[10_002]["submission"]["score"] == 10.0


async def test_an_ended_course_is_in_no_feed_of_current_work(school: SandboxClient) -> None:
    window = "start_date=2026-01-01&end_date=2027-12-31&per_page=100"
    feeds = (f"/planner/items?{window}", "/users/self/missing_submissions?per_page=100")
    before = [(await school(feed)).json for feed in feeds]
    school.sandbox.control.end_course(1001)
    after = [(await school(feed)).json for feed in feeds]

    assert all({item["course_id"] for item in found} == {1001, 1002} for found in before)
    assert all({item["course_id"] for item in found} == {1002} for found in after)


@pytest.mark.parametrize(
    ("hard", "courses"), [pytest.param(False, {1001, 1002}), pytest.param(True, {1002})]
)
async def test_current_graded_submissions_leave_out_concluded_courses_only(
    school: SandboxClient,
    hard: bool,  # noqa: FBT001  a test parameter
    courses: set[int],
) -> None:
    path = "/users/self/graded_submissions?include[]=assignment&per_page=100"
    school.sandbox.control.end_course(1001, hard=hard)
    everything = (await school(path)).json
    current = (await school(f"{path}&only_current_enrollments=true")).json

    assert {row["assignment"]["course_id"] for row in everything} == {1001, 1002}
    assert {row["assignment"]["course_id"] for row in current} == courses


async def test_current_graded_submissions_are_listed_once_for_each_section(
    school: SandboxClient,
) -> None:
    path = "/users/self/graded_submissions?per_page=100"
    everything = (await school(path)).json
    current = (await school(f"{path}&only_current_enrollments=true")).json

    ids = [row["id"] for row in current]
    twice = {id_ for id_ in ids if ids.count(id_) == 2}
    assert len(everything) == len({row["id"] for row in everything}) == len(set(ids))
    assert len(twice) == 10
    assert {id_ // 10_000_000 for id_ in twice} == {2}


async def test_a_reopened_course_is_active_again(school: SandboxClient) -> None:
    control = school.sandbox.control
    for end in (control.end_course, control.delete_course, control.unpublish_course):
        end(1001)
        control.reopen_course(1001)
        assert await shown_in(school) == ACTIVE
    control.end_course(1001, hard=True, restricted=True)
    control.reopen_course(1001)

    assert await shown_in(school) == ACTIVE
    assert (await school.course(1001))["concluded"] is False


async def test_an_invited_student_may_accept(school: SandboxClient) -> None:
    control = school.sandbox.control
    control.withdraw_course(1001, student=0)
    control.invite(1001)
    states = [row["effective_state"] for row in control.enrollments() if row["course_id"] == "1001"]
    assert states == ["deleted", "invited"]
    assert (await shown_in(school))["invited"] == "invited"
    control.set_enrollment_state(1001, "active", section=1)

    assert (await shown_in(school))["active"] == "active"


async def test_past_terms_are_of_three_kinds() -> None:
    async with open_sandbox_client(courses=1, past_courses=3, restricted=False) as client:
        hard, soft, closed = [await shown_in(client, course) for course in (1101, 1102, 1103)]
        active = (await client("/courses?enrollment_state=active")).json
        ended = (await client(f"/courses?{QUERIES['ended']}&{ALL_INCLUDES}")).json
        assignments = await client.assignments(1101)

    assert hard == {"states": "completed", "ended": "completed"}
    assert soft == SOFT_ENDED
    assert closed == STUB
    assert [course["id"] for course in active] == [1001]
    assert {course["term"]["name"] for course in ended} == {"Spring 2026"}
    assert any(item["submission"]["score"] for item in assignments.values())


async def test_states_of_enrollments_can_be_combined(school: SandboxClient) -> None:
    control = school.sandbox.control
    control.set_enrollment_state(1001, "completed")
    control.set_course_dates(1002, starts_at="2026-12-01T00:00:00Z")
    control.restrict_views(1002, future=True)

    async def courses(state: str) -> set[int]:
        rows = (await school(f"/users/self/enrollments?state[]={state}")).json
        return {row["course_id"] for row in rows}

    assert await courses("active") == {1002}
    assert await courses("current_and_concluded") == {1001, 1002}
    assert await courses("current_and_future") == set()
    assert await courses("current_future_and_restricted") == {1002}
    assert await courses("completed") == {1001}


def test_an_unknown_term_is_an_error(school: SandboxClient) -> None:
    with pytest.raises(LookupError, match="term 99"):
        school.sandbox.control.end_term(99)
