"""Levers: grades, courses, dates, and the totals that follow."""

from typing import Any

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import Asker

POSTED = 10_000


async def score(ask: Asker, course: int) -> tuple[float, float]:
    enrollment = (await ask.course(course))["enrollments"][0]
    return enrollment["computed_current_score"], enrollment["computed_final_score"]


async def submission(ask: Asker, assignment: int, course: int = 1001) -> dict[str, Any]:
    return dict((await ask.assignments(course))[assignment]["submission"])


async def by_hand(ask: Asker, course: int) -> tuple[float, float]:
    """Totals worked out from what a student sees, by weights where there are any."""
    ratios = []
    for graded_only in (True, False):
        earned = possible = 0.0
        for group in await ask.groups(course):
            items = [
                (item["submission"].get("score"), item["points_possible"])
                for item in group["assignments"]
                if not item["omit_from_final_grade"]
                and "submission" in item
                and not item["submission"]["excused"]
                and (not graded_only or item["submission"].get("score") is not None)
            ]
            of = sum(points for _, points in items)
            if of:
                weight = group["group_weight"]
                got = sum(points or 0.0 for points, _ in items)
                earned += weight * got / of if weight else got
                possible += weight or of
        ratios.append(round(100 * earned / possible, 2))
    return ratios[0], ratios[1]


@pytest.mark.parametrize("course", [1001, 1002])
async def test_totals_follow_points_or_weights(ask: Asker, course: int) -> None:
    assert await score(ask, course) == await by_hand(ask, course)


@pytest.mark.parametrize("course", [1001, 1002])
async def test_a_changed_grade_moves_the_totals(ask: Asker, course: int) -> None:
    before = await score(ask, course)
    first = min(await ask.assignments(course))

    ask.sandbox.control.set_grade(first, 0.0)

    assert await score(ask, course) == await by_hand(ask, course)
    assert (await score(ask, course))[0] < before[0]
    assert (await submission(ask, first, course))["grade"] == "0"


async def test_a_grade_concerns_one_student(ask: Asker) -> None:
    before = (await ask("/courses/1001/assignments/10000?include[]=submission", student=1)).json

    ask.sandbox.control.set_grade(POSTED, 1.0, student=0)

    after = (await ask("/courses/1001/assignments/10000?include[]=submission", student=1)).json
    assert after == before


async def test_a_grade_may_be_given_in_words(ask: Asker) -> None:
    letters, percents, words = (10_009, 10_008, 10_007)
    control = ask.sandbox.control
    control.set_grade(letters, grade="B+")
    control.set_grade(percents, grade="50%")
    control.set_grade(words, grade="incomplete")

    items = await ask.assignments(1001)
    got = [
        (items[id_]["submission"]["grade"], items[id_]["submission"]["score"])
        for id_ in (letters, percents, words)
    ]
    assert got[0] == ("B+", round(0.87 * items[letters]["points_possible"], 2))
    assert got[1] == ("50%", items[percents]["points_possible"] / 2)
    assert got[2] == ("incomplete", 0.0)


async def test_a_hidden_grade_counts_only_once_posted(ask: Asker) -> None:
    control = ask.sandbox.control
    before = await score(ask, 1001)
    control.set_grade(10_001, 0.0, posted=False)
    hidden = await submission(ask, 10_001)
    assert "score" not in hidden
    assert await score(ask, 1001) == before

    control.advance_clock(60)
    control.post_grades(10_001)

    posted = await submission(ask, 10_001)
    assert (posted["score"], posted["posted_at"]) == (0.0, "2026-10-15T15:01:00Z")
    assert posted["graded_at"] == hidden["graded_at"] == "2026-10-15T15:00:00Z"
    assert (await score(ask, 1001))[0] < before[0]


async def test_posting_shows_nothing_where_nothing_was_graded(ask: Asker) -> None:
    ask.sandbox.control.post_grades(10_001)

    assert (await submission(ask, 10_001))["posted_at"] is None


async def test_grades_can_be_hidden_again(ask: Asker) -> None:
    ask.sandbox.control.hide_grades(POSTED, student=0)

    assert "grade" not in await submission(ask, POSTED)


async def test_a_grade_can_be_taken_back(ask: Asker) -> None:
    ask.sandbox.control.set_grade(POSTED)

    taken = await submission(ask, POSTED)
    assert (taken["workflow_state"], taken["score"], taken["graded_at"]) == (
        "submitted",
        None,
        None,
    )


async def test_the_excused_have_no_score_and_it_counts_nowhere(ask: Asker) -> None:
    ask.sandbox.control.excuse(POSTED)

    excused = await submission(ask, POSTED)
    assert (excused["excused"], excused["score"], excused["grade"]) == (True, None, None)
    assert await score(ask, 1001) == await by_hand(ask, 1001)
    ask.sandbox.control.excuse(POSTED, excused=False)
    assert (await submission(ask, POSTED))["workflow_state"] == "submitted"


async def test_handing_in_and_handing_in_again(ask: Asker) -> None:
    control = ask.sandbox.control
    control.submit(10_002)
    first = await submission(ask, 10_002)
    control.set_grade(10_002, 3.0)
    control.submit(10_002, at="2026-10-15T16:00:00Z")
    second = await submission(ask, 10_002)

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


