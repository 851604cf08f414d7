"""One request from one student, as the routes see it."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from infrastructure.canvas_sandbox.error_responses import Refused, denied, no_such_record
from infrastructure.canvas_sandbox.model import SHARD, Assignment, Course, Student, Work
from infrastructure.canvas_sandbox.paginators import Asked
from infrastructure.canvas_sandbox.serializers.course import Seat
from infrastructure.canvas_sandbox.serializers.view import View
from infrastructure.canvas_sandbox.state import Campus

TRUE = frozenset({"true", "1", "on", "yes"})


class Reply(NamedTuple):
    """What a route found; `course` is the only one it depends on, None for all of them."""

    document: Any
    link: str | None = None
    course: Course | None = None
    lasting: bool = True


@dataclass(frozen=True)
class Visit:
    """Who asks for what, and when."""

    campus: Campus
    student: Student
    asked: Asked
    now: int

    @property
    def domain(self) -> str:
        """The host that addresses in bodies name."""
        return self.campus.options.domain

    @cached_property
    def includes(self) -> frozenset[str]:
        """What `include[]` asks for."""
        return frozenset(self.many("include"))

    @cached_property
    def excludes(self) -> frozenset[str]:
        """What `exclude_response_fields[]` leaves out."""
        return frozenset(self.many("exclude_response_fields"))

    def one(self, name: str) -> str | None:
        """A parameter's value."""
        return self.asked.parameter(name)

    def many(self, name: str) -> list[str]:
        """A list parameter's values: `name[]`, or just `name`."""
        return [value for key, value in self.asked.query if key in (name, f"{name}[]")]

    def flag(self, name: str) -> bool:
        """Whether a parameter says yes."""
        return (self.one(name) or "").lower() in TRUE

    def ids(self, name: str) -> set[int]:
        """A list parameter's ids."""
        return {number for text in self.many(name) if (number := number_of(text)) is not None}

    def me(self, text: str) -> None:
        """Make sure that a path is about the student themself; raises Refused."""
        known = {student.person.id for student in self.campus.students}
        if text != "self" and number_of(text) not in known:
            raise Refused(no_such_record())
        if text != "self" and number_of(text) != self.student.person.id:
            raise self.denied()

    def course(self, text: str) -> Course:
        """An open course of the student's; raises Refused."""
        course = self.campus.courses.get(number_of(text) or 0)
        if course is None:
            raise Refused(no_such_record())
        if course.restricted or not self.student.enrollments[course.id].present:
            raise self.denied()
        return course

    def assignment(self, course: Course, text: str) -> Assignment:
        """An assignment that stands; raises Refused."""
        assignment = course.assignments.get(number_of(text) or 0)
        if assignment is None or not assignment.present:
            raise Refused(no_such_record())
        return assignment

    def work(self, course: Course) -> Work:
        """The student's submissions to assignments that stand."""
        work = self.campus.work(self.student, course)
        return {id_: item for id_, item in work.items() if item.assignment.present}

    def seat(self, course: Course) -> Seat:
        """The student's place in a course."""
        whole, period = self.campus.totals(self.student, course)
        enrollment = self.student.enrollments[course.id]
        return Seat(course, enrollment, self.student.person, whole, period)

    def view(self, course: Course) -> View:
        """How the student looks at a course now."""
        return View(course, self.domain, self.now, self.excludes)

    def denied(self) -> Refused:
        """The refusal for what a student may not see."""
        return Refused(denied(self.campus.options.denial_status))


def number_of(text: str) -> int | None:
    """An id as a path writes it: `29520`, or `7752~29520` for another shard's."""
    parts = re.fullmatch(r"(?:(\d{1,6})~)?(\d{1,19})", text)
    return int(parts[1] or 0) * SHARD + int(parts[2]) if parts else None


def chosen(wanted: set[int], items: Collection[Any]) -> list[Any]:
    """Those of the items that were named, or all where none was."""
    return [item for item in items if not wanted or item.id in wanted]
