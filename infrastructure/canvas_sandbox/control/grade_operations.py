"""Operations on grades and submissions; the totals of the course change with them."""

from collections.abc import Iterator
from datetime import datetime

from infrastructure.canvas_sandbox.generator.generate_work import empty_submission
from infrastructure.canvas_sandbox.grade_format import format_grade, parse_grade
from infrastructure.canvas_sandbox.model import GradingScheme, Submission
from infrastructure.canvas_sandbox.sandbox_clock import parse_time
from infrastructure.canvas_sandbox.state import SandboxState

LATE_POLICIES = ("late", "missing", "extended", "none", None)


class GradeOperations:
    """Changes grades and submissions."""

    def __init__(self, state: SandboxState) -> None:
        self._state = state

    def set_grade(
        self,
        assignment_id: int | str,
        score: float | None = None,
        grade: str | None = None,
        *,
        posted: bool = True,
        deducted: float = 0.0,
        student: int = 0,
    ) -> None:
        """Set a grade in points or in the grading type; without both the grade is removed.

        `deducted` are the points that a late policy takes from the entered score.
        """
        submission = self._submission_to_change(assignment_id, student)
        assignment, scheme = submission.assignment, self._scheme(assignment_id)
        if score is None and grade is not None:
            score = parse_grade(assignment, grade, scheme)
        submission.entered_score = score
        submission.score = None if score is None else max(score - deducted, 0.0)
        submission.entered_grade = (
            format_grade(assignment, score, scheme) if grade is None else grade
        )
        submission.grade = (
            format_grade(assignment, submission.score, scheme)
            if deducted
            else submission.entered_grade
        )
        submission.points_deducted, submission.excused = deducted or None, False
        submission.grade_matches = True
        _set_grading_state(submission, self._state.clock.now(), posted=posted)

    def take_back_grade(
        self, assignment_id: int | str, *, keeps_posted_at: bool = True, student: int = 0
    ) -> None:
        """Remove a grade; the submission stays posted or, if `keeps_posted_at` is false, not."""
        submission = self._submission_to_change(assignment_id, student)
        posted_at = submission.posted_at if keeps_posted_at else None
        submission.score = submission.entered_score = None
        submission.grade = submission.entered_grade = None
        submission.points_deducted = submission.late_policy = None
        _set_grading_state(submission, self._state.clock.now(), posted=False)
        submission.posted_at = posted_at

    def leave_for_review(
        self, assignment_id: int | str, score: float, *, posted: bool = False, student: int = 0
    ) -> None:
        """Grade a part of a quiz automatically; the rest waits for a teacher."""
        submission, now = (
            self._submission_to_change(assignment_id, student),
            self._state.clock.now(),
        )
        submission.state = "pending_review"
        submission.submitted_at = submission.submitted_at or now
        submission.attempt = submission.attempt or 1
        submission.score = submission.entered_score = score
        text = format_grade(submission.assignment, score, self._scheme(assignment_id))
        submission.grade = submission.entered_grade = text
        submission.graded_at = submission.posted_at = now if posted else None

    def set_late_policy(
        self, assignment_id: int | str, status: str | None, *, student: int = 0
    ) -> None:
        """Set the status `late`, `missing`, `extended` or `none` by hand; None follows the dates.

        Raises: ValueError if there is no such status.
        """
        if status not in LATE_POLICIES:
            raise ValueError(f"there is no status {status!r}; use one of {LATE_POLICIES}")
        self._submission_to_change(assignment_id, student).late_policy = status

    def post_grades(
        self, assignment_id: int | str, *, student: int | None = None, everyone: bool = False
    ) -> None:
        """Post the grade of one student, or of all; `graded_at` does not change.

        With `everyone`, work without a grade is posted too, and what was posted is posted again.
        """
        for submission in self._submissions_to_change(assignment_id, student):
            was_graded = submission.graded_at is not None
            if everyone or (was_graded and submission.posted_at is None):
                submission.posted_at = self._state.clock.now()

    def hide_grades(self, assignment_id: int | str, *, student: int | None = None) -> None:
        """Hide the grade of one student, or of all."""
        for submission in self._submissions_to_change(assignment_id, student):
            submission.posted_at = None

    def excuse(self, assignment_id: int | str, *, excused: bool = True, student: int = 0) -> None:
        """Excuse a student (no score, no effect on totals), or undo it; there is no grade then."""
        submission = self._submission_to_change(assignment_id, student)
        submission.score = submission.entered_score = None
        submission.grade = submission.entered_grade = None
        submission.excused = excused
        submission.late_policy = submission.points_deducted = None
        now = self._state.clock.now()
        if excused:
            submission.state, submission.graded_at, submission.posted_at = "graded", now, now
        else:
            _set_grading_state(submission, now, posted=False)

    def submit(
        self,
        assignment_id: int | str,
        *,
        at: datetime | str | float | None = None,
        student: int = 0,
    ) -> None:
        """Submit work, for the first time or again."""
        submission = self._submission_to_change(assignment_id, student)
        submission.submitted_at = self._state.clock.now() if at is None else parse_time(at)
        submission.attempt = (submission.attempt or 0) + 1
        submission.grade_matches = submission.graded_at is None
        submission.state, submission.late_policy = "submitted", None

    def _submission_to_change(self, assignment_id: int | str, student: int) -> Submission:
        course, assignment = self._state.find_assignment(int(assignment_id))
        subject = self._state.students[student]
        self._state.record_change(course, subject)
        work = self._state.work_to_change(subject, course)
        return work.setdefault(assignment.id, empty_submission(assignment, subject))

    def _scheme(self, assignment_id: int | str) -> GradingScheme | None:
        return self._state.find_assignment(int(assignment_id))[0].scheme

    def _submissions_to_change(
        self, assignment_id: int | str, student: int | None
    ) -> Iterator[Submission]:
        all_students = range(len(self._state.students))
        for index in all_students if student is None else [student]:
            yield self._submission_to_change(assignment_id, index)


def _set_grading_state(submission: Submission, now: int, *, posted: bool) -> None:
    if submission.score is None and submission.grade is None:
        handed_in = submission.submitted_at is not None
        submission.state = "submitted" if handed_in else "unsubmitted"
        submission.graded_at = submission.posted_at = submission.grader_id = None
        return
    submission.state, submission.graded_at = "graded", now
    submission.posted_at = (submission.posted_at or now) if posted else None
