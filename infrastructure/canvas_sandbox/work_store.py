"""Keeps the work of students: all that was changed, and some that was only read."""

from collections import OrderedDict
from typing import NamedTuple

from infrastructure.canvas_sandbox.enrolled_students import Student
from infrastructure.canvas_sandbox.generator.generate_work import empty_submission, generate_work
from infrastructure.canvas_sandbox.grade_calculation import (
    NO_TOTALS,
    StudentTotals,
    calculate_totals,
)
from infrastructure.canvas_sandbox.model import Course, Work

MAX_READ_SUBMISSIONS = 200_000
"""Unchanged submissions that are kept; older ones are generated again when they are read."""
WorkKey = tuple[int, int]


class StoredTotals(NamedTuple):
    """Totals, valid while the revision of their course is `revision`."""

    revision: int
    totals: StudentTotals


class WorkStore:
    """The submissions and totals of students, generated when they are first needed.

    At most `max_read` unchanged submissions are kept.
    """

    def __init__(self, seed: int, opened_at: int) -> None:
        self.max_read = MAX_READ_SUBMISSIONS
        self._seed = seed
        self._opened_at = opened_at
        self._changed: dict[WorkKey, Work] = {}
        self._read: OrderedDict[WorkKey, Work] = OrderedDict()
        self._read_count = 0
        self._totals: OrderedDict[WorkKey, StoredTotals] = OrderedDict()

    def work(self, student: Student, course: Course) -> Work:
        """The submissions of a student in a course, which the caller does not change.

        It is empty if the student never had the role student there.
        """
        seat = student.seats.get(course.id)
        if seat is None or not seat.has_work:
            return {}
        key = (student.index, course.id)
        work = self._changed.get(key) or self._read.get(key)
        if work is None:
            work = generate_work(self._seed, student, course, self._opened_at)
            self._keep_read(key, work)
        elif key in self._read:
            self._read.move_to_end(key)
        self._add_missing(key, work, student, course)
        return work

    def work_to_change(self, student: Student, course: Course) -> Work:
        """The submissions of a student in a course, kept until the sandbox ends."""
        work = self.work(student, course)
        key = (student.index, course.id)
        if key not in self._changed:
            self._changed[key] = work
            if self._read.pop(key, None) is not None:
                self._read_count -= len(work)
        return work

    def totals(self, student: Student, course: Course) -> StudentTotals:
        """The totals of a student in a course."""
        key = (student.index, course.id)
        stored = self._totals.get(key)
        if stored and stored.revision == course.revision:
            return stored.totals
        work = self.work(student, course)
        if not work:
            return StudentTotals(NO_TOTALS, {})
        seat = student.seats[course.id]
        states = {item.state for item in seat.enrollments if item.state != "deleted"}
        totals = calculate_totals(course, work, is_completed=states == {"completed"})
        self._totals[key] = StoredTotals(course.revision, totals)
        while len(self._totals) > self.max_read:
            self._totals.popitem(last=False)
        return totals

    def _keep_read(self, key: WorkKey, work: Work) -> None:
        self._read[key] = work
        self._read_count += len(work)
        while self._read_count > self.max_read and len(self._read) > 1:
            _, oldest = self._read.popitem(last=False)
            self._read_count -= len(oldest)

    def _add_missing(self, key: WorkKey, work: Work, student: Student, course: Course) -> None:
        """Add the submissions to assignments that were added since the work was generated."""
        if len(work) == len(course.assignments):
            return
        for item in course.assignments.values():
            if item.situation is None and item.id not in work:
                work[item.id] = empty_submission(item, student)
                self._read_count += key in self._read
