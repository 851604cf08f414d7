"""Generates the assignments of a course and the submissions of its students."""

from random import Random
from typing import NamedTuple

from infrastructure.canvas_sandbox.discussion_parts import (
    aggregate_parts,
    empty_part_submissions,
)
from infrastructure.canvas_sandbox.enrolled_students import Student
from infrastructure.canvas_sandbox.generator.course_catalogue import work_of
from infrastructure.canvas_sandbox.generator.names import DESCRIPTION_SENTENCES
from infrastructure.canvas_sandbox.grade_format import format_grade
from infrastructure.canvas_sandbox.model import (
    SHARD,
    Assignment,
    Course,
    Submission,
    Work,
)
from infrastructure.canvas_sandbox.sandbox_clock import DAY_SECONDS, end_of_day
from infrastructure.canvas_sandbox.situations import SITUATIONS, Situation

POINT_CHOICES = (5.0, 10.0, 10.0, 12.5, 20.0, 50.0, 100.0)
HOUR_SECONDS = 3_600
AUTOGRADED_TYPES = frozenset({"external_tool"})


class Placement(NamedTuple):
    """The id of an assignment, its place in the course from 0, and the time around which it is."""

    id: int
    number: int
    now: int


def generate_assignments(
    course: Course, rng: Random, *, count: int, first_id: int, now: int
) -> list[Assignment]:
    """Generate `count` assignments with ids from `first_id`; they go through all situations."""
    return [
        generate_assignment(
            Placement(first_id + number, number, now),
            course,
            SITUATIONS[number % len(SITUATIONS)],
            rng,
        )
        for number in range(count)
    ]


def generate_work(seed: int, student: Student, course: Course, now: int) -> Work:
    """Generate the submissions and grades of one student in one course."""
    rng = Random(f"{seed}/work/{student.index}/{course.index}")  # noqa: S311  must be reproducible
    return {
        assignment.id: _generate_submission(assignment, course, student, rng, now)
        for assignment in course.assignments.values()
        if assignment.situation is not None and assignment.situation.assigned
    }


def empty_submission(assignment: Assignment, student: Student) -> Submission:
    """Create the unsubmitted submission that Canvas has for each assigned student."""
    shard, local = divmod(assignment.id, SHARD)
    submission = Submission(
        id=shard * SHARD + local * 1_000 + student.index,
        user_id=student.person.id,
        assignment=assignment,
    )
    submission.parts = empty_part_submissions(submission)
    return submission


def generate_assignment(
    placement: Placement, course: Course, situation: Situation, rng: Random
) -> Assignment:
    """Generate the assignment of a situation."""
    id_, number, now = placement
    due = None
    if situation.due_days:
        due = end_of_day(now + int(rng.uniform(*situation.due_days) * DAY_SECONDS))
    name, group = work_of(course.code, number, situation.submission_type)
    created = min(now, due or now) - 30 * DAY_SECONDS
    return Assignment(
        id=id_,
        name=name,
        group=course.groups[group],
        position=number + 1,
        description=_generate_description(rng),
        due_at=due,
        unlock_at=_relative_to_due(due, situation.unlock_days),
        lock_at=_relative_to_due(due, situation.lock_days),
        points=0.0 if situation.grading == "not_graded" else rng.choice(POINT_CHOICES),
        grading_type=situation.grading,
        submission_type=situation.submission_type,
        created_at=created,
        updated_at=created + DAY_SECONDS,
        situation=situation,
        generated_due_at=due,
        omitted=situation.omitted,
        post_manually=situation.post_manually or not situation.posted,
        module=situation.module,
    )


def _generate_description(rng: Random) -> str:
    sentences = rng.sample(DESCRIPTION_SENTENCES, rng.randrange(1, 4))
    return "".join(f"<p>{sentence}</p>" for sentence in sentences)


def _relative_to_due(due: int | None, days: float | None) -> int | None:
    return None if due is None or days is None else due + int(days * DAY_SECONDS)


def _generate_submission(
    assignment: Assignment, course: Course, student: Student, rng: Random, now: int
) -> Submission:
    submission = empty_submission(assignment, student)
    situation = assignment.situation or Situation()
    share = rng.uniform(*situation.score_share)
    submitted_at = min(assignment.generated_due_at or now, now - 5 * DAY_SECONDS)
    submission.late_policy = situation.late_policy
    if submission.parts:
        _work_on_parts(submission, situation, course, share, now)
        return submission
    if situation.submitted_days is not None:
        submitted_at = min(
            submitted_at + int(situation.submitted_days * DAY_SECONDS), now - 2 * HOUR_SECONDS
        )
        _hand_in(submission, submitted_at)
    if situation.graded_days is not None:
        graded_at = min(submitted_at + int(situation.graded_days * DAY_SECONDS), now - HOUR_SECONDS)
        _grade(submission, situation, course, share, graded_at)
    if situation.resubmitted:
        submission.attempt, submission.grade_matches = 2, False
        submission.state, submission.submitted_at = "submitted", now - HOUR_SECONDS
    return submission


def _work_on_parts(
    whole: Submission, situation: Situation, course: Course, share: float, now: int
) -> None:
    """Hand in and grade the first part, if the situation is one of submitted work."""
    if situation.submitted_days is not None:
        first = whole.parts[0]
        due = first.assignment.generated_due_at or now
        submitted_at = min(due + int(situation.submitted_days * DAY_SECONDS), now - DAY_SECONDS)
        _hand_in(first, submitted_at)
        if situation.graded_days is not None:
            _grade(first, situation, course, share, submitted_at + HOUR_SECONDS)
    aggregate_parts(whole, course.scheme, now)


def _hand_in(submission: Submission, at: int) -> None:
    quiz = submission.assignment.submission_type == "online_quiz"
    submission.state = "pending_review" if quiz else "submitted"
    submission.submitted_at, submission.attempt = at, 1


def _grade(
    submission: Submission, situation: Situation, course: Course, share: float, at: int
) -> None:
    submission.state = "pending_review" if situation.awaits_review else "graded"
    submission.graded_at = at
    submission.posted_at = at + HOUR_SECONDS // 2 if situation.posted else None
    submission.excused = situation.excused
    assignment = submission.assignment
    autograded = assignment.submission_type in AUTOGRADED_TYPES or situation.awaits_review
    submission.grader_id = -55 if autograded else course.teachers[0].id
    if situation.excused:
        return
    points = assignment.points or 0.0
    entered = points if situation.grading == "pass_fail" else round(share * points * 2) / 2
    deducted = round(points * situation.deducted_share, 2)
    submission.entered_score = entered
    submission.score = max(entered - deducted, 0.0)
    submission.points_deducted = deducted if situation.deducted_share else None
    submission.entered_grade = format_grade(assignment, entered, course.scheme)
    submission.grade = format_grade(assignment, submission.score, course.scheme)
