"""Submissions, and the lists over all courses."""

from typing import Any

from tests.infrastructure.canvas_sandbox.sandbox_client import Asker

ROWS = "/courses/1001/students/submissions"
GRADE_KEYS = {"grade", "score", "entered_grade", "entered_score"}


async def rows(ask: Asker, more: str = "") -> list[dict[str, Any]]:
    return list((await ask(f"{ROWS}?per_page=100{more}")).json)


async def test_a_hidden_grade_is_absent_while_graded_at_stays(ask: Asker) -> None:
    hidden = [row for row in await rows(ask) if row["graded_at"] and not row["posted_at"]]

    assert len(hidden) == 1
    assert not hidden[0].keys() & GRADE_KEYS
    assert hidden[0]["workflow_state"] == "graded"


async def test_every_variety_is_there(ask: Asker) -> None:
    found = await rows(ask)

    def some(**facts: Any) -> bool:
        return any(all(row.get(key) == value for key, value in facts.items()) for row in found)

    assert some(workflow_state="graded", excused=True, score=None, grade=None)
    assert some(late=True, late_policy_status="late", workflow_state="graded")
    assert some(missing=True, workflow_state="unsubmitted", submitted_at=None)
    assert some(late_policy_status="missing", score=0.0)
    assert some(workflow_state="submitted", graded_at=None, grade=None)
    assert some(workflow_state="submitted", grade_matches_current_submission=False, attempt=2)
    assert some(workflow_state="pending_review", submission_type="online_quiz")
    assert some(workflow_state="unsubmitted", cached_due_date=None)
    assert some(submission_type=None, workflow_state="graded", missing=False)


async def test_a_late_penalty_is_taken_off_what_was_entered(ask: Asker) -> None:
    late = next(row for row in await rows(ask) if row["points_deducted"])

    assert late["score"] == late["entered_score"] - late["points_deducted"]
    assert late["seconds_late"] == 129_600


async def test_what_is_excused_is_neither_late_nor_missing(ask: Asker) -> None:
    excused = [row for row in await rows(ask) if row["excused"]]

    assert {(row["late"], row["missing"], row["seconds_late"]) for row in excused} == {
        (False, False, 0)
    }


async def test_rows_can_be_asked_for_since_a_moment(ask: Asker) -> None:
    graded = sorted(row["graded_at"] for row in await rows(ask) if row["graded_at"])

    later = await rows(ask, f"&graded_since={graded[3]}")

    assert sorted(row["graded_at"] for row in later) == [one for one in graded if one > graded[3]]


async def test_a_moment_that_is_none_is_refused(ask: Asker) -> None:
    told = await ask(f"{ROWS}?graded_since=yesterday")

    assert told.status == 400
    assert told.body == b'{"errors":{"graded_since":"Invalid datetime for graded_since"}}'


async def test_other_students_rows_are_denied(ask: Asker) -> None:
    other = ask.sandbox.tokens[1]["user_id"]

    assert (await ask(f"{ROWS}?student_ids[]=self")).status == 200
    assert (await ask(f"{ROWS}?student_ids[]={other}")).status == 403


async def test_rows_of_unknown_assignments_are_denied_in_a_shape_of_their_own(ask: Asker) -> None:
    told = await ask(f"{ROWS}?assignment_ids[]=77")

    assert (told.status, told.body) == (403, b'{"error":"invalid assignment ids requested"}')


async def test_grouped_rows_come_under_their_student(ask: Asker) -> None:
    grouped = (await ask(f"{ROWS}?grouped=true&per_page=100")).json

    assert len(grouped) == 1
    assert len(grouped[0]["submissions"]) == 19


async def test_the_feed_of_grades_spans_courses_newest_first(ask: Asker) -> None:
    pages = await ask.pages("/users/self/graded_submissions?include[]=assignment&per_page=25")

    found = [row for page in pages for row in page.json]
    graded = [row["graded_at"] for row in found]
    courses = {row["assignment"]["course_id"] for row in found}
    assert graded == sorted(graded, reverse=True)
    assert len({row["id"] for row in found}) == len(found) == 66
    assert 1006 in courses
    assert any(not row.keys() & GRADE_KEYS for row in found)
    assert "course_id" not in found[0]
    assert "last" not in pages[0].links


async def test_two_students_have_work_of_their_own(ask: Asker) -> None:
    mine, theirs = [(await ask(f"{ROWS}?per_page=100", student=student)).json for student in (0, 1)]

    assert not {row["id"] for row in mine} & {row["id"] for row in theirs}
    assert [row["score"] for row in mine if "score" in row] != [
        row["score"] for row in theirs if "score" in row
    ]


async def test_missing_submissions_are_past_due_and_open(ask: Asker) -> None:
    found = (await ask("/users/self/missing_submissions?per_page=100&course_ids[]=1001")).json

    assert {item["course_id"] for item in found} == {1001}
    assert len(found) == sum(row["missing"] for row in await rows(ask))


async def test_what_is_due_this_week(ask: Asker) -> None:
    ask.sandbox.control.add_assignment(1001, "Soon", due_at="2026-10-17T06:00:00Z")

    todo = (await ask("/users/self/todo")).json
    upcoming = (await ask("/users/self/upcoming_events")).json

    assert "Soon" in {item["assignment"]["name"] for item in todo}
    assert {item["type"] for item in todo} == {"submitting"}
    assert all(item["id"].startswith("assignment_") for item in upcoming)


async def test_the_planner_shows_dated_work_and_no_scores(ask: Asker) -> None:
    pages = await ask.pages("/planner/items?start_date=2026-01-01&end_date=2027-12-31&per_page=100")

    found = [item for page in pages for item in page.json]
    dates = [item["plannable_date"] for item in found]
    assert dates == sorted(dates)
    assert len(found) == 5 * 19
    assert not any("score" in item["submissions"] for item in found if item["submissions"])
    assert found[0]["html_url"].startswith("/courses/")


async def test_the_planner_knows_quizzes_and_topics_by_ids_of_their_own(ask: Asker) -> None:
    items = (
        await ask("/planner/items?start_date=2026-01-01&end_date=2027-12-31&per_page=100")
    ).json
    found = await ask.assignments(1001)
    quizzes = [item for item in items if item["plannable_type"] == "quiz"]
    plain = [item for item in items if item["plannable_type"] == "assignment"]

    assert {"quiz", "discussion_topic"} <= {item["plannable_type"] for item in items}
    for item in quizzes:
        if item["course_id"] == 1001:
            assert item["plannable_id"] == found[item["plannable"]["assignment_id"]]["quiz_id"]
    assert not any("assignment_id" in item["plannable"] for item in plain)


async def test_the_planner_looks_two_weeks_either_way_unless_asked(ask: Asker) -> None:
    found = (await ask("/users/self/planner/items?per_page=100")).json

    dates = [item["plannable_date"] for item in found]
    assert dates
    assert min(dates) >= "2026-10-01T15:00:00Z"
    assert max(dates) <= "2026-10-29T15:00:00Z"
    assert (await ask("/planner/items?start_date=soon")).status == 400


async def test_ones_own_submission_alone(ask: Asker) -> None:
    row = (await rows(ask))[0]
    base = f"/courses/1001/assignments/{row['assignment_id']}/submissions"

    assert (await ask(f"{base}/self")).json == row
    assert (await ask(f"{base}/{ask.sandbox.tokens[1]['user_id']}")).status == 403
