"""Courses and enrollments."""

from infrastructure.canvas_sandbox.model import Course
from infrastructure.canvas_sandbox.paginators import ordinal
from infrastructure.canvas_sandbox.serializers.course import course as shape
from infrastructure.canvas_sandbox.serializers.enrollment import enrollment
from infrastructure.canvas_sandbox.student_request import Reply, Visit

ACTIVE = frozenset({"active", "current_and_future", "current_and_concluded"})


def listed(visit: Visit) -> Reply:
    """`GET /courses`."""
    return _page(visit, visit.campus.enrolled(visit.student) if _asks_for_mine(visit) else [])


def of_user(visit: Visit, user: str) -> Reply:
    """`GET /users/:id/courses`."""
    visit.me(user)
    return listed(visit)


def favorites(visit: Visit, user: str) -> Reply:
    """`GET /users/self/favorites/courses`."""
    visit.me(user)
    mine = visit.campus.enrolled(visit.student)
    return _page(visit, [item for item in mine if visit.student.enrollments[item.id].favorite])


def single(visit: Visit, course: str) -> Reply:
    """`GET /courses/:id`."""
    found = visit.course(course)
    return Reply(shape(visit.seat(found), visit.includes, visit.domain), course=found)


def enrollments_of(visit: Visit, user: str) -> Reply:
    """`GET /users/:id/enrollments`."""
    visit.me(user)
    return _enrollments(visit, visit.campus.enrolled(visit.student))


def enrollments_in(visit: Visit, course: str) -> Reply:
    """`GET /courses/:id/enrollments`: only the student's own."""
    return _enrollments(visit, [visit.course(course)])


def _asks_for_mine(visit: Visit) -> bool:
    kind = visit.one("enrollment_type") or "student"
    state = visit.one("enrollment_state") or "active"
    states = visit.many("state") or ["available"]
    return kind == "student" and state == "active" and "available" in states


def _page(visit: Visit, courses: list[Course]) -> Reply:
    page = ordinal(visit.asked, courses)
    shown = [shape(visit.seat(item), visit.includes, visit.domain) for item in page.items]
    return Reply(shown, page.link)


def _enrollments(visit: Visit, courses: list[Course]) -> Reply:
    types = visit.many("type") or ["StudentEnrollment"]
    states = visit.many("state") or ["active"]
    asked = "StudentEnrollment" in types
    wanted = [
        (course, section)
        for course in courses
        if asked and ("inactive" in states if course.restricted else ACTIVE.intersection(states))
        for section in range(course.sections)
    ]
    page = ordinal(visit.asked, wanted)
    shown = [enrollment(visit.seat(item), section, visit.domain) for item, section in page.items]
    return Reply(shown, page.link, lasting=False)
