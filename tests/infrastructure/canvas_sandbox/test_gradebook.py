"""Tests of what is neither open nor graded: reviews, policies, locks, work that is not online."""

from typing import Any

import pytest

from tests.infrastructure.canvas_sandbox.sandbox_client import SandboxClient

GRADE_KEYS = {"grade", "score", "entered_grade", "entered_score"}
PAST_DUE = "2026-10-01T00:00:00Z"
PLANNER = "/planner/items?start_date=2026-01-01&end_date=2027-12-31&per_page=100"


async def read_item(client: SandboxClient, assignment: int | str) -> dict[str, Any]:
    return (await client.assignments(1001))[int(assignment)]


async def read_submission(client: SandboxClient, assignment: int | str) -> dict[str, Any]:
    return dict((await read_item(client, assignment))["submission"])


async def read_planned(client: SandboxClient, assignment: int | str) -> dict[str, Any]:
    """The flags of a submission in the planner."""
    items = (await client(PLANNER)).json
    found = next(item for item in items if item["plannable_id"] == int(assignment))
    return dict(found["submissions"])


async def read_current_total(client: SandboxClient) -> float:
    return float((await client.course(1001))["enrollments"][0]["computed_current_score"])


@pytest.mark.parametrize("posted", [True, False])
async def test_a_quiz_in_review_has_a_part_of_its_points(
    client: SandboxClient,
    posted: bool,  # noqa: FBT001  a test parameter
) -> None:
    control = client.sandbox.control
    quiz = control.add_assignment(1001, "Quiz", submission_type="online_quiz", due_at=PAST_DUE)
    total = await read_current_total(client)
    control.leave_for_review(quiz, 4.0, posted=posted)
    row = await read_submission(client, quiz)

    assert (row["workflow_state"], row["score"], row["attempt"]) == ("pending_review", 4.0, 1)
    assert (row["posted_at"] is not None, row["graded_at"] is not None) == (posted, posted)
    assert await read_current_total(client) == total
    control.set_grade(quiz, 7.0)
    assert (await read_submission(client, quiz))["workflow_state"] == "graded"


@pytest.mark.parametrize(
    ("submission_type", "missing"),
    [
        ("on_paper", False),
        ("none", False),
        ("not_graded", False),
        ("wiki_page", False),
        ("external_tool", False),
        ("online_upload", True),
        ("on_paper,online_upload", True),
    ],
)
async def test_only_work_that_is_handed_in_online_is_missing(
    client: SandboxClient,
    submission_type: str,
    missing: bool,  # noqa: FBT001  a test parameter
) -> None:
    added = client.sandbox.control.add_assignment(
        1001, "Old", submission_type=submission_type, due_at=PAST_DUE
    )
    item = await read_item(client, added)

    assert item["submission_types"] == submission_type.split(",")
    assert item["submission"]["missing"] is missing


async def test_two_submission_types_show_the_one_that_was_used(client: SandboxClient) -> None:
    control = client.sandbox.control
    added = control.add_assignment(1001, "Either", submission_type="on_paper,online_upload")
    control.submit(added)

    assert (await read_submission(client, added))["submission_type"] == "online_upload"


async def test_manual_posting_hides_the_grade_keys_of_all_work(client: SandboxClient) -> None:
    control = client.sandbox.control
    added = control.add_assignment(1001, "Exam", post_manually=True)
    ungraded = await read_submission(client, added)
    control.post_grades(added, everyone=True)
    posted = await read_submission(client, added)

    assert (await read_item(client, added))["post_manually"] is True
    assert not ungraded.keys() & GRADE_KEYS
    assert (posted["score"], posted["posted_at"]) == (None, "2026-10-15T15:00:00Z")
    control.set_post_policy(added, manual=False)
    assert (await read_item(client, added))["post_manually"] is False


async def test_posting_for_everyone_moves_the_time_of_posting(client: SandboxClient) -> None:
    control = client.sandbox.control
    before = (await read_submission(client, 10_000))["posted_at"]
    control.post_grades(10_000)
    graded_only = (await read_submission(client, 10_000))["posted_at"]
    control.post_grades(10_000, everyone=True)

    assert before == graded_only
    assert (await read_submission(client, 10_000))["posted_at"] == "2026-10-15T15:00:00Z"


@pytest.mark.parametrize("keeps", [True, False])
async def test_a_grade_can_be_taken_back(
    client: SandboxClient,
    keeps: bool,  # noqa: FBT001  a test parameter
) -> None:
    control = client.sandbox.control
    before = await read_submission(client, 10_000)
    control.take_back_grade(10_000, keeps_posted_at=keeps)
    after = await read_submission(client, 10_000)

    assert before["score"] is not None
    assert (after["score"], after["grade"], after["graded_at"]) == (None, None, None)
    assert after["workflow_state"] == "submitted"
    assert after["posted_at"] == (before["posted_at"] if keeps else None)


