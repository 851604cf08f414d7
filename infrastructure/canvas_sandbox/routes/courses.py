"""Routes of courses and enrollments."""

from infrastructure.canvas_sandbox.model import Course
from infrastructure.canvas_sandbox.paginators import paginate_by_number
from infrastructure.canvas_sandbox.serializers.course import serialize_course
from infrastructure.canvas_sandbox.serializers.enrollment import serialize_enrollment
from infrastructure.canvas_sandbox.student_request import RouteResult, StudentRequest

ACTIVE_STATES = frozenset({"active", "current_and_future", "current_and_concluded"})


def list_courses(request: StudentRequest) -> RouteResult:
    """`GET /courses`."""
    return _course_page(
        request,
        request.state.courses_of(request.student) if _wants_student_courses(request) else [],
    )


def list_user_courses(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/:id/courses`."""
    request.require_self(user)
    return list_courses(request)


def list_favorites(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/favorites/courses`."""
    request.require_self(user)
    courses = request.state.courses_of(request.student)
    return _course_page(
        request, [item for item in courses if request.student.enrollments[item.id].favorite]
    )


def show_course(request: StudentRequest, course: str) -> RouteResult:
    """`GET /courses/:id`."""
    selected = request.require_course(course)
    return RouteResult(
        serialize_course(request.enrolled_course(selected), request.includes, request.domain),
        course=selected,
    )


def list_user_enrollments(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/:id/enrollments`."""
    request.require_self(user)
    return _enrollment_page(request, request.state.courses_of(request.student))


def list_course_enrollments(request: StudentRequest, course: str) -> RouteResult:
    """`GET /courses/:id/enrollments`: only those of the student."""
    return _enrollment_page(request, [request.require_course(course)])


def _wants_student_courses(request: StudentRequest) -> bool:
    kind = request.parameter("enrollment_type") or "student"
    state = request.parameter("enrollment_state") or "active"
    states = request.list_parameter("state") or ["available"]
    return kind == "student" and state == "active" and "available" in states


def _course_page(request: StudentRequest, courses: list[Course]) -> RouteResult:
    page = paginate_by_number(request.list_request, courses)
    shown = [
        serialize_course(request.enrolled_course(item), request.includes, request.domain)
        for item in page.items
    ]
    return RouteResult(shown, page.link_header)


def _enrollment_page(request: StudentRequest, courses: list[Course]) -> RouteResult:
    types = request.list_parameter("type") or ["StudentEnrollment"]
    states = request.list_parameter("state") or ["active"]
    includes_students = "StudentEnrollment" in types
    sections = [
        (course, section)
        for course in courses
        if includes_students
        and ("inactive" in states if course.restricted else ACTIVE_STATES.intersection(states))
        for section in range(course.sections)
    ]
    page = paginate_by_number(request.list_request, sections)
    shown = [
        serialize_enrollment(request.enrolled_course(item), section, request.domain)
        for item, section in page.items
    ]
    return RouteResult(shown, page.link_header, is_cacheable=False)
