"""Tests that incremental runs record the same as full runs, if the change feeds show the change."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from tests.infrastructure.canvas.synced_student import (
    NO_CHANGES,
    NOON,
    SyncedStudent,
    open_synced_student,
)

INCREMENTAL_RUNS = 4


def random_due_date(rng: Random) -> Any:
    """A random day in the planner window, but not today."""
    days = rng.choice([*range(-60, -1), *range(2, 90)])
    return NOON + timedelta(days=days)


def random_assignment(student: SyncedStudent, rng: Random) -> dict[str, Any]:
    """A random published assignment that is assigned and has a due date."""
    course = rng.choice(student.control.courses())
    assignments = student.control.assignments(course["id"])
    return rng.choice(
        [
            assignment
            for assignment in assignments
            if assignment["due_at"] and assignment["assigned"] and assignment["present"]
        ]
    )


def set_random_grade(student: SyncedStudent, rng: Random) -> None:
    assignment = random_assignment(student, rng)
    no_score = [None] if assignment["posted"] else []
    score = rng.choice([*no_score, 0.0, 3.5, assignment["points_possible"]])
    student.control.set_grade(assignment["id"], score=score, posted=rng.random() < 0.7)


def post_grade(student: SyncedStudent, rng: Random) -> None:
    student.control.post_grades(random_assignment(student, rng)["id"])


def post_all_grades(student: SyncedStudent, rng: Random) -> None:
    course = rng.choice(student.control.courses())
    for assignment in student.control.assignments(course["id"]):
        student.control.post_grades(assignment["id"])


def hide_grade(student: SyncedStudent, rng: Random) -> None:
    student.control.hide_grades(random_assignment(student, rng)["id"])


def toggle_excuse(student: SyncedStudent, rng: Random) -> None:
    assignment = random_assignment(student, rng)
    student.control.excuse(assignment["id"], excused=not assignment["posted"] or rng.random() < 0.7)


def submit_work(student: SyncedStudent, rng: Random) -> None:
    assignment = random_assignment(student, rng)
    if assignment["state"] in {"unsubmitted", "graded"}:
        student.control.submit(assignment["id"])


def move_due_date(student: SyncedStudent, rng: Random) -> None:
    student.control.move_due_date(random_assignment(student, rng)["id"], random_due_date(rng))


def rename_assignment(student: SyncedStudent, rng: Random) -> None:
    student.control.rename_assignment(random_assignment(student, rng)["id"], f"New {rng.random()}")


def add_assignment(student: SyncedStudent, rng: Random) -> None:
    course = rng.choice(student.control.courses())
    kind = rng.choice(["online_upload", "online_quiz", "discussion_topic", "on_paper"])
    student.control.add_assignment(
        course["id"], "One more", due_at=random_due_date(rng), submission_type=kind
    )


def rename_course(student: SyncedStudent, rng: Random) -> None:
    course = rng.choice(student.control.courses())
    student.control.rename_course(course["id"], f"Course {rng.random()}")


def toggle_course_state(student: SyncedStudent, rng: Random) -> None:
    """Withdraw, restrict or conclude a course or hide its totals, or undo that."""
    course = rng.choice(student.control.courses())
    id_, control = course["id"], student.control
    match rng.randrange(4):
        case 0:
            (control.withdraw_course if course["present"] else control.restore_course)(id_)
        case 1:
            control.restrict_course(id_, restricted=not course["restricted"])
        case 2:
            control.conclude_course(id_, concluded=not course["concluded"])
        case _:
            control.hide_totals(id_, hidden=not course["totals_hidden"])


CHANGES = [
    set_random_grade, set_random_grade, set_random_grade, post_grade, post_all_grades, hide_grade,
    toggle_excuse, submit_work, move_due_date, rename_assignment, add_assignment, rename_course,
    toggle_course_state,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
async def test_after_incremental_runs_a_full_run_finds_no_change(seed: int) -> None:
    rng = Random(seed)
    async with open_synced_student(seed=seed + 1) as student:
        for _ in range(INCREMENTAL_RUNS):
            changes = [rng.choice(CHANGES) for _ in range(rng.randrange(5))]
            for change in changes:
                student.control.advance_clock(60)
                change(student, rng)
            run = await student.sync()
            assert (run["mode"], run["status"]) == ("incremental", "completed")
        # A course that has left the list is withdrawn by the second run that misses it.
        await student.sync()
        run = await student.sync("full")
        assert (run["mode"], run["changes"]) == ("full", NO_CHANGES)


async def test_a_change_below_a_page_of_newer_grades_is_found() -> None:
    async with open_synced_student(courses=3, assignments=60, restricted=False) as student:
        undated = next(
            assignment["id"]
            for assignment in student.control.assignments("1003")
            if assignment["due_at"] is None and assignment["state"] == "graded"
        )
        student.control.set_grade(undated, score=0.5)
        student.control.advance_clock(60)
        for assignment in student.control.assignments("1001"):
            student.control.set_grade(assignment["id"], score=0.5)
        run = await student.sync()
        assert (run["mode"], run["courses"]["done"]) == ("incremental", 3)
        assert run["requests"]["total"] == 3 + 1 + 2 + 2
        assert (await student.sync("full"))["changes"] == NO_CHANGES
