"""What teachers and students do to grades; totals follow."""

from collections.abc import Iterator
from datetime import datetime

from infrastructure.canvas_sandbox.generator.generate_work import blank
from infrastructure.canvas_sandbox.grade_calculation import grade_text, score_of
from infrastructure.canvas_sandbox.model import Submission
from infrastructure.canvas_sandbox.sandbox_clock import instant
from infrastructure.canvas_sandbox.state import Campus


class Gradebook:
    """Grades, and the work they are given for."""

    _campus: Campus

    def set_grade(
        self,
        assignment_id: int | str,
        score: float | None = None,
        grade: str | None = None,
        *,
        posted: bool = True,
        student: int = 0,
    ) -> None:
        """Grade anew, in points or as the grading type writes it; neither takes the grade back."""
        submission = self._touch(assignment_id, student)
        if score is None and grade is not None:
            score = score_of(submission.assignment, grade)
        submission.score = submission.entered_score = score
        text = grade_text(submission.assignment, score) if grade is None else grade
        submission.grade = submission.entered_grade = text
        submission.points_deducted, submission.excused = None, False
        submission.matches = True
        _settle(submission, self._campus.clock.now(), posted=posted)

    def post_grades(self, assignment_id: int | str, *, student: int | None = None) -> None:
        """Let one student, or all, see their grade; `graded_at` stays as it was."""
        for submission in self._touched(assignment_id, student):
            if submission.graded_at is not None and submission.posted_at is None:
                submission.posted_at = self._campus.clock.now()

    def hide_grades(self, assignment_id: int | str, *, student: int | None = None) -> None:
        """Hide the grade from one student, or from all."""
        for submission in self._touched(assignment_id, student):
            submission.posted_at = None

    def excuse(self, assignment_id: int | str, *, excused: bool = True, student: int = 0) -> None:
        """Excuse a student: no score, and it counts nowhere; or take that back, ungraded."""
        submission = self._touch(assignment_id, student)
        submission.score = submission.entered_score = None
        submission.grade = submission.entered_grade = None
        submission.excused = excused
        submission.late_policy = submission.points_deducted = None
        now = self._campus.clock.now()
        if excused:
            submission.state, submission.graded_at, submission.posted_at = "graded", now, now
        else:
            _settle(submission, now, posted=False)

    def submit(
        self,
        assignment_id: int | str,
        *,
        at: datetime | str | float | None = None,
        student: int = 0,
    ) -> None:
        """Hand something in, for the first time or again."""
        submission = self._touch(assignment_id, student)
        submission.submitted_at = self._campus.clock.now() if at is None else instant(at)
        submission.attempt = (submission.attempt or 0) + 1
        submission.matches = submission.graded_at is None
        submission.state, submission.late_policy = "submitted", None

    def _touch(self, assignment_id: int | str, student: int) -> Submission:
        course, assignment = self._campus.find(int(assignment_id))
        learner = self._campus.students[student]
        self._campus.changed(course, learner)
        work = self._campus.work(learner, course)
        return work.setdefault(assignment.id, blank(assignment, learner))

    def _touched(self, assignment_id: int | str, student: int | None) -> Iterator[Submission]:
        everybody = range(len(self._campus.students))
        for index in everybody if student is None else [student]:
            yield self._touch(assignment_id, index)


def _settle(submission: Submission, now: int, *, posted: bool) -> None:
    if submission.score is None and submission.grade is None:
        handed_in = submission.submitted_at is not None
        submission.state = "submitted" if handed_in else "unsubmitted"
        submission.graded_at = submission.posted_at = submission.grader_id = None
        return
    submission.state, submission.graded_at = "graded", now
    submission.posted_at = (submission.posted_at or now) if posted else None
