"""Tests of grading periods, schemes, drop rules and what else decides which totals are shown."""

from typing import Any

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import (
    ALL_INCLUDES,
    NOW,
    SandboxClient,
    open_sandbox_client,
)

PAST = {"title": "Q1", "starts_at": "2026-08-01T00:00:00Z", "ends_at": "2026-10-10T00:00:00Z"}
CURRENT = {"title": "Q2", "starts_at": "2026-10-10T00:00:00Z", "ends_at": "2026-11-20T00:00:00Z"}
COMING = {"title": "Q3", "starts_at": "2026-10-20T00:00:00Z", "ends_at": "2026-12-20T00:00:00Z"}
INFORMATION = {"has_grading_periods", "multiple_grading_periods_enabled"} | {
    f"current_grading_period_{part}" for part in ("id", "title")
}
PERIOD_TOTALS = {
    f"current_period_computed_{kind}_{part}"
    for kind in ("current", "final")
    for part in ("score", "grade")
}


async def read_row(client: SandboxClient) -> dict[str, Any]:
    return dict((await client.course(1001))["enrollments"][0])


def totals_in(row: dict[str, Any]) -> dict[str, Any]:
    return {key: row[key] for key in row if key in PERIOD_TOTALS}


async def test_a_course_without_periods_has_their_keys_with_null(client: SandboxClient) -> None:
    row = await read_row(client)

    assert row["has_grading_periods"] is row["totals_for_all_grading_periods_option"] is False
    assert row["current_grading_period_id"] is row["current_grading_period_title"] is None
    assert totals_in(row) == dict.fromkeys(PERIOD_TOTALS)


@pytest.mark.parametrize("for_all", [True, False])
async def test_the_current_period_has_its_own_totals(
    client: SandboxClient,
    for_all: bool,  # noqa: FBT001  a test parameter
) -> None:
    control = client.sandbox.control
    ids = control.set_grading_periods(1001, [PAST, CURRENT], totals_for_all=for_all)
    row = await read_row(client)

    assert row["current_grading_period_title"] == "Q2"
    assert str(row["current_grading_period_id"]) == ids[1]
    assert row["totals_for_all_grading_periods_option"] is for_all
    assert row["computed_current_score"] is not None
    assert row["current_period_computed_current_score"] != row["computed_current_score"]
    assert row["current_period_computed_final_score"] is not None


async def test_between_periods_the_totals_of_a_period_are_null(client: SandboxClient) -> None:
    client.sandbox.control.set_grading_periods(1001, [PAST, COMING])
    row = await read_row(client)

    assert row["has_grading_periods"] is True
    assert row["current_grading_period_id"] is None
    assert totals_in(row) == dict.fromkeys(PERIOD_TOTALS)


