"""Tests of assignments and assignment groups as a student sees them."""

from typing import Any

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient


async def test_one_request_returns_a_whole_course(client: SandboxClient) -> None:
    groups = await client.groups(1002)

    items = [item for group in groups for item in group["assignments"]]
    assert [group["group_weight"] for group in groups] == [30.0, 40.0, 20.0, 10.0]
    assert len(items) == 20
    assert all(
        item["assignment_group_id"] == group["id"]
        for group in groups
        for item in group["assignments"]
    )


async def test_pages_count_groups_instead_of_assignments(client: SandboxClient) -> None:
    response = await client("/courses/1001/assignment_groups?include[]=assignments&per_page=2")

    assert len(response.json) == 2
    assert "next" in response.links


async def test_groups_of_an_unweighted_course_have_weight_zero(client: SandboxClient) -> None:
    assert {group["group_weight"] for group in await client.groups(1001)} == {0.0}


async def test_an_assignment_without_submission_has_no_submission_key(
    client: SandboxClient,
) -> None:
    items = list((await client.assignments(1001)).values())

    assert sum("submission" not in item for item in items) == 1


async def test_a_locked_assignment_has_lock_info_and_no_description(client: SandboxClient) -> None:
    items = list((await client.assignments(1001)).values())

    not_yet_open = [item for item in items if item["unlock_at"]]
    closed = [item for item in items if item["lock_at"]]
    assert [(item["locked_for_user"], item["description"]) for item in not_yet_open] == [
        (True, None)
    ]
    assert not_yet_open[0]["lock_info"]["can_view"] is False
    assert closed[0]["locked_for_user"] is True
    assert closed[0]["description"].startswith("<p>")
    assert "lock_info" not in next(item for item in items if not item["locked_for_user"])


async def test_every_grading_type_formats_grades_its_own_way(client: SandboxClient) -> None:
    grades = {
        item["grading_type"]: item["submission"]["grade"]
        for item in (await client.assignments(1001)).values()
        if item.get("submission", {}).get("grade")
    }

    assert grades.keys() == {"points", "percent", "letter_grade", "pass_fail"}
    assert grades["pass_fail"] == "complete"
    assert grades["percent"].endswith("%")
    assert grades["letter_grade"][0] in "ABCDF"


async def test_fields_can_be_excluded(client: SandboxClient) -> None:
    extra_query = "&exclude_response_fields[]=description&exclude_response_fields[]=seconds_late"

    items = list((await client.assignments(1001, extra_query)).values())

    assert not any("description" in item for item in items)
    assert not any("seconds_late" in item.get("submission", {}) for item in items)


async def test_markup_is_escaped_as_rails_does(client: SandboxClient) -> None:
    response = await client("/courses/1001/assignments?per_page=100")

    assert b"\\u003cp\\u003e" in response.body
    assert not {b"<", b">", b"&"} & {response.body[at : at + 1] for at in range(len(response.body))}
    assert any("<p>" in (item["description"] or "") for item in response.json)


async def test_the_list_and_the_single_assignment_agree(client: SandboxClient) -> None:
    listed = (await client("/courses/1001/assignments?per_page=100&include[]=submission")).json
    inside = await client.assignments(1001)
    single = (
        await client(f"/courses/1001/assignments/{listed[0]['id']}?include[]=submission")
    ).json

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
async def test_a_list_can_be_filtered(client: SandboxClient, query: str, matches: Any) -> None:
    all_assignments = (await client("/courses/1001/assignments?per_page=100")).json

    filtered = (await client(f"/courses/1001/assignments?per_page=100&{query}")).json

    assert filtered == [item for item in all_assignments if matches(item)]


async def test_overdue_and_unsubmitted_filters_match_open_assignments(
    client: SandboxClient,
) -> None:
    path = "/courses/1001/assignments?per_page=100&include[]=submission&bucket="

    overdue, unsubmitted = [(await client(path + name)).json for name in ("overdue", "unsubmitted")]

    assert overdue
    assert all(item["submission"]["missing"] for item in overdue)
    assert all(item["submission"]["submitted_at"] is None for item in unsubmitted)
    assert len(unsubmitted) > len(overdue)


async def test_a_list_can_be_ordered_and_filtered_by_ids(client: SandboxClient) -> None:
    by_due = (await client("/courses/1001/assignments?per_page=100&order_by=due_at")).json
    names = [(await client("/courses/1001/assignments?per_page=3&order_by=name")).json]
    first_two = by_due[:2]
    id_query = "&".join(f"assignment_ids[]={item['id']}" for item in first_two)

    dates = [item["due_at"] for item in by_due if item["due_at"]]
    assert dates == sorted(dates)
    assert by_due[-1]["due_at"] is None
    assert [item["name"] for item in names[0]] == sorted(item["name"] for item in by_due)[:3]
    selected = (await client(f"/courses/1001/assignments?{id_query}")).json
    assert {item["id"] for item in selected} == {item["id"] for item in first_two}


async def test_a_single_group_can_be_requested(client: SandboxClient) -> None:
    groups = (await client("/courses/1001/assignment_groups")).json

    single = await client(
        f"/courses/1001/assignment_groups/{groups[0]['id']}?include[]=assignments"
    )

    assert "assignments" not in groups[0]
    assert single.json["name"] == groups[0]["name"]
    assert (await client("/courses/1001/assignment_groups/5")).status == 404
