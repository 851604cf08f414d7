"""Invents assignments, and what a student made of them."""

from random import Random

from infrastructure.canvas_sandbox.generator.names import SENTENCES, TASKS
from infrastructure.canvas_sandbox.generator.situations import SITUATIONS, Situation
from infrastructure.canvas_sandbox.grade_calculation import grade_text
from infrastructure.canvas_sandbox.model import (
    SHARD,
    Assignment,
    Course,
    Student,
    Submission,
    Work,
)
from infrastructure.canvas_sandbox.sandbox_clock import DAY, end_of_day

POINTS = (5.0, 10.0, 10.0, 12.5, 20.0, 50.0, 100.0)
HOUR = 3_600
AUTOGRADED = frozenset({"external_tool"})


def invent_assignments(
    course: Course, chance: Random, *, count: int, first: int, now: int
) -> list[Assignment]:
    """A course's assignments, every situation in turn; ids count from `first`."""
    return [_assignment(course, chance, first + number, number, now) for number in range(count)]


def invent_work(seed: int, student: Student, course: Course, now: int) -> Work:
    """What one student handed in and was given in one course."""
    chance = Random(f"{seed}/work/{student.index}/{course.index}")  # noqa: S311  made up
    return {
        assignment.id: _submission(assignment, course, student, chance, now)
        for assignment in course.assignments.values()
        if assignment.situation.assigned
    }


def blank(assignment: Assignment, student: Student) -> Submission:
    """The empty row that every assigned student has from the start."""
    shard, local = divmod(assignment.id, SHARD)
    return Submission(
        id=shard * SHARD + local * 1_000 + student.index,
        user_id=student.person.id,
        assignment=assignment,
    )


def _assignment(course: Course, chance: Random, id_: int, number: int, now: int) -> Assignment:
    situation = SITUATIONS[number % len(SITUATIONS)]
    due = None
    if situation.due:
        due = end_of_day(now + int(chance.uniform(*situation.due) * DAY))
    created = min(now, due or now) - 30 * DAY
    return Assignment(
        id=id_,
        name=f"{chance.choice(TASKS)} {number + 1}",
        group=chance.choice(course.groups),
        position=number + 1,
        description=_description(chance),
        due_at=due,
        unlock_at=_from_due(due, situation.unlocks),
        lock_at=_from_due(due, situation.locks),
        points=0.0 if situation.grading == "not_graded" else chance.choice(POINTS),
        grading_type=situation.grading,
        submission_type=situation.submission_type,
        created_at=created,
        updated_at=created + DAY,
        situation=situation,
        omitted=situation.omitted,
        post_manually=not situation.posted,
    )


def _description(chance: Random) -> str:
    sentences = chance.sample(SENTENCES, chance.randrange(1, 4))
    return "".join(f"<p>{sentence}</p>" for sentence in sentences)


def _from_due(due: int | None, days: float | None) -> int | None:
    return None if due is None or days is None else due + int(days * DAY)


def _submission(
    assignment: Assignment, course: Course, student: Student, chance: Random, now: int
) -> Submission:
    submission = blank(assignment, student)
    situation = assignment.situation
    reached = chance.uniform(*situation.share)
    handed_in = min(assignment.due_at or now, now - 5 * DAY)
    submission.late_policy = situation.late_policy
    if situation.handed_in is not None:
        handed_in = min(handed_in + int(situation.handed_in * DAY), now - 2 * HOUR)
        _hand_in(submission, handed_in)
    if situation.graded is not None:
        graded_at = min(handed_in + int(situation.graded * DAY), now - HOUR)
        _grade(submission, situation, reached, graded_at)
        submission.grader_id = (
            -55 if assignment.submission_type in AUTOGRADED else course.teachers[0].id
        )
    if situation.resubmitted:
        submission.attempt, submission.matches = 2, False
        submission.state, submission.submitted_at = "submitted", now - HOUR
    return submission


def _hand_in(submission: Submission, at: int) -> None:
    quiz = submission.assignment.submission_type == "online_quiz"
    submission.state = "pending_review" if quiz else "submitted"
    submission.submitted_at, submission.attempt = at, 1


def _grade(submission: Submission, situation: Situation, reached: float, at: int) -> None:
    submission.state, submission.graded_at = "graded", at
    submission.posted_at = at + HOUR // 2 if situation.posted else None
    submission.excused = situation.excused
    if situation.excused:
        return
    assignment = submission.assignment
    points = assignment.points or 0.0
    entered = points if situation.grading == "pass_fail" else round(reached * points * 2) / 2
    deducted = round(points * situation.deducted, 2)
    submission.entered_score = entered
    submission.score = max(entered - deducted, 0.0)
    submission.points_deducted = deducted if situation.deducted else None
    submission.entered_grade = grade_text(assignment, entered)
    submission.grade = grade_text(assignment, submission.score)
