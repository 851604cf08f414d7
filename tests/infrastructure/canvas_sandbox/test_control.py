"""Tests of the control operations: grades, courses, dates, and the totals that depend on them."""

from typing import Any

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient

POSTED_ASSIGNMENT = 10_000


async def read_totals(client: SandboxClient, course: int) -> tuple[float, float]:
    enrollment = (await client.course(course))["enrollments"][0]
    return enrollment["computed_current_score"], enrollment["computed_final_score"]


async def read_submission(
    client: SandboxClient, assignment: int, course: int = 1001
) -> dict[str, Any]:
    return dict((await client.assignments(course))[assignment]["submission"])


async def calculate_totals(client: SandboxClient, course: int) -> tuple[float, float]:
    """Calculate the totals from the data that a student sees, by weights if there are any."""
    ratios = []
    for graded_only in (True, False):
        earned = possible = 0.0
        for group in await client.groups(course):
            items = [
                (item["submission"].get("score"), item["points_possible"])
                for item in group["assignments"]
                if not item["omit_from_final_grade"]
                and "submission" in item
                and not item["submission"]["excused"]
                and (not graded_only or item["submission"].get("score") is not None)
            ]
            points_possible = sum(points for _, points in items)
            if points_possible:
                weight = group["group_weight"]
                points_earned = sum(points or 0.0 for points, _ in items)
                earned += weight * points_earned / points_possible if weight else points_earned
                possible += weight or points_possible
        ratios.append(round(100 * earned / possible, 2))
    return ratios[0], ratios[1]


@pytest.mark.parametrize("course", [1001, 1002])
async def test_totals_are_calculated_by_points_or_weights(
    client: SandboxClient, course: int
) -> None:
    assert await read_totals(client, course) == await calculate_totals(client, course)


@pytest.mark.parametrize("course", [1001, 1002])
async def test_a_changed_grade_changes_the_totals(client: SandboxClient, course: int) -> None:
    before = await read_totals(client, course)
    first = min(await client.assignments(course))

    client.sandbox.control.set_grade(first, 0.0)

    assert await read_totals(client, course) == await calculate_totals(client, course)
    assert (await read_totals(client, course))[0] < before[0]
    assert (await read_submission(client, first, course))["grade"] == "0"


async def test_a_grade_affects_only_one_student(client: SandboxClient) -> None:
    before = (await client("/courses/1001/assignments/10000?include[]=submission", student=1)).json

    client.sandbox.control.set_grade(POSTED_ASSIGNMENT, 1.0, student=0)

    after = (await client("/courses/1001/assignments/10000?include[]=submission", student=1)).json
    assert after == before


async def test_a_grade_can_be_set_in_its_grading_type(client: SandboxClient) -> None:
    letters, percents, words = (10_009, 10_008, 10_007)
    control = client.sandbox.control
    control.set_grade(letters, grade="B+")
    control.set_grade(percents, grade="50%")
    control.set_grade(words, grade="incomplete")

    items = await client.assignments(1001)
    points_earned = [
        (items[id_]["submission"]["grade"], items[id_]["submission"]["score"])
        for id_ in (letters, percents, words)
    ]
    assert points_earned[0] == ("B+", round(0.87 * items[letters]["points_possible"], 2))
    assert points_earned[1] == ("50%", items[percents]["points_possible"] / 2)
    assert points_earned[2] == ("incomplete", 0.0)


async def test_a_hidden_grade_counts_after_it_is_posted(client: SandboxClient) -> None:
    control = client.sandbox.control
    before = await read_totals(client, 1001)
    control.set_grade(10_001, 0.0, posted=False)
    hidden = await read_submission(client, 10_001)
    assert "score" not in hidden
    assert await read_totals(client, 1001) == before

    control.advance_clock(60)
    control.post_grades(10_001)

    posted = await read_submission(client, 10_001)
    assert (posted["score"], posted["posted_at"]) == (0.0, "2026-10-15T15:01:00Z")
    assert posted["graded_at"] == hidden["graded_at"] == "2026-10-15T15:00:00Z"
    assert (await read_totals(client, 1001))[0] < before[0]


