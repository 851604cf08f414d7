"""Tests that a varied school has every situation, and the same ones for the same seed."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import (
    ALL_INCLUDES,
    SandboxClient,
    open_sandbox_client,
)

OPTIONS: dict[str, Any] = {
    "courses": 8,
    "varied": True,
    "past_courses": 3,
    "taught_courses": 1,
    "classmates": 24,
    "restricted": False,
}
PATHS = (
    f"/courses?per_page=100&{ALL_INCLUDES}",
    "/courses/1001/assignments?per_page=100&include[]=submission&include[]=checkpoints",
    "/planner/items?start_date=2026-01-01&end_date=2027-12-31&per_page=100",
    "/users/self/graded_submissions?per_page=100",
)


@pytest.fixture
async def school() -> AsyncIterator[SandboxClient]:
    async with open_sandbox_client(**OPTIONS) as client:
        yield client


async def read_work(client: SandboxClient) -> list[dict[str, Any]]:
    query = "include[]=submission&include[]=checkpoints&include[]=score_statistics&per_page=100"
    return list((await client(f"/courses/1001/assignments?{query}")).json)


async def test_every_situation_of_work_occurs(school: SandboxClient) -> None:
    items = await read_work(school)
    types = {type_ for item in items for type_ in item["submission_types"]}
    submissions = [item["submission"] for item in items if "submission" in item]

    assert {"on_paper", "none", "wiki_page", "not_graded", "external_tool"} <= types
    assert any(item["submission_types"] == ["on_paper", "online_upload"] for item in items)
    assert any("context_module" in item.get("lock_info", {}) for item in items)
    assert any(item["post_manually"] for item in items)
    assert any("score_statistics" in item for item in items)
    assert {"pending_review", "extended"} <= {
        value for row in submissions for value in (row["workflow_state"], row["late_policy_status"])
    }
    assert any(
        row["workflow_state"] == "pending_review" and row.get("score") for row in submissions
    )


async def test_discussions_are_in_parts_of_which_one_may_be_done(school: SandboxClient) -> None:
    discussions = [item for item in await read_work(school) if item["checkpoints"]]
    planned = [item for page in await school.pages(PATHS[2]) for item in page.json]
    parts = [item for item in planned if item["plannable_type"] == "sub_assignment"]

    assert len(discussions) == 2
    assert {item["due_at"] for item in discussions} == {None}
    assert {item["submission"]["score"] is None for item in discussions} == {True, False}
    assert any(item["submissions"]["submitted"] for item in parts)
    assert not all(item["submissions"]["submitted"] for item in parts)


async def test_groups_have_drop_rules(school: SandboxClient) -> None:
    rules = [
        group["rules"]
        for course in (1001, 1002)
        for group in (await school(f"/courses/{course}/assignment_groups")).json
    ]

    assert {"drop_lowest": 1} in rules
    assert any(rule.keys() == {"drop_lowest", "drop_highest", "never_drop"} for rule in rules)


async def test_periods_are_of_every_kind(school: SandboxClient) -> None:
    courses = {course["id"]: course for course in await school.courses()}
    periods = [
        (
            course["has_weighted_grading_periods"],
            course["enrollments"][0]["totals_for_all_grading_periods_option"],
        )
        for course in courses.values()
        if course.get("has_grading_periods")
    ]

    assert sorted(periods) == [(False, False), (False, True), (True, True)]


async def test_courses_are_current_past_taught_and_to_come(school: SandboxClient) -> None:
    plain = {course["id"] for course in await school.courses()}
    states = "state[]=available&state[]=completed&per_page=100"
    everything = {course["id"] for course in (await school(f"/courses?{states}")).json}
    active = (await school("/courses?enrollment_state=active&per_page=100")).json
    invited = (await school("/courses?enrollment_state=invited_or_pending")).json
    taught = (await school("/courses?enrollment_type=ta")).json

    assert [course["id"] for course in invited] == [1301]
    assert [course["id"] for course in taught] == [1201]
    assert everything - plain == {1101}
    assert plain - {course["id"] for course in active} == {1102, 1103, 1301}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_totals_of_every_course_can_be_calculated(seed: int) -> None:
    async with open_sandbox_client(**OPTIONS, seed=seed) as client:
        totals = [
            (course["current_score"], course["final_score"])
            for course in client.sandbox.control.courses()
            if course["role"] == "student" and course["assignments"]
        ]

    assert len(totals) == 11
    assert all(current >= final > 0 for current, final in totals)


async def test_the_same_seed_gives_the_same_varied_school() -> None:
    bodies = []
    for order in (PATHS, tuple(reversed(PATHS))):
        async with open_sandbox_client(**OPTIONS) as client:
            bodies.append({path: (await client(path, student=1)).body for path in order})

    assert bodies[0] == bodies[1]


async def test_variety_leaves_the_first_assignments_as_they_are(school: SandboxClient) -> None:
    async with open_sandbox_client(restricted=False) as client:
        plain = await client.assignments(1001)
    varied = await school.assignments(1001)

    assert {id_: varied[id_] for id_ in plain} == plain
    assert len(varied) == len(plain) + 14
