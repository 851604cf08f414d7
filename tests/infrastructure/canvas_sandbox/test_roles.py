"""Tests of courses in which the user has other roles than student, or several enrollments."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import (
    GROUPS_PATH,
    SandboxClient,
    open_sandbox_client,
)

TA_COURSE, OBSERVED_COURSE, DESIGNED_COURSE, TAUGHT_COURSE = 1201, 1202, 1203, 1204
WIDE_WINDOW = "start_date=2026-01-01&end_date=2027-12-31&per_page=100"


@pytest.fixture
async def school() -> AsyncIterator[SandboxClient]:
    async with open_sandbox_client(courses=2, taught_courses=4, restricted=False) as client:
        yield client


async def read_groups(client: SandboxClient, course: int) -> list[dict[str, Any]]:
    groups = (await client(f"/courses/{course}/{GROUPS_PATH}")).json
    return [item for group in groups for item in group["assignments"]]


async def test_every_role_is_listed_with_its_canvas_names(school: SandboxClient) -> None:
    rows = {course["id"]: course["enrollments"] for course in await school.courses()}

    shown = {
        id_: [(row["type"], row["role"], row["role_id"]) for row in found]
        for id_, found in rows.items()
    }
    assert shown == {
        1001: [("student", "StudentEnrollment", 3)],
        1002: [("student", "StudentEnrollment", 3)] * 2,
        TA_COURSE: [("ta", "TaEnrollment", 5)],
        OBSERVED_COURSE: [("observer", "ObserverEnrollment", 7)],
        DESIGNED_COURSE: [("designer", "DesignerEnrollment", 6)],
        TAUGHT_COURSE: [("teacher", "TeacherEnrollment", 4)],
    }


async def test_only_a_student_enrollment_has_totals(school: SandboxClient) -> None:
    with_totals = {
        course["id"]
        for course in await school.courses()
        for row in course["enrollments"]
        if "computed_current_score" in row
    }

    assert with_totals == {1001, 1002}


async def test_an_observer_row_names_the_observed_user(school: SandboxClient) -> None:
    (row,) = (await school.course(OBSERVED_COURSE))["enrollments"]
    (listed,) = (await school(f"/courses/{OBSERVED_COURSE}/enrollments")).json

    assert row["associated_user_id"] == listed["associated_user_id"] == 4_001
    assert row["user_id"] != 4_001
    assert "grades" not in listed


async def test_a_list_can_be_reduced_to_one_role(school: SandboxClient) -> None:
    found = {
        kind: [row["id"] for row in (await school(f"/courses?enrollment_type={kind}")).json]
        for kind in ("ta", "observer", "designer", "teacher", "student")
    }

    assert found == {
        "ta": [TA_COURSE],
        "observer": [OBSERVED_COURSE],
        "designer": [DESIGNED_COURSE],
        "teacher": [TAUGHT_COURSE],
        "student": found["student"],
    }
    assert set(found["student"]) == {1001, 1002}


async def test_staff_sees_drafts_and_has_no_submissions(school: SandboxClient) -> None:
    items = await read_groups(school, TA_COURSE)

    assert [item["workflow_state"] for item in items].count("unpublished") == 2
    assert [item["published"] for item in items].count(False) == 2
    assert not any("submission" in item for item in items)
    assert all("needs_grading_count" in item for item in items)
    assert not any(item["locked_for_user"] for item in items)


async def test_an_observer_sees_no_drafts(school: SandboxClient) -> None:
    items = await read_groups(school, OBSERVED_COURSE)

    assert {item["workflow_state"] for item in items} == {"published"}
    assert not any("needs_grading_count" in item for item in items)


async def test_a_draft_is_visible_to_staff_alone(school: SandboxClient) -> None:
    control = school.sandbox.control
    drafts = {
        course: next(item["id"] for item in control.assignments(course) if not item["present"])
        for course in (TA_COURSE, OBSERVED_COURSE)
    }

    statuses = {
        course: (await school(f"/courses/{course}/assignments/{draft}")).status
        for course, draft in drafts.items()
    }

    assert statuses == {TA_COURSE: 200, OBSERVED_COURSE: 404}


async def test_lists_of_own_work_contain_only_courses_of_a_student(school: SandboxClient) -> None:
    planned = (await school(f"/planner/items?{WIDE_WINDOW}")).json
    graded = (await school("/users/self/graded_submissions?include[]=assignment&per_page=100")).json
    missing = (await school("/users/self/missing_submissions?per_page=100")).json

    assert {item["course_id"] for item in planned} == {1001, 1002}
    assert {row["assignment"]["course_id"] for row in graded} == {1001, 1002}
    assert {item["course_id"] for item in missing} == {1001, 1002}


async def test_a_student_and_ta_of_one_course_sees_drafts_and_has_work(
    school: SandboxClient,
) -> None:
    control = school.sandbox.control
    control.enroll(1001, role="ta")
    control.remove_assignment(10_000)

    course = await school.course(1001)
    draft = next(item for item in await read_groups(school, 1001) if not item["published"])

    assert [row["type"] for row in course["enrollments"]] == ["student", "ta"]
    assert draft["submission"]["score"] is not None


async def test_sections_have_enrollments_with_their_own_states(school: SandboxClient) -> None:
    control = school.sandbox.control
    control.set_enrollment_state(1002, "completed", section=0)

    rows = (await school.course(1002))["enrollments"]
    states = "&".join(f"state[]={state}" for state in ("active", "completed", "inactive"))
    listed = (await school(f"/users/self/enrollments?{states}&per_page=100")).json
    own = [row for row in listed if row["course_id"] == 1002]

    assert [row["enrollment_state"] for row in rows] == ["active"]
    assert {row["enrollment_state"] for row in own} == {"active", "completed"}
    assert len({row["course_section_id"] for row in own}) == len({row["id"] for row in own}) == 2
    assert len({row["grades"]["current_score"] for row in own}) == 1


@pytest.mark.parametrize("state", ["inactive", "deleted", "rejected"])
async def test_an_enrollment_that_is_over_gives_no_access(
    school: SandboxClient, state: str
) -> None:
    school.sandbox.control.set_enrollment_state(1001, state)

    listed = (await school("/users/self/enrollments?per_page=100")).json

    assert 1001 not in {course["id"] for course in await school.courses()}
    assert 1001 not in {row["course_id"] for row in listed}
    assert (await school("/courses/1001")).status == 403


async def test_one_live_enrollment_gives_access(school: SandboxClient) -> None:
    school.sandbox.control.set_enrollment_state(1002, "deleted", section=0)

    assert (await school("/courses/1002/assignment_groups")).status == 200
    assert len((await school.course(1002))["enrollments"]) == 1


async def test_staff_stays_until_the_term_ends_and_a_student_until_the_course_ends(
    school: SandboxClient,
) -> None:
    control = school.sandbox.control
    control.end_course(TA_COURSE)
    control.end_course(1001)
    active = {row["id"] for row in (await school("/courses?enrollment_state=active")).json}
    control.end_term(22)
    later = {row["id"] for row in (await school("/courses?enrollment_state=active")).json}

    assert TA_COURSE in active
    assert 1001 not in active
    assert TA_COURSE not in later


@pytest.mark.parametrize(("role", "listed"), [("student", False), ("ta", True)])
async def test_only_staff_is_invited_to_an_unpublished_course(
    school: SandboxClient,
    role: str,
    listed: bool,  # noqa: FBT001  a test parameter
) -> None:
    control = school.sandbox.control
    control.withdraw_course(1001)
    control.unpublish_course(1001)
    control.invite(1001, role=role)

    found = {row["id"] for row in (await school("/courses?state[]=unpublished")).json}

    assert (1001 in found) is listed


async def test_an_overridden_total_replaces_both_totals(school: SandboxClient) -> None:
    control = school.sandbox.control
    before = (await school.course(1001))["enrollments"][0]
    control.set_grading_scheme(1001, [["Pass", 0.5], ["Fail", 0]])
    control.override_total(1001, 49.9)
    row = (await school.course(1001))["enrollments"][0]
    (listed,) = (await school("/courses/1001/enrollments")).json
    control.override_total(1001, None)
    after = (await school.course(1001))["enrollments"][0]

    assert (row["computed_current_score"], row["computed_final_score"]) == (49.9, 49.9)
    assert (row["computed_current_grade"], listed["grades"]["final_grade"]) == ("Fail", "Fail")
    assert listed["grades"]["current_score"] == 49.9
    assert after["computed_final_score"] == before["computed_final_score"]


def test_unknown_roles_states_and_sections_are_errors(school: SandboxClient) -> None:
    control = school.sandbox.control
    with pytest.raises(ValueError, match="no role 'guest'"):
        control.enroll(1001, role="guest")
    with pytest.raises(ValueError, match="no state 'asleep'"):
        control.set_enrollment_state(1001, "asleep")
    with pytest.raises(LookupError, match="section 9"):
        control.set_enrollment_state(1001, "active", section=9)