async def test_a_moved_due_date_changes_the_definition(ask: Asker) -> None:
    ask.sandbox.control.move_due_date(10_001, "2026-12-01T06:59:59Z")

    item = (await ask.assignments(1001))[10_001]
    assert (item["due_at"], item["updated_at"]) == ("2026-12-01T06:59:59Z", "2026-10-15T15:00:00Z")
    assert item["submission"]["cached_due_date"] == "2026-12-01T06:59:59Z"
    ask.sandbox.control.move_due_date(10_001, None)
    assert (await ask.assignments(1001))[10_001]["due_at"] is None


async def test_grading_is_no_change_of_the_definition(ask: Asker) -> None:
    before = (await ask.assignments(1001))[POSTED]["updated_at"]

    ask.sandbox.control.set_grade(POSTED, 2.0)

    assert (await ask.assignments(1001))[POSTED]["updated_at"] == before


async def test_assignments_come_and_go(ask: Asker) -> None:
    control = ask.sandbox.control
    added = int(control.add_assignment("1001", "New & shiny", points=7.0, group=1))
    control.remove_assignment(POSTED)
    control.rename_assignment(10_001, "Renamed")

    items = await ask.assignments(1001)
    assert items[added]["submission"]["workflow_state"] == "unsubmitted"
    assert items[added]["name"] == "New & shiny"
    assert items[10_001]["name"] == "Renamed"
    assert POSTED not in items
    assert (await ask(f"/courses/1001/assignments/{POSTED}")).status == 404
    assert await score(ask, 1001) == await by_hand(ask, 1001)
    control.restore_assignment(POSTED)
    assert (await ask.assignments(1001))[POSTED]["submission"]["score"] is not None


async def test_locks_can_be_set(ask: Asker) -> None:
    ask.sandbox.control.lock_assignment(POSTED, unlock_at="2026-11-01T00:00:00Z")
    assert (await ask.assignments(1001))[POSTED]["locked_for_user"] is True
    ask.sandbox.control.lock_assignment(POSTED)
    assert (await ask.assignments(1001))[POSTED]["locked_for_user"] is False


async def test_a_course_is_withdrawn_from_one_student(ask: Asker) -> None:
    ask.sandbox.control.withdraw_course(1001, student=0)

    ids = [{course["id"] for course in await ask.courses(student=student)} for student in (0, 1)]
    assert ids[1] - ids[0] == {1001}
    assert (await ask("/courses/1001/assignments")).status == 403
    ask.sandbox.control.restore_course(1001)
    assert (await ask("/courses/1001/assignments")).status == 200


async def test_a_course_is_restricted_renamed_concluded_and_its_totals_hidden(ask: Asker) -> None:
    control = ask.sandbox.control
    control.restrict_course(1001)
    control.rename_course(1002, "Novum")
    control.hide_totals(1002)
    control.conclude_course(1002)
    renamed = await ask.course(1002)

    assert await ask.course(1001) == {"id": 1001, "access_restricted_by_date": True}
    assert (await ask("/courses/1001/assignments")).status == 403
    assert (renamed["name"], renamed["concluded"]) == ("Novum", True)
    assert "computed_current_score" not in renamed["enrollments"][0]
    control.restrict_course(1001, restricted=False)
    assert "name" in await ask.course(1001)


async def test_what_is_there_can_be_listed(ask: Asker) -> None:
    control = ask.sandbox.control
    courses = {course["id"]: course for course in control.courses()}
    items = {item["id"]: item for item in control.assignments("1001")}

    assert courses["1006"]["restricted"] is True
    assert courses["1001"]["current_score"] == (await score(ask, 1001))[0]
    assert courses["1001"]["assignments"] == 20
    assert items["10000"]["posted"] is True
    assert items["10004"]["posted"] is False
    assert items["10004"]["score"] is not None
    assert items["10017"]["assigned"] is False


def test_ids_that_are_not_there(ask: Asker) -> None:
    with pytest.raises(KeyError):
        ask.sandbox.control.set_grade(5, 1.0)
    with pytest.raises(KeyError):
        ask.sandbox.control.rename_course("5", "X")


async def test_the_log_tells_what_was_asked(ask: Asker) -> None:
    await ask("/courses?per_page=5&access_token=secret", student=1)
    await ask("/courses")

    entries, counters = ask.sandbox.control.requests(), ask.sandbox.control.counters()
    assert [(entry["path"], entry["query"], entry["student"]) for entry in entries] == [
        ("/api/v1/courses", "per_page=5", 1),
        ("/api/v1/courses", "", 0),
    ]
    assert all(entry["status"] == 200 and entry["seconds"] >= 0 for entry in entries)
    assert counters["paths"] == {"/api/v1/courses": 2}
    assert (counters["requests"], counters["statuses"], counters["refused"]) == (2, {"200": 2}, 0)
    ask.sandbox.control.forget_requests()
    assert ask.sandbox.control.counters()["requests"] == 0


async def test_latency_can_be_set_on_the_way(ask: Asker) -> None:
    ask.sandbox.control.set_latency(40)

    await ask("/courses")

    assert ask.sandbox.control.requests()[0]["seconds"] >= 0.75 * 0.040