async def test_posting_has_no_effect_without_a_grade(client: SandboxClient) -> None:
    client.sandbox.control.post_grades(10_001)

    assert (await read_submission(client, 10_001))["posted_at"] is None


async def test_grades_can_be_hidden_again(client: SandboxClient) -> None:
    client.sandbox.control.hide_grades(POSTED_ASSIGNMENT, student=0)

    assert "grade" not in await read_submission(client, POSTED_ASSIGNMENT)


async def test_a_grade_can_be_removed(client: SandboxClient) -> None:
    client.sandbox.control.set_grade(POSTED_ASSIGNMENT)

    ungraded = await read_submission(client, POSTED_ASSIGNMENT)
    assert (ungraded["workflow_state"], ungraded["score"], ungraded["graded_at"]) == (
        "submitted",
        None,
        None,
    )


async def test_an_excused_submission_has_no_score_and_does_not_count(client: SandboxClient) -> None:
    client.sandbox.control.excuse(POSTED_ASSIGNMENT)

    excused = await read_submission(client, POSTED_ASSIGNMENT)
    assert (excused["excused"], excused["score"], excused["grade"]) == (True, None, None)
    assert await read_totals(client, 1001) == await calculate_totals(client, 1001)
    client.sandbox.control.excuse(POSTED_ASSIGNMENT, excused=False)
    assert (await read_submission(client, POSTED_ASSIGNMENT))["workflow_state"] == "submitted"


