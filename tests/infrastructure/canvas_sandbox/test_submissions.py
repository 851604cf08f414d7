"""Tests of submissions, and of the lists over all courses."""

from typing import Any

from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient

SUBMISSIONS_PATH = "/courses/1001/students/submissions"
GRADE_KEYS = {"grade", "score", "entered_grade", "entered_score"}


async def read_rows(client: SandboxClient, extra_query: str = "") -> list[dict[str, Any]]:
    return list((await client(f"{SUBMISSIONS_PATH}?per_page=100{extra_query}")).json)


async def test_a_hidden_grade_is_absent_but_graded_at_is_shown(client: SandboxClient) -> None:
    hidden = [row for row in await read_rows(client) if row["graded_at"] and not row["posted_at"]]

    assert len(hidden) == 1
    assert not hidden[0].keys() & GRADE_KEYS
    assert hidden[0]["workflow_state"] == "graded"


async def test_every_kind_of_submission_is_generated(client: SandboxClient) -> None:
    found = await read_rows(client)

    def any_row(**fields: Any) -> bool:
        return any(all(row.get(key) == value for key, value in fields.items()) for row in found)

    assert any_row(workflow_state="graded", excused=True, score=None, grade=None)
    assert any_row(late=True, late_policy_status="late", workflow_state="graded")
    assert any_row(missing=True, workflow_state="unsubmitted", submitted_at=None)
    assert any_row(late_policy_status="missing", score=0.0)
    assert any_row(workflow_state="submitted", graded_at=None, grade=None)
    assert any_row(workflow_state="submitted", grade_matches_current_submission=False, attempt=2)
    assert any_row(workflow_state="pending_review", submission_type="online_quiz")
    assert any_row(workflow_state="unsubmitted", cached_due_date=None)
    assert any_row(submission_type=None, workflow_state="graded", missing=False)


async def test_a_late_penalty_is_deducted_from_the_entered_score(client: SandboxClient) -> None:
    late = next(row for row in await read_rows(client) if row["points_deducted"])

    assert late["score"] == late["entered_score"] - late["points_deducted"]
    assert late["seconds_late"] == 129_600


async def test_an_excused_submission_is_neither_late_nor_missing(client: SandboxClient) -> None:
    excused = [row for row in await read_rows(client) if row["excused"]]

    assert {(row["late"], row["missing"], row["seconds_late"]) for row in excused} == {
        (False, False, 0)
    }


async def test_submissions_can_be_filtered_by_grading_time(client: SandboxClient) -> None:
    graded = sorted(row["graded_at"] for row in await read_rows(client) if row["graded_at"])

    later = await read_rows(client, f"&graded_since={graded[3]}")

    assert sorted(row["graded_at"] for row in later) == [
        graded_at for graded_at in graded if graded_at > graded[3]
    ]


async def test_an_invalid_time_is_rejected(client: SandboxClient) -> None:
    response = await client(f"{SUBMISSIONS_PATH}?graded_since=yesterday")

    assert response.status == 400
    assert response.body == b'{"errors":{"graded_since":"Invalid datetime for graded_since"}}'


async def test_submissions_of_other_students_are_denied(client: SandboxClient) -> None:
    other = client.sandbox.tokens[1]["user_id"]

    assert (await client(f"{SUBMISSIONS_PATH}?student_ids[]=self")).status == 200
    assert (await client(f"{SUBMISSIONS_PATH}?student_ids[]={other}")).status == 403


async def test_unknown_assignment_ids_are_denied_with_their_own_error(
    client: SandboxClient,
) -> None:
    response = await client(f"{SUBMISSIONS_PATH}?assignment_ids[]=77")

    assert (response.status, response.body) == (
        403,
        b'{"error":"invalid assignment ids requested"}',
    )


async def test_grouped_submissions_are_nested_under_their_student(client: SandboxClient) -> None:
    grouped = (await client(f"{SUBMISSIONS_PATH}?grouped=true&per_page=100")).json

    assert len(grouped) == 1
    assert len(grouped[0]["submissions"]) == 19


