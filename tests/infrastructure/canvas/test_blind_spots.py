"""What none of the three lists shows waits for the next full run, and is found by it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.infrastructure.canvas.synced_student import NOON, NOTHING, InStep, in_step

PLAIN, HIDDEN = "1001", "1003"


def work(student: InStep, course_id: str = PLAIN, **like: Any) -> str:
    """The first of a course's assignments that is as told."""
    found = student.control.assignments(course_id)
    return next(str(one["id"]) for one in found if all(one[key] == like[key] for key in like))


def remove_one_where_totals_are_hidden(student: InStep) -> None:
    student.control.remove_assignment(work(student, HIDDEN, state="unsubmitted"))


def lock_one(student: InStep) -> None:
    student.control.lock_assignment(work(student), unlock_at=NOON)


def rename_an_undated_one(student: InStep) -> None:
    student.control.rename_assignment(work(student, due_at=None), "New")


def hand_an_undated_one_in(student: InStep) -> None:
    student.control.submit(work(student, due_at=None, state="unsubmitted"))


def hand_one_in_again_in_time(student: InStep) -> None:
    found = student.control.assignments(PLAIN)
    now = NOON.isoformat()
    student.control.submit(
        next(one["id"] for one in found if one["state"] == "submitted" and one["due_at"] > now)
    )


def take_an_unposted_grade_back(student: InStep) -> None:
    student.control.set_grade(work(student, state="graded", posted=False))


def add_one_without_date_and_points(student: InStep) -> None:
    student.control.add_assignment(PLAIN, "Read this", points=None)


def take_a_due_date_away(student: InStep) -> None:
    student.control.move_due_date(work(student, state="unsubmitted"), None)


def move_a_due_date_beyond_the_planner(student: InStep) -> None:
    beyond = NOON + timedelta(days=300)
    student.control.move_due_date(work(student, state="unsubmitted"), beyond)


def let_a_due_date_pass(student: InStep) -> None:
    student.control.advance_clock(7_200)


BLIND = [
    remove_one_where_totals_are_hidden,
    lock_one,
    rename_an_undated_one,
    hand_an_undated_one_in,
    hand_one_in_again_in_time,
    take_an_unposted_grade_back,
    add_one_without_date_and_points,
    take_a_due_date_away,
    move_a_due_date_beyond_the_planner,
    let_a_due_date_pass,
]


@pytest.mark.parametrize("change", BLIND)
async def test_what_no_list_shows_is_found_by_the_next_full_run(
    change: Callable[[InStep], None],
) -> None:
    async with in_step() as student:
        student.control.add_assignment(PLAIN, "Tonight", due_at=NOON + timedelta(hours=1))
        assert (await student.sync())["changes"]["assignments"] == 1
        change(student)
        run = await student.sync()
        assert (run["mode"], run["changes"]) == ("incremental", NOTHING)
        run = await student.sync("full")
        assert (run["mode"], run["changes"]["assignments"]) == ("full", 1)


async def test_the_planner_is_read_three_pages_deep() -> None:
    async with in_step(courses=4, assignments=120, restricted=False) as student:
        assert (await student.sync())["requests"]["total"] == 3
        found = student.control.assignments(PLAIN)
        dated = sorted((one for one in found if one["due_at"]), key=lambda one: one["due_at"])
        student.control.rename_assignment(dated[0]["id"], "Far down")
        run = await student.sync()
        # The planner says that something changed, and not where: three pages, and no course.
        # A grade yet to be posted further down, in a course without totals, is looked for.
        assert (run["changes"], run["requests"]["total"]) == (NOTHING, 2 + 3 + 1)
        student.control.rename_assignment(dated[-1]["id"], "High up")
        assert (await student.sync())["changes"]["assignments"] == 2