async def test_work_can_be_submitted_and_resubmitted(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.submit(10_002)
    first = await read_submission(client, 10_002)
    control.set_grade(10_002, 3.0)
    control.submit(10_002, at="2026-10-15T16:00:00Z")
    second = await read_submission(client, 10_002)

    assert (first["workflow_state"], first["late"], first["missing"]) == ("submitted", True, False)
    assert (second["attempt"], second["score"], second["submitted_at"]) == (
        2,
        3.0,
        "2026-10-15T16:00:00Z",
    )
    assert (second["workflow_state"], second["grade_matches_current_submission"]) == (
        "submitted",
        False,
    )


async def test_moving_a_due_date_updates_the_assignment(client: SandboxClient) -> None:
    client.sandbox.control.move_due_date(10_001, "2026-12-01T06:59:59Z")

    item = (await client.assignments(1001))[10_001]
    assert (item["due_at"], item["updated_at"]) == ("2026-12-01T06:59:59Z", "2026-10-15T15:00:00Z")
    assert item["submission"]["cached_due_date"] == "2026-12-01T06:59:59Z"
    client.sandbox.control.move_due_date(10_001, None)
    assert (await client.assignments(1001))[10_001]["due_at"] is None


async def test_grading_does_not_update_the_assignment(client: SandboxClient) -> None:
    before = (await client.assignments(1001))[POSTED_ASSIGNMENT]["updated_at"]

    client.sandbox.control.set_grade(POSTED_ASSIGNMENT, 2.0)

    assert (await client.assignments(1001))[POSTED_ASSIGNMENT]["updated_at"] == before


async def test_assignments_can_be_added_renamed_and_removed(client: SandboxClient) -> None:
    control = client.sandbox.control
    added = int(control.add_assignment("1001", "New & shiny", points=7.0, group=1))
    control.remove_assignment(POSTED_ASSIGNMENT)
    control.rename_assignment(10_001, "Renamed")

    items = await client.assignments(1001)
    assert items[added]["submission"]["workflow_state"] == "unsubmitted"
    assert items[added]["name"] == "New & shiny"
    assert items[10_001]["name"] == "Renamed"
    assert POSTED_ASSIGNMENT not in items
    assert (await client(f"/courses/1001/assignments/{POSTED_ASSIGNMENT}")).status == 404
    assert await read_totals(client, 1001) == await calculate_totals(client, 1001)
    control.restore_assignment(POSTED_ASSIGNMENT)
    assert (await client.assignments(1001))[POSTED_ASSIGNMENT]["submission"]["score"] is not None


async def test_locks_can_be_set(client: SandboxClient) -> None:
    client.sandbox.control.lock_assignment(POSTED_ASSIGNMENT, unlock_at="2026-11-01T00:00:00Z")
    assert (await client.assignments(1001))[POSTED_ASSIGNMENT]["locked_for_user"] is True
    client.sandbox.control.lock_assignment(POSTED_ASSIGNMENT)
    assert (await client.assignments(1001))[POSTED_ASSIGNMENT]["locked_for_user"] is False


async def test_a_course_can_be_withdrawn_from_one_student(client: SandboxClient) -> None:
    client.sandbox.control.withdraw_course(1001, student=0)

    ids = [{course["id"] for course in await client.courses(student=student)} for student in (0, 1)]
    assert ids[1] - ids[0] == {1001}
    assert (await client("/courses/1001/assignments")).status == 403
    client.sandbox.control.restore_course(1001)
    assert (await client("/courses/1001/assignments")).status == 200


async def test_a_course_can_be_restricted_renamed_concluded_and_hide_totals(
    client: SandboxClient,
) -> None:
    control = client.sandbox.control
    control.restrict_course(1001)
    control.rename_course(1002, "Novum")
    control.hide_totals(1002)
    control.conclude_course(1002)
    renamed = await client.course(1002)

    assert await client.course(1001) == {"id": 1001, "access_restricted_by_date": True}
    assert (await client("/courses/1001/assignments")).status == 403
    assert (renamed["name"], renamed["concluded"]) == ("Novum", True)
    assert "computed_current_score" not in renamed["enrollments"][0]
    control.restrict_course(1001, restricted=False)
    assert "name" in await client.course(1001)


async def test_courses_and_assignments_can_be_listed(client: SandboxClient) -> None:
    control = client.sandbox.control
    courses = {course["id"]: course for course in control.courses()}
    items = {item["id"]: item for item in control.assignments("1001")}

    assert courses["1006"]["restricted"] is True
    assert courses["1001"]["current_score"] == (await read_totals(client, 1001))[0]
    assert courses["1001"]["assignments"] == 20
    assert items["10000"]["posted"] is True
    assert items["10004"]["posted"] is False
    assert items["10004"]["score"] is not None
    assert items["10017"]["assigned"] is False


def test_unknown_ids_raise_key_error(client: SandboxClient) -> None:
    with pytest.raises(KeyError):
        client.sandbox.control.set_grade(5, 1.0)
    with pytest.raises(KeyError):
        client.sandbox.control.rename_course("5", "X")


async def test_the_request_log_records_requests(client: SandboxClient) -> None:
    await client("/courses?per_page=5&access_token=secret", student=1)
    await client("/courses")

    entries, counters = client.sandbox.control.requests(), client.sandbox.control.counters()
    assert [(entry["path"], entry["query"], entry["student"]) for entry in entries] == [
        ("/api/v1/courses", "per_page=5", 1),
        ("/api/v1/courses", "", 0),
    ]
    assert all(entry["status"] == 200 and entry["seconds"] >= 0 for entry in entries)
    assert counters["paths"] == {"/api/v1/courses": 2}
    assert (counters["requests"], counters["statuses"], counters["refused"]) == (2, {"200": 2}, 0)
    client.sandbox.control.forget_requests()
    assert client.sandbox.control.counters()["requests"] == 0


async def test_latency_can_be_changed_while_running(client: SandboxClient) -> None:
    client.sandbox.control.set_latency(40)

    await client("/courses")

    assert client.sandbox.control.requests()[0]["seconds"] >= 0.75 * 0.040
