"""The state of a sandbox: its data, clock, tokens and revisions."""

from infrastructure.canvas_sandbox.access_tokens import AccessTokens
from infrastructure.canvas_sandbox.generator.generate_school import (
    generate_courses,
    generate_students,
)
from infrastructure.canvas_sandbox.generator.generate_work import generate_work
from infrastructure.canvas_sandbox.grade_calculation import Totals, calculate_totals
from infrastructure.canvas_sandbox.model import Assignment, Course, Student, Work
from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.sandbox_clock import SandboxClock

NEVER = 2**62


class SandboxState:
    """The students, courses and tokens of one sandbox; work is generated when first read."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.clock = SandboxClock(options.now)
        self.opened_at = self.clock.now()
        courses = generate_courses(options, self.opened_at)
        self.courses: dict[int, Course] = {course.id: course for course in courses}
        self.students: list[Student] = generate_students(options, courses)
        self.tokens = AccessTokens(options.seed)
        for student in self.students:
            self.tokens.issue(student)
        self.revision = 0
        self._totals: dict[tuple[int, int], tuple[int, Totals, Totals]] = {}

    def record_change(self, course: Course, student: Student | None = None) -> None:
        """Increase the revisions after a change to a course, or to one student's work in it."""
        course.revision += 1
        self.revision += 1
        if student is None:
            course.definition_revision += 1
        else:
            student.revision += 1

    def find_assignment(self, assignment_id: int) -> tuple[Course, Assignment]:
        """Find an assignment and its course.

        Raises: KeyError if no course has the assignment.
        """
        for course in self.courses.values():
            if assignment_id in course.assignments:
                return course, course.assignments[assignment_id]
        raise KeyError(assignment_id)

    def work(self, student: Student, course: Course) -> Work:
        """The submissions of a student in a course; it may be changed."""
        work = student.work.get(course.id)
        if work is None:
            work = generate_work(self.options.seed, student, course, self.opened_at)
            student.work[course.id] = work
        return work

    def totals(self, student: Student, course: Course) -> tuple[Totals, Totals]:
        """The totals of a student: of the whole course, and of the current grading period."""
        key = (student.index, course.id)
        cached = self._totals.get(key)
        if cached and cached[0] == course.revision:
            return cached[1:]
        work = self.work(student, course)
        whole = calculate_totals(course, work)
        period = calculate_totals(course, work, since=course.grading_period_start)
        self._totals[key] = (course.revision, whole, period)
        return whole, period

    def courses_of(self, student: Student) -> list[Course]:
        """The courses of a student, sorted by nickname or name."""
        courses = [
            course for course in self.courses.values() if student.enrollments[course.id].present
        ]
        return sorted(
            courses, key=lambda c: ((student.enrollments[c.id].nickname or c.name).casefold(), c.id)
        )

    def next_timed_change(self, courses: list[Course], now: int) -> int:
        """The next time at which the clock alone changes a body: at a due, unlock or lock date."""
        times = (
            time
            for course in courses
            for item in course.assignments.values()
            for time in (item.due_at, item.unlock_at, item.lock_at)
            if time is not None and time >= now
        )
        return min(times, default=NEVER) + 1

    def record_course_access(self, student: Student, course: Course, now: int) -> None:
        """Record that a student requested data of a course."""
        enrollment = student.enrollments[course.id]
        enrollment.last_activity_at = now
        enrollment.activity_time += 1