async def test_graded_submissions_span_all_courses_newest_first(client: SandboxClient) -> None:
    pages = await client.pages("/users/self/graded_submissions?include[]=assignment&per_page=25")

    found = [row for page in pages for row in page.json]
    graded = [row["graded_at"] for row in found]
    courses = {row["assignment"]["course_id"] for row in found}
    assert graded == sorted(graded, reverse=True)
    assert len({row["id"] for row in found}) == len(found) == 60
    assert 1006 in courses
    assert any(not row.keys() & GRADE_KEYS for row in found)
    assert "course_id" not in found[0]
    assert "last" not in pages[0].links


async def test_two_students_have_different_submissions(client: SandboxClient) -> None:
    first_student, second_student = [
        (await client(f"{SUBMISSIONS_PATH}?per_page=100", student=student)).json
        for student in (0, 1)
    ]

    assert not {row["id"] for row in first_student} & {row["id"] for row in second_student}
    assert [row["score"] for row in first_student if "score" in row] != [
        row["score"] for row in second_student if "score" in row
    ]


async def test_missing_submissions_are_past_due_and_open(client: SandboxClient) -> None:
    found = (await client("/users/self/missing_submissions?per_page=100&course_ids[]=1001")).json

    assert {item["course_id"] for item in found} == {1001}
    assert len(found) == sum(row["missing"] for row in await read_rows(client))


async def test_assignments_due_this_week_are_listed(client: SandboxClient) -> None:
    client.sandbox.control.add_assignment(1001, "Soon", due_at="2026-10-17T06:00:00Z")

    todo = (await client("/users/self/todo")).json
    upcoming = (await client("/users/self/upcoming_events")).json

    assert "Soon" in {item["assignment"]["name"] for item in todo}
    assert {item["type"] for item in todo} == {"submitting"}
    assert all(item["id"].startswith("assignment_") for item in upcoming)


async def test_the_planner_shows_dated_assignments_without_scores(client: SandboxClient) -> None:
    pages = await client.pages(
        "/planner/items?start_date=2026-01-01&end_date=2027-12-31&per_page=100"
    )

    found = [item for page in pages for item in page.json]
    dates = [item["plannable_date"] for item in found]
    assert dates == sorted(dates)
    assert len(found) == 5 * 19
    assert not any("score" in item["submissions"] for item in found if item["submissions"])
    assert found[0]["html_url"].startswith("/courses/")


async def test_the_planner_uses_separate_ids_for_quizzes_and_topics(client: SandboxClient) -> None:
    items = (
        await client("/planner/items?start_date=2026-01-01&end_date=2027-12-31&per_page=100")
    ).json
    found = await client.assignments(1001)
    quizzes = [item for item in items if item["plannable_type"] == "quiz"]
    plain = [item for item in items if item["plannable_type"] == "assignment"]

    assert {"quiz", "discussion_topic"} <= {item["plannable_type"] for item in items}
    for item in quizzes:
        if item["course_id"] == 1001:
            assert item["plannable_id"] == found[item["plannable"]["assignment_id"]]["quiz_id"]
    assert not any("assignment_id" in item["plannable"] for item in plain)


async def test_the_planner_covers_two_weeks_each_way_by_default(client: SandboxClient) -> None:
    found = (await client("/users/self/planner/items?per_page=100")).json

    dates = [item["plannable_date"] for item in found]
    assert dates
    assert min(dates) >= "2026-10-01T15:00:00Z"
    assert max(dates) <= "2026-10-29T15:00:00Z"
    assert (await client("/planner/items?start_date=soon")).status == 400


async def test_a_single_own_submission_can_be_requested(client: SandboxClient) -> None:
    row = (await read_rows(client))[0]
    base = f"/courses/1001/assignments/{row['assignment_id']}/submissions"

    assert (await client(f"{base}/self")).json == row
    assert (await client(f"{base}/{client.sandbox.tokens[1]['user_id']}")).status == 403
