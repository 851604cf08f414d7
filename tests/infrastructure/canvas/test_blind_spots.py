"""Tests that a change which no change feed shows is found by the next full run."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.infrastructure.canvas.synced_student import (
    NO_CHANGES,
    NOON,
    SyncedStudent,
    open_synced_student,
)

PLAIN_COURSE, HIDDEN_TOTALS_COURSE = "1001", "1003"


def find_assignment(student: SyncedStudent, course_id: str = PLAIN_COURSE, **fields: Any) -> str:
    """Find the first assignment of a course with these field values; return its id."""
    assignments = student.control.assignments(course_id)
    return next(
        str(assignment["id"])
        for assignment in assignments
        if all(assignment[key] == fields[key] for key in fields)
    )


def remove_assignment_where_totals_are_hidden(student: SyncedStudent) -> None:
    student.control.remove_assignment(
        find_assignment(student, HIDDEN_TOTALS_COURSE, state="unsubmitted")
    )


def lock_assignment(student: SyncedStudent) -> None:
    student.control.lock_assignment(find_assignment(student), unlock_at=NOON)


def rename_undated_assignment(student: SyncedStudent) -> None:
    student.control.rename_assignment(find_assignment(student, due_at=None), "New")


def submit_undated_assignment(student: SyncedStudent) -> None:
    student.control.submit(find_assignment(student, due_at=None, state="unsubmitted"))


def resubmit_before_due_date(student: SyncedStudent) -> None:
    assignments = student.control.assignments(PLAIN_COURSE)
    now = NOON.isoformat()
    student.control.submit(
        next(
            assignment["id"]
            for assignment in assignments
            if assignment["state"] == "submitted" and assignment["due_at"] > now
        )
    )


def lock_in_module(student: SyncedStudent) -> None:
    student.control.lock_in_module(find_assignment(student), "Week 2")


def add_assignment_without_date_and_points(student: SyncedStudent) -> None:
    student.control.add_assignment(PLAIN_COURSE, "Read this", points=None)


def remove_due_date(student: SyncedStudent) -> None:
    student.control.move_due_date(find_assignment(student, state="unsubmitted"), None)


def move_due_date_outside_planner_window(student: SyncedStudent) -> None:
    beyond = NOON + timedelta(days=300)
    student.control.move_due_date(find_assignment(student, state="unsubmitted"), beyond)


def pass_due_date(student: SyncedStudent) -> None:
    student.control.advance_clock(7_200)


INVISIBLE_CHANGES = [
    remove_assignment_where_totals_are_hidden,
    lock_assignment,
    rename_undated_assignment,
    submit_undated_assignment,
    resubmit_before_due_date,
    lock_in_module,
    add_assignment_without_date_and_points,
    remove_due_date,
    move_due_date_outside_planner_window,
    pass_due_date,
]


@pytest.mark.parametrize("change", INVISIBLE_CHANGES)
async def test_a_change_invisible_to_all_feeds_is_found_by_a_full_run(
    change: Callable[[SyncedStudent], None],
) -> None:
    async with open_synced_student() as student:
        student.control.add_assignment(PLAIN_COURSE, "Tonight", due_at=NOON + timedelta(hours=1))
        assert (await student.sync())["changes"]["assignments"] == 1
        change(student)
        run = await student.sync()
        assert (run["mode"], run["changes"]) == ("incremental", NO_CHANGES)
        run = await student.sync("full")
        assert (run["mode"], run["changes"]["assignments"]) == ("full", 1)


async def test_at_most_three_planner_pages_are_read() -> None:
    async with open_synced_student(courses=4, assignments=120, restricted=False) as student:
        assert (await student.sync())["requests"]["total"] == 3
        assignments = student.control.assignments(PLAIN_COURSE)
        dated = sorted(
            (assignment for assignment in assignments if assignment["due_at"]),
            key=lambda assignment: assignment["due_at"],
        )
        student.control.rename_assignment(dated[0]["id"], "Far down")
        run = await student.sync()
        # The validator of the planner differs, but the change is beyond three pages, so no course
        # is read. One more page of graded submissions is read, because a course with hidden totals
        # has a grade that is not posted.
        assert (run["changes"], run["requests"]["total"]) == (NO_CHANGES, 2 + 3 + 1)
        student.control.rename_assignment(dated[-1]["id"], "High up")
        assert (await student.sync())["changes"]["assignments"] == 2