async def test_the_planner_shows_grades_that_are_not_posted_as_graded(
    client: SandboxClient,
) -> None:
    control = client.sandbox.control
    control.hide_grades(10_000, student=0)
    hidden = await read_planned(client, 10_000)
    control.take_back_grade(10_000)
    taken = await read_planned(client, 10_000)
    control.set_grade(10_000, 3.0)
    control.submit(10_000)
    resubmitted = await read_planned(client, 10_000)

    flags = [
        (row["graded"], row["posted_at"] is not None, row["needs_grading"])
        for row in (hidden, taken, resubmitted)
    ]
    assert flags == [(True, False, False), (False, False, True), (False, True, True)]


async def test_a_late_penalty_is_taken_from_the_entered_score(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.set_late_policy(10_000, "late")
    control.set_grade(10_000, 8.0, deducted=1.5)
    row = await read_submission(client, 10_000)

    assert (row["entered_score"], row["score"], row["points_deducted"]) == (8.0, 6.5, 1.5)
    assert (row["entered_grade"], row["grade"]) == ("8", "6.5")
    assert (row["late_policy_status"], row["late"]) == ("late", True)


async def test_a_status_by_hand_replaces_the_dates(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.set_late_policy(10_002, "none")
    none = await read_submission(client, 10_002)
    control.set_late_policy(10_002, "extended")
    extended = await read_submission(client, 10_002)
    control.set_late_policy(10_002, "missing")
    missing = await read_submission(client, 10_002)
    control.set_late_policy(10_002, None)
    by_date = await read_submission(client, 10_002)

    assert [row["missing"] for row in (none, extended, missing, by_date)] == [
        False, False, True, True,
    ]  # fmt: skip
    with pytest.raises(ValueError, match="no status 'tardy'"):
        control.set_late_policy(10_002, "tardy")


async def test_work_without_submission_that_was_graded_is_not_missing(
    client: SandboxClient,
) -> None:
    control = client.sandbox.control
    assert (await read_submission(client, 10_002))["missing"] is True
    control.set_grade(10_002, 0.0)

    assert (await read_submission(client, 10_002))["missing"] is False


async def test_a_module_locks_an_assignment_with_html(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.lock_in_module(10_000, "Basics & <more>")
    locked = await read_item(client, 10_000)
    control.lock_in_module(10_000, None)
    opened = await read_item(client, 10_000)

    assert (locked["locked_for_user"], locked["description"]) == (True, None)
    assert locked["lock_info"]["asset_string"] == "assignment_10000"
    assert locked["lock_info"]["context_module"]["name"] == "Basics & <more>"
    assert "<b>Basics &amp; &lt;more&gt;</b>" in locked["lock_explanation"]
    assert opened["locked_for_user"] is False
    assert not opened.keys() & {"lock_info", "lock_explanation"}


async def test_an_unlock_date_is_named_before_a_module_and_a_module_before_a_lock_date(
    client: SandboxClient,
) -> None:
    control = client.sandbox.control
    control.lock_in_module(10_000, "Basics")
    control.lock_assignment(10_000, lock_at="2026-10-01T00:00:00Z")
    by_module = (await read_item(client, 10_000))["lock_info"]
    control.lock_assignment(10_000, unlock_at="2026-11-01T00:00:00Z")
    by_date = (await read_item(client, 10_000))["lock_info"]
    control.lock_in_module(10_000, None)
    control.lock_assignment(10_000, lock_at="2026-10-01T00:00:00Z")
    closed = await read_item(client, 10_000)

    assert set(by_module) == {"asset_string", "context_module"}
    assert set(by_date) == {"asset_string", "unlock_at", "can_view"}
    assert closed["lock_info"]["can_view"] is True
    assert closed["description"] is not None


async def test_an_omitted_assignment_and_changed_points_change_totals(
    client: SandboxClient,
) -> None:
    control = client.sandbox.control
    control.set_grade(10_000, 0.0)
    counted = await read_current_total(client)
    control.omit_assignment(10_000)
    omitted = await read_current_total(client)
    control.omit_assignment(10_000, omitted=False)
    control.set_points(10_000, 0.0)
    without_points = await read_current_total(client)

    assert (await read_item(client, 10_000))["points_possible"] == 0.0
    assert counted < omitted == without_points


async def test_a_reminder_counts_nowhere(client: SandboxClient) -> None:
    control = client.sandbox.control
    control.set_grade(10_000, 0.0)
    counted = await read_current_total(client)
    control.set_submission_type(10_000, "not_graded")

    assert await read_current_total(client) > counted


async def test_a_quiz_has_a_minute_of_grace(client: SandboxClient) -> None:
    control = client.sandbox.control
    due_at = "2026-10-15T14:59:30Z"
    quiz = control.add_assignment(1001, "Quiz", submission_type="online_quiz", due_at=due_at)
    upload = control.add_assignment(1001, "Upload", due_at=due_at)
    missing = [(await read_submission(client, id_))["missing"] for id_ in (quiz, upload)]
    for id_ in (quiz, upload):
        control.submit(id_)
    late = [(await read_submission(client, id_))["late"] for id_ in (quiz, upload)]

    assert missing == late == [False, True]
