"""The whole Canvas at this moment, and what changed last."""

from infrastructure.canvas_sandbox.access_tokens import Tokens
from infrastructure.canvas_sandbox.generator.generate_school import invent_courses, invent_students
from infrastructure.canvas_sandbox.generator.generate_work import invent_work
from infrastructure.canvas_sandbox.grade_calculation import Totals, totals
from infrastructure.canvas_sandbox.model import Assignment, Course, Student, Work
from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.sandbox_clock import Clock

NEVER = 2**62


class Campus:
    """Students, courses and tokens of one sandbox; work is invented when first looked at."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.clock = Clock(options.now)
        self.opened_at = self.clock.now()
        courses = invent_courses(options, self.opened_at)
        self.courses: dict[int, Course] = {course.id: course for course in courses}
        self.students: list[Student] = invent_students(options, courses)
        self.tokens = Tokens(options.seed)
        for student in self.students:
            self.tokens.issue(student)
        self.revision = 0
        self._totals: dict[tuple[int, int], tuple[int, Totals, Totals]] = {}

    def changed(self, course: Course, student: Student | None = None) -> None:
        """Something in the course is no longer as it was, or just one student's work in it."""
        course.revision += 1
        self.revision += 1
        if student is None:
            course.edition += 1
        else:
            student.revision += 1

    def find(self, assignment_id: int) -> tuple[Course, Assignment]:
        """An assignment and its course; raises KeyError."""
        for course in self.courses.values():
            if assignment_id in course.assignments:
                return course, course.assignments[assignment_id]
        raise KeyError(assignment_id)

    def work(self, student: Student, course: Course) -> Work:
        """A student's submissions in a course."""
        work = student.work.get(course.id)
        if work is None:
            work = invent_work(self.options.seed, student, course, self.opened_at)
            student.work[course.id] = work
        return work

    def totals(self, student: Student, course: Course) -> tuple[Totals, Totals]:
        """A student's totals in a course: of all of it, and of the current grading period."""
        key = (student.index, course.id)
        known = self._totals.get(key)
        if known and known[0] == course.revision:
            return known[1:]
        work = self.work(student, course)
        whole = totals(course, work)
        period = totals(course, work, since=course.periods_since)
        self._totals[key] = (course.revision, whole, period)
        return whole, period

    def enrolled(self, student: Student) -> list[Course]:
        """A student's courses, by the name the student gave them."""
        mine = [
            course for course in self.courses.values() if student.enrollments[course.id].present
        ]
        return sorted(
            mine, key=lambda c: ((student.enrollments[c.id].nickname or c.name).casefold(), c.id)
        )

    def next_flip(self, courses: list[Course], now: int) -> int:
        """When something changes by the clock alone: a due date passes, a lock opens or shuts."""
        moments = (
            moment
            for course in courses
            for item in course.assignments.values()
            for moment in (item.due_at, item.unlock_at, item.lock_at)
            if moment is not None and moment >= now
        )
        return min(moments, default=NEVER) + 1

    def read(self, student: Student, course: Course, now: int) -> None:
        """Note that a student looked into a course."""
        enrollment = student.enrollments[course.id]
        enrollment.last_activity_at = now
        enrollment.activity_time += 1
