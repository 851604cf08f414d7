"""Incremental runs end where full ones would, whatever changed that the three lists can show."""

from datetime import timedelta
from random import Random
from typing import Any

import pytest

from tests.infrastructure.canvas.synced_student import NOON, NOTHING, InStep, in_step

ROUNDS = 4


def a_day(chance: Random) -> Any:
    """Some day in the planner's window, not today."""
    days = chance.choice([*range(-60, -1), *range(2, 90)])
    return NOON + timedelta(days=days)


def some_work(student: InStep, chance: Random) -> dict[str, Any]:
    """An assignment that is assigned and has a due date."""
    course = chance.choice(student.control.courses())
    found = student.control.assignments(course["id"])
    return chance.choice([w for w in found if w["due_at"] and w["assigned"] and w["present"]])


def grade(student: InStep, chance: Random) -> None:
    work = some_work(student, chance)
    taken_back = [None] if work["posted"] else []
    score = chance.choice([*taken_back, 0.0, 3.5, work["points_possible"]])
    student.control.set_grade(work["id"], score=score, posted=chance.random() < 0.7)


def post(student: InStep, chance: Random) -> None:
    student.control.post_grades(some_work(student, chance)["id"])


def post_all(student: InStep, chance: Random) -> None:
    course = chance.choice(student.control.courses())
    for work in student.control.assignments(course["id"]):
        student.control.post_grades(work["id"])


def hide(student: InStep, chance: Random) -> None:
    student.control.hide_grades(some_work(student, chance)["id"])


def excuse(student: InStep, chance: Random) -> None:
    work = some_work(student, chance)
    student.control.excuse(work["id"], excused=not work["posted"] or chance.random() < 0.7)


def submit(student: InStep, chance: Random) -> None:
    work = some_work(student, chance)
    if work["state"] in {"unsubmitted", "graded"}:
        student.control.submit(work["id"])


def move(student: InStep, chance: Random) -> None:
    student.control.move_due_date(some_work(student, chance)["id"], a_day(chance))


def rename(student: InStep, chance: Random) -> None:
    student.control.rename_assignment(some_work(student, chance)["id"], f"New {chance.random()}")


def add(student: InStep, chance: Random) -> None:
    course = chance.choice(student.control.courses())
    kind = chance.choice(["online_upload", "online_quiz", "discussion_topic", "on_paper"])
    student.control.add_assignment(
        course["id"], "One more", due_at=a_day(chance), submission_type=kind
    )


def rename_course(student: InStep, chance: Random) -> None:
    course = chance.choice(student.control.courses())
    student.control.rename_course(course["id"], f"Course {chance.random()}")


def turn_over(student: InStep, chance: Random) -> None:
    """Withdraw, restrict, conclude a course or hide its totals, or take that back."""
    course = chance.choice(student.control.courses())
    id_, control = course["id"], student.control
    match chance.randrange(4):
        case 0:
            (control.withdraw_course if course["present"] else control.restore_course)(id_)
        case 1:
            control.restrict_course(id_, restricted=not course["restricted"])
        case 2:
            control.conclude_course(id_, concluded=not course["concluded"])
        case _:
            control.hide_totals(id_, hidden=not course["totals_hidden"])


CHANGES = [
    grade, grade, grade, post, post_all, hide, excuse, submit, move, rename, add, rename_course,
    turn_over,
]  # fmt: skip


@pytest.mark.parametrize("seed", range(10))
async def test_after_any_changes_a_full_run_finds_nothing_more(seed: int) -> None:
    chance = Random(seed)
    async with in_step(seed=seed + 1) as student:
        for _ in range(ROUNDS):
            told = [chance.choice(CHANGES) for _ in range(chance.randrange(5))]
            for change in told:
                student.control.advance_clock(60)
                change(student, chance)
            run = await student.sync()
            assert (run["mode"], run["status"]) == ("incremental", "completed")
        run = await student.sync("full")
        assert (run["mode"], run["changes"]) == ("full", NOTHING)


async def test_a_change_below_a_page_of_newer_grades_is_found() -> None:
    async with in_step(courses=3, assignments=60, restricted=False) as student:
        undated = next(
            work["id"]
            for work in student.control.assignments("1003")
            if work["due_at"] is None and work["state"] == "graded"
        )
        student.control.set_grade(undated, score=0.5)
        student.control.advance_clock(60)
        for work in student.control.assignments("1001"):
            student.control.set_grade(work["id"], score=0.5)
        run = await student.sync()
        assert (run["mode"], run["courses"]["done"]) == ("incremental", 3)
        assert run["requests"]["total"] == 3 + 1 + 2 + 2
        assert (await student.sync("full"))["changes"] == NOTHING
