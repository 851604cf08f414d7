"""Tests of discussions with checkpoints: their parts, the work on them, and the planner."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import (
    GROUPS_PATH,
    SandboxClient,
    open_sandbox_client,
)

TOPIC, ENTRY = "reply_to_topic", "reply_to_entry"
TOPIC_DUE, ENTRY_DUE = "2026-10-17T06:59:59Z", "2026-10-20T06:59:59Z"
PARTS = [
    {"tag": TOPIC, "points": 4, "due_at": TOPIC_DUE},
    {"tag": ENTRY, "points": 6, "due_at": ENTRY_DUE},
]
INCLUDES = "&include[]=checkpoints&include[]=sub_assignment_submissions"
PLANNER = "/planner/items?start_date=2026-10-14&end_date=2026-11-30&per_page=100"


@dataclass
class Discussion:
    """A course with one checkpointed discussion."""

    client: SandboxClient
    id: int

    async def read(self, includes: str = INCLUDES) -> dict[str, Any]:
        """The assignment as the list of groups shows it."""
        return (await self.client.assignments(1001, includes))[self.id]

    async def read_parts(self) -> dict[str, dict[str, Any]]:
        """The submissions to the parts, by tag."""
        rows = (await self.read())["submission"]["sub_assignment_submissions"]
        return {row["sub_assignment_tag"]: row for row in rows}

    async def read_planned(self) -> list[dict[str, Any]]:
        """The planner items of the parts."""
        items = (await self.client(PLANNER)).json
        return [item for item in items if item["plannable_type"] == "sub_assignment"]


@pytest.fixture
async def discussion() -> AsyncIterator[Discussion]:
    async with open_sandbox_client(courses=1, restricted=False) as client:
        added = client.sandbox.control.add_discussion(1001, "Week 4", parts=PARTS)
        yield Discussion(client, int(added))


async def test_the_dates_are_on_the_parts_alone(discussion: Discussion) -> None:
    whole = await discussion.read()

    assert (whole["due_at"], whole["points_possible"]) == (None, 10.0)
    assert whole["submission_types"] == ["discussion_topic"]
    assert whole["has_sub_assignments"] is True
    assert [(p["tag"], p["points_possible"], p["due_at"]) for p in whole["checkpoints"]] == [
        (TOPIC, 4.0, TOPIC_DUE),
        (ENTRY, 6.0, ENTRY_DUE),
    ]
    assert "id" not in whole["checkpoints"][0]


async def test_without_the_include_nothing_shows_that_there_are_parts(
    discussion: Discussion,
) -> None:
    whole = await discussion.read("")

    assert not whole.keys() & {"checkpoints", "has_sub_assignments"}
    assert "sub_assignment_submissions" not in whole["submission"]


async def test_other_assignments_have_no_parts(discussion: Discussion) -> None:
    other = (await discussion.client.assignments(1001, INCLUDES))[10_000]

    assert (other["has_sub_assignments"], other["checkpoints"]) == (False, [])
    assert other["submission"]["has_sub_assignment_submissions"] is False
    assert other["submission"]["sub_assignment_submissions"] == []


async def test_the_list_and_the_single_assignment_show_the_parts(discussion: Discussion) -> None:
    path = "/courses/1001/assignments"
    listed = (await discussion.client(f"{path}?per_page=100&include[]=checkpoints")).json
    alone = (await discussion.client(f"{path}/{discussion.id}?include[]=checkpoints")).json

    assert [len(row["checkpoints"]) for row in listed if row["id"] == discussion.id] == [2]
    assert len(alone["checkpoints"]) == 2


async def test_an_older_canvas_ignores_the_include_in_lists_of_groups() -> None:
    async with open_sandbox_client(courses=1, checkpoints_in_groups=False) as client:
        added = int(client.sandbox.control.add_discussion(1001, "Week 4", parts=PARTS))
        groups = (await client(f"/courses/1001/{GROUPS_PATH}&include[]=checkpoints")).json
        listed = (await client("/courses/1001/assignments?include[]=checkpoints&per_page=100")).json

    assert not any("checkpoints" in item for group in groups for item in group["assignments"])
    assert [len(item["checkpoints"]) for item in listed if item["id"] == added] == [2]


async def test_handing_in_one_part_leaves_the_whole_pending(discussion: Discussion) -> None:
    control = discussion.client.sandbox.control
    control.submit_part(discussion.id, TOPIC)
    whole, parts = await discussion.read(), await discussion.read_parts()

    assert whole["submission"]["workflow_state"] == "pending_review"
    assert whole["submission"]["submitted_at"] == "2026-10-15T15:00:00Z"
    assert (whole["submission"]["score"], whole["submission"]["posted_at"]) == (None, None)
    assert (parts[TOPIC]["missing"], parts[TOPIC]["late"], parts[TOPIC]["score"]) == (
        False,
        False,
        None,
    )
    assert "workflow_state" not in parts[TOPIC]


async def test_a_grade_of_one_part_is_a_part_of_the_score(discussion: Discussion) -> None:
    control = discussion.client.sandbox.control
    control.submit_part(discussion.id, TOPIC)
    control.grade_part(discussion.id, TOPIC, 3.0)
    half, parts = (await discussion.read())["submission"], await discussion.read_parts()

    assert (half["workflow_state"], half["submitted_at"]) == ("unsubmitted", None)
    assert (half["score"], half["posted_at"]) == (3.0, None)
    assert half["graded_at"] == "2026-10-15T15:00:00Z"
    assert (parts[TOPIC]["score"], parts[TOPIC]["grade"]) == (3.0, "3")
    assert parts[TOPIC]["published_score"] == 3.0
    assert parts[ENTRY]["score"] is None


async def test_the_whole_is_graded_once_every_part_is(discussion: Discussion) -> None:
    control = discussion.client.sandbox.control
    before = (await discussion.client.course(1001))["enrollments"][0]["computed_current_score"]
    for tag in (TOPIC, ENTRY):
        control.submit_part(discussion.id, tag)
        control.advance_clock(60)
        control.grade_part(discussion.id, tag, 0.0)
    whole = (await discussion.read())["submission"]

    assert (whole["workflow_state"], whole["score"], whole["grade"]) == ("graded", 0.0, "0")
    assert whole["posted_at"] == whole["graded_at"] == "2026-10-15T15:02:00Z"
    assert whole["submitted_at"] == "2026-10-15T15:01:00Z"
    after = (await discussion.client.course(1001))["enrollments"][0]["computed_current_score"]
    assert after < before


async def test_a_hidden_grade_of_a_part_is_left_out(discussion: Discussion) -> None:
    control = discussion.client.sandbox.control
    control.grade_part(discussion.id, TOPIC, 3.0, posted=False)
    parts = await discussion.read_parts()

    assert not parts[TOPIC].keys() & {"score", "grade", "entered_score", "entered_grade"}
    assert parts[TOPIC]["published_score"] == 3.0


async def test_a_part_past_its_date_is_missing_and_then_late(discussion: Discussion) -> None:
    control = discussion.client.sandbox.control
    control.move_part(discussion.id, TOPIC, "2026-10-14T00:00:00Z")
    missing = (await discussion.read_parts())[TOPIC]
    control.submit_part(discussion.id, TOPIC)
    late = (await discussion.read_parts())[TOPIC]

    assert (missing["missing"], missing["late"]) == (True, False)
    assert (late["missing"], late["late"]) == (False, True)
    assert (await discussion.read())["submission"]["late_policy_status"] == "late"


async def test_the_planner_lists_parts_with_ids_of_their_own(discussion: Discussion) -> None:
    items = await discussion.read_planned()

    assert [
        (item["plannable_date"], item["plannable"]["sub_assignment_tag"]) for item in items
    ] == [
        (TOPIC_DUE, TOPIC),
        (ENTRY_DUE, ENTRY),
    ]
    assert {item["plannable_id"] for item in items}.isdisjoint({discussion.id})
    assert {item["html_url"] for item in items} == {f"/courses/1001/assignments/{discussion.id}"}
    assert items[0]["plannable"]["points_possible"] == 4.0
    assert items[0]["details"] == {"reply_to_entry_required_count": 1}
    assert "assignment_id" not in items[0]["plannable"]


async def test_the_planner_shows_work_on_a_part(discussion: Discussion) -> None:
    control = discussion.client.sandbox.control
    control.submit_part(discussion.id, TOPIC)
    control.move_part(discussion.id, ENTRY, None)
    (item,) = await discussion.read_planned()

    user = discussion.client.sandbox.tokens[0]["user_id"]
    assert (item["submissions"]["submitted"], item["submissions"]["needs_grading"]) == (True, True)
    assert item["html_url"] == f"/courses/1001/assignments/{discussion.id}/submissions/{user}"


async def test_parts_of_one_period_place_the_whole_in_it(discussion: Discussion) -> None:
    control = discussion.client.sandbox.control
    periods = [
        {"title": "Q1", "starts_at": "2026-10-01T00:00:00Z", "ends_at": "2026-10-19T00:00:00Z"},
        {"title": "Q2", "starts_at": "2026-10-19T00:00:00Z", "ends_at": "2026-12-01T00:00:00Z"},
    ]
    first, second = [int(id_) for id_ in control.set_grading_periods(1001, periods)]
    in_two = (await discussion.read())["submission"]["grading_period_id"]
    control.move_part(discussion.id, TOPIC, "2026-10-21T00:00:00Z")
    in_one = (await discussion.read())["submission"]["grading_period_id"]

    assert (in_two, in_one) == (None, second)
    assert first != second


def test_an_unknown_part_is_an_error(discussion: Discussion) -> None:
    with pytest.raises(KeyError):
        discussion.client.sandbox.control.submit_part(discussion.id, "reply_to_all")