async def test_the_clock_moves_from_one_period_to_the_next(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.set_grading_periods(1001, [PAST, CURRENT, COMING])
    before = await read_row(client)
    control.advance_clock(40 * 86_400)
    after = (await client(f"/courses/1001?{ALL_INCLUDES}")).json["enrollments"][0]

    titles = [row["current_grading_period_title"] for row in (before, after)]
    assert titles == ["Q2", "Q3"]


async def test_hidden_totals_leave_the_information_of_periods(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.set_grading_periods(1001, [CURRENT])
    control.hide_totals(1001)
    row = await read_row(client)

    assert row.keys() >= INFORMATION
    assert "totals_for_all_grading_periods_option" not in row
    assert not any("computed" in key for key in row)


async def test_letters_of_periods_follow_the_scheme(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.set_grading_periods(1001, [CURRENT])
    control.set_grading_scheme(1001, [["Pass", 0.01], ["Fail", 0.0]])
    with_letters = await read_row(client)
    control.set_grading_scheme(1001, None)
    without = await read_row(client)

    assert with_letters["computed_current_grade"] == "Pass"
    assert with_letters["computed_current_letter_grade"] == "Pass"
    assert with_letters["current_period_computed_final_grade"] in {"Pass", "Fail"}
    assert without["computed_current_grade"] is None
    assert without["computed_current_score"] == with_letters["computed_current_score"]


async def test_the_scheme_is_sent_even_if_the_course_shows_no_letters(
    client: SandboxClient,
) -> None:
    path = "/courses/1001?include[]=grading_scheme&include[]=restrict_quantitative_data"
    default = (await client(path)).json
    client.sandbox.control.set_grading_scheme(1001, [["Pass", 0.5], ["Fail", 0.0]])
    own = (await client(path)).json

    assert default["grading_standard_id"] is None
    assert default["grading_scheme"][:2] == [["A", 0.94], ["A-", 0.9]]
    assert own["grading_standard_id"] is not None
    assert own["grading_scheme"] == [["Pass", 0.5], ["Fail", 0.0]]
    assert own["restrict_quantitative_data"] is False


async def test_submissions_name_their_period(client: SandboxClient) -> None:
    ids = [int(id_) for id_ in client.sandbox.control.set_grading_periods(1001, [PAST, CURRENT])]
    items = (await client.assignments(1001)).values()

    for item in items:
        if "submission" in item:
            due_at = item["due_at"]
            expected: int | None = ids[0] if due_at and due_at <= PAST["ends_at"] else ids[1]
            if due_at and due_at > CURRENT["ends_at"]:
                expected = None
            assert item["submission"]["grading_period_id"] == expected
    assert any(item["in_closed_grading_period"] for item in items)
    assert not all(item["in_closed_grading_period"] for item in items)


async def test_periods_are_included_without_and_listed_with_weights(
    client: SandboxClient,
) -> None:
    control = client.sandbox.control
    periods: list[dict[str, Any]] = [
        PAST | {"weight": 40, "closes_at": "2026-10-20T00:00:00Z"},
        CURRENT | {"weight": 60},
    ]
    control.set_grading_periods(1001, periods, weighted=True)
    course = (await client(f"/courses/1001?include[]=grading_periods&{ALL_INCLUDES}")).json
    listed = (await client("/courses/1001/grading_periods")).json["grading_periods"]
    without = (await client("/courses/1003?include[]=grading_periods")).json

    assert [period["title"] for period in course["grading_periods"]] == ["Q1", "Q2"]
    assert "weight" not in course["grading_periods"][0]
    assert course["has_weighted_grading_periods"] is True
    assert [(p["weight"], p["is_closed"], p["is_last"]) for p in listed] == [
        (40, False, False),
        (60, False, True),
    ]
    assert without["grading_periods"] is None


async def test_enrollments_can_be_read_for_one_period(client: SandboxClient) -> None:
    ids = client.sandbox.control.set_grading_periods(1001, [PAST, CURRENT])
    row = await read_row(client)
    path = "/users/self/enrollments?per_page=100&grading_period_id="

    listed = (await client(f"{path}{ids[1]}")).json
    grades = {item["course_id"]: item["grades"] for item in listed}

    assert grades[1001]["current_score"] == row["current_period_computed_current_score"]
    assert grades[1002]["current_score"] is None
    assert (await client(f"{path}7")).json == {"error": "invalid grading_period_id"}


async def test_periods_can_be_removed(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.set_grading_periods(1002, [])

    assert (await client.course(1002))["has_grading_periods"] is False


async def test_groups_show_their_rules_and_are_sorted_by_position(client: SandboxClient) -> None:
    control = client.sandbox.control
    first, second = [group["id"] for group in control.groups(1001)[:2]]
    control.set_drop_rules(first, lowest=1, highest=2, never=["10001", 10002])
    control.move_group(first, 9)
    groups = (await client("/courses/1001/assignment_groups")).json

    assert [group["rules"] for group in groups[:3]] == [{}, {}, {}]
    assert groups[-1]["rules"] == {
        "drop_lowest": 1,
        "drop_highest": 2,
        "never_drop": [10001, 10002],
    }
    assert (str(groups[0]["id"]), groups[-1]["position"]) == (second, 9)
    text_ids = await client(
        "/courses/1001/assignment_groups", Accept="application/json+canvas-string-ids"
    )
    assert text_ids.json[-1]["rules"]["never_drop"] == ["10001", "10002"]


async def test_a_drop_rule_raises_the_current_total(client: SandboxClient) -> None:
    control = client.sandbox.control
    before = (await read_row(client))["computed_current_score"]
    for group in control.groups(1001):
        control.set_drop_rules(group["id"], lowest=1)

    assert (await read_row(client))["computed_current_score"] > before


async def test_weights_of_groups_decide_if_they_are_switched_on(client: SandboxClient) -> None:
    control = client.sandbox.control
    by_points = (await read_row(client))["computed_final_score"]
    for group, weight in zip(control.groups(1001), (100.0, 0.0, 0.0, 0.0), strict=True):
        control.set_group_weight(group["id"], weight)
    assert (await read_row(client))["computed_final_score"] == by_points
    control.weight_groups(1001)

    assert (await client.course(1001))["apply_assignment_group_weights"] is True
    assert (await read_row(client))["computed_final_score"] != by_points


async def test_statistics_are_shown_for_five_posted_scores_and_an_own_one() -> None:
    query = "&include[]=score_statistics"
    async with open_sandbox_client(classmates=24) as client:
        control = client.sandbox.control
        items = await client.assignments(1001, query)
        shown = {
            id_: item["score_statistics"]
            for id_, item in items.items()
            if "score_statistics" in item
        }
        scored = {
            id_
            for id_, item in items.items()
            if item.get("submission", {}).get("score") is not None
        }
        control.hide_grades(10_000, student=0)
        hidden = (await client.assignments(1001, query))[10_000]
        control.hide_statistics(1001)
        without = await client.assignments(1001, query)

    assert shown.keys() == scored
    for numbers in shown.values():
        ordered = [numbers[key] for key in ("min", "lower_q", "median", "upper_q", "max")]
        assert ordered == sorted(ordered)
        assert numbers["min"] <= numbers["mean"] <= numbers["max"]
    assert "score_statistics" not in hidden
    assert not any("score_statistics" in item for item in without.values())


async def test_a_few_scores_have_no_statistics(client: SandboxClient) -> None:
    items = await client.assignments(1001, "&include[]=score_statistics")

    assert not any("score_statistics" in item for item in items.values())


def test_now_is_inside_the_current_period() -> None:
    assert CURRENT["starts_at"] < NOW.isoformat() < CURRENT["ends_at"]
