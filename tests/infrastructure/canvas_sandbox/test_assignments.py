"""Assignments and groups as a student sees them."""

from typing import Any

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import Asker


async def test_one_request_brings_a_whole_course(ask: Asker) -> None:
    groups = await ask.groups(1002)

    items = [item for group in groups for item in group["assignments"]]
    assert [group["group_weight"] for group in groups] == [30.0, 40.0, 20.0, 10.0]
    assert len(items) == 20
    assert all(
        item["assignment_group_id"] == group["id"]
        for group in groups
        for item in group["assignments"]
    )


async def test_pages_count_groups_and_not_assignments(ask: Asker) -> None:
    told = await ask("/courses/1001/assignment_groups?include[]=assignments&per_page=2")

    assert len(told.json) == 2
    assert "next" in told.links


async def test_unweighted_groups_weigh_nothing(ask: Asker) -> None:
    assert {group["group_weight"] for group in await ask.groups(1001)} == {0.0}


async def test_without_a_submission_row_there_is_no_key(ask: Asker) -> None:
    items = list((await ask.assignments(1001)).values())

    assert sum("submission" not in item for item in items) == 1


async def test_a_locked_assignment_shows_no_description_and_says_why(ask: Asker) -> None:
    items = list((await ask.assignments(1001)).values())

    opening = [item for item in items if item["unlock_at"]]
    closed = [item for item in items if item["lock_at"]]
    assert [(item["locked_for_user"], item["description"]) for item in opening] == [(True, None)]
    assert opening[0]["lock_info"]["can_view"] is False
    assert closed[0]["locked_for_user"] is True
    assert closed[0]["description"].startswith("<p>")
    assert "lock_info" not in next(item for item in items if not item["locked_for_user"])


async def test_every_grading_type_writes_its_own_grades(ask: Asker) -> None:
    grades = {
        item["grading_type"]: item["submission"]["grade"]
        for item in (await ask.assignments(1001)).values()
        if item.get("submission", {}).get("grade")
    }

    assert grades.keys() == {"points", "percent", "letter_grade", "pass_fail"}
    assert grades["pass_fail"] == "complete"
    assert grades["percent"].endswith("%")
    assert grades["letter_grade"][0] in "ABCDF"


async def test_fields_can_be_left_out(ask: Asker) -> None:
    more = "&exclude_response_fields[]=description&exclude_response_fields[]=seconds_late"

    items = list((await ask.assignments(1001, more)).values())

    assert not any("description" in item for item in items)
    assert not any("seconds_late" in item.get("submission", {}) for item in items)


async def test_markup_is_escaped_as_rails_does(ask: Asker) -> None:
    told = await ask("/courses/1001/assignments?per_page=100")

    assert b"\\u003cp\\u003e" in told.body
    assert not {b"<", b">", b"&"} & {told.body[at : at + 1] for at in range(len(told.body))}
    assert any("<p>" in (item["description"] or "") for item in told.json)


async def test_the_list_and_the_single_one_agree(ask: Asker) -> None:
    listed = (await ask("/courses/1001/assignments?per_page=100&include[]=submission")).json
    inside = await ask.assignments(1001)
    single = (await ask(f"/courses/1001/assignments/{listed[0]['id']}?include[]=submission")).json

    assert {item["id"]: item for item in listed} == inside
    assert single == listed[0]


@pytest.mark.parametrize(
    ("query", "matches"),
    [
        ("bucket=undated", lambda item: item["due_at"] is None),
        ("bucket=past", lambda item: item["due_at"] and item["due_at"] < "2026-10-15T15:00:00Z"),
        ("search_term=quiz", lambda item: "quiz" in item["name"].casefold()),
    ],
)
async def test_a_list_can_be_narrowed(ask: Asker, query: str, matches: Any) -> None:
    everything = (await ask("/courses/1001/assignments?per_page=100")).json

    narrowed = (await ask(f"/courses/1001/assignments?per_page=100&{query}")).json

    assert narrowed == [item for item in everything if matches(item)]


async def test_overdue_and_unsubmitted_are_what_is_still_open(ask: Asker) -> None:
    path = "/courses/1001/assignments?per_page=100&include[]=submission&bucket="

    overdue, unsubmitted = [(await ask(path + name)).json for name in ("overdue", "unsubmitted")]

    assert overdue
    assert all(item["submission"]["missing"] for item in overdue)
    assert all(item["submission"]["submitted_at"] is None for item in unsubmitted)
    assert len(unsubmitted) > len(overdue)


async def test_a_list_can_be_ordered_and_picked_from(ask: Asker) -> None:
    by_due = (await ask("/courses/1001/assignments?per_page=100&order_by=due_at")).json
    names = [(await ask("/courses/1001/assignments?per_page=3&order_by=name")).json]
    two = by_due[:2]
    picked = "&".join(f"assignment_ids[]={item['id']}" for item in two)

    dates = [item["due_at"] for item in by_due if item["due_at"]]
    assert dates == sorted(dates)
    assert by_due[-1]["due_at"] is None
    assert [item["name"] for item in names[0]] == sorted(item["name"] for item in by_due)[:3]
    chosen = (await ask(f"/courses/1001/assignments?{picked}")).json
    assert {item["id"] for item in chosen} == {item["id"] for item in two}


async def test_one_group_alone(ask: Asker) -> None:
    groups = (await ask("/courses/1001/assignment_groups")).json

    single = await ask(f"/courses/1001/assignment_groups/{groups[0]['id']}?include[]=assignments")

    assert "assignments" not in groups[0]
    assert single.json["name"] == groups[0]["name"]
    assert (await ask("/courses/1001/assignment_groups/5")).status == 404
