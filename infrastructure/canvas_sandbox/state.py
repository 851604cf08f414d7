"""The state of a sandbox: its data, clock, tokens and revisions."""

from bisect import bisect_left

from infrastructure.canvas_sandbox.access_tokens import AccessTokens
from infrastructure.canvas_sandbox.enrolled_students import Student
from infrastructure.canvas_sandbox.generator.generate_school import generate_courses
from infrastructure.canvas_sandbox.generator.generate_students import generate_student
from infrastructure.canvas_sandbox.generator.other_courses import generate_other_courses
from infrastructure.canvas_sandbox.generator.school_variety import vary_courses
from infrastructure.canvas_sandbox.grade_calculation import StudentTotals
from infrastructure.canvas_sandbox.listed_courses import (
    PARTICIPATING,
    ListedCourse,
    ListFilter,
    list_courses_of,
)
from infrastructure.canvas_sandbox.model import Assignment, Course, Group, Work
from infrastructure.canvas_sandbox.options import SandboxOptions
from infrastructure.canvas_sandbox.sandbox_clock import SandboxClock
from infrastructure.canvas_sandbox.score_statistics import ScoreStatistics, calculate_statistics
from infrastructure.canvas_sandbox.student_roll import StudentRoll
from infrastructure.canvas_sandbox.work_store import WorkStore

NEVER = 2**62
MAX_STUDENTS_IN_STATISTICS = 40
"""How many students of the sandbox have a part in statistics; more would make responses slow."""


class SandboxState:
    """The students, courses and tokens of one sandbox; students and work are generated late."""

    def __init__(self, options: SandboxOptions) -> None:
        self.options = options
        self.page_origin = f"https://{options.domain}"
        self.clock = SandboxClock(options.now)
        self.opened_at = self.clock.now()
        own = generate_courses(options, self.opened_at)
        if options.varied:
            vary_courses(options, own, self.opened_at)
        others = generate_other_courses(options, self.opened_at)
        courses = [*own, *(other.course for other in others)]
        self.courses: dict[int, Course] = {course.id: course for course in courses}
        self.students = StudentRoll(
            options.students, lambda index: generate_student(options, index, own, others)
        )
        self.tokens = AccessTokens(options.seed)
        for index in range(options.students):
            self.tokens.issue(index)
        self.revision = 0
        self.checkpoints_in_groups = options.checkpoints_in_groups
        self.store = WorkStore(options.seed, self.opened_at)
        self._statistics: dict[int, tuple[int, ScoreStatistics | None]] = {}
        self._dates: dict[int, tuple[int, list[int]]] = {}

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

    def find_group(self, group_id: int) -> tuple[Course, Group]:
        """Find an assignment group and its course.

        Raises: KeyError if no course has the group.
        """
        for course in self.courses.values():
            for group in course.groups:
                if group.id == group_id:
                    return course, group
        raise KeyError(group_id)

    def work(self, student: Student, course: Course) -> Work:
        """The submissions of a student in a course; it must not be changed."""
        return self.store.work(student, course)

    def work_to_change(self, student: Student, course: Course) -> Work:
        """The submissions of a student in a course, to be changed."""
        return self.store.work_to_change(student, course)

    def totals(self, student: Student, course: Course) -> StudentTotals:
        """The totals of a student: of the whole course, and of each grading period."""
        return self.store.totals(student, course)

    def statistics(self, course: Course, assignment: Assignment) -> ScoreStatistics | None:
        """The statistics of the scores of all students; None if there are too few scores."""
        stored = self._statistics.get(assignment.id)
        if stored is None or stored[0] != course.revision:
            count = min(len(self.students), MAX_STUDENTS_IN_STATISTICS)
            works = (
                self.work(self.students[index], course).get(assignment.id) for index in range(count)
            )
            found = calculate_statistics(course, assignment, works, self.options.seed)
            stored = self._statistics[assignment.id] = (course.revision, found)
        return stored[1]

    def list_courses(
        self, student: Student, list_filter: ListFilter = PARTICIPATING
    ) -> list[ListedCourse]:
        """The courses that a list of a student contains, sorted by nickname or name."""
        return list_courses_of(student, self.courses.values(), list_filter, self.clock.now())

    def courses_of(self, student: Student) -> list[Course]:
        """The courses in which a student takes part now, sorted by nickname or name."""
        return [listed.course for listed in self.list_courses(student)]

    def next_timed_change(self, courses: list[Course], now: int) -> int:
        """The next time at which the clock alone changes a body: at a date of a course."""
        return min((self._next_date(course, now) for course in courses), default=NEVER) + 1

    def _next_date(self, course: Course, now: int) -> int:
        stored = self._dates.get(course.id)
        if stored is None or stored[0] != course.definition_revision:
            stored = self._dates[course.id] = (course.definition_revision, sorted(course.dates()))
        dates = stored[1]
        place = bisect_left(dates, now)
        return dates[place] if place < len(dates) else NEVER

    def record_course_access(self, student: Student, course: Course, now: int) -> None:
        """Record that a student requested data of a course."""
        seat = student.seats.get(course.id)
        if seat is not None:
            seat.last_activity_at = now
            seat.activity_time += 1
