"""Routes of courses, enrollments and grading periods."""

from collections.abc import Callable

from infrastructure.canvas_sandbox.enrolled_students import Enrollment
from infrastructure.canvas_sandbox.enrollment_states import dated_state, is_restricted
from infrastructure.canvas_sandbox.error_responses import ErrorResponse, json_error
from infrastructure.canvas_sandbox.listed_courses import (
    ListedCourse,
    ListFilter,
    sort_by_shown_name,
)
from infrastructure.canvas_sandbox.model import Course
from infrastructure.canvas_sandbox.paginators import paginate_by_number
from infrastructure.canvas_sandbox.sandbox_clock import format_time
from infrastructure.canvas_sandbox.serializers.course import STUB_INCLUDE, serialize_course
from infrastructure.canvas_sandbox.serializers.enrollment import serialize_enrollment
from infrastructure.canvas_sandbox.student_request import (
    RouteResult,
    StudentRequest,
    parse_canvas_id,
)

EnrollmentFilter = Callable[[Enrollment, Course, int], bool]
STATES_BEFORE_END = frozenset({"active", "invited", "pending_active", "pending_invited"})
FUTURE_STATES = frozenset({"current_and_future", "current_future_and_restricted"})


def list_courses(request: StudentRequest) -> RouteResult:
    """`GET /courses`."""
    kind = request.parameter("enrollment_type")
    list_filter = ListFilter(
        request.parameter("enrollment_state"),
        frozenset(request.list_parameter("state")),
        f"{kind.capitalize()}Enrollment" if kind else None,
    )
    return _course_page(request, request.state.list_courses(request.student, list_filter))


def list_user_courses(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/:id/courses`."""
    request.require_self(user)
    return list_courses(request)


def list_favorites(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/favorites/courses`."""
    request.require_self(user)
    courses = request.state.list_courses(request.student)
    return _course_page(request, [listed for listed in courses if listed.seat.favorite])


def show_course(request: StudentRequest, course: str) -> RouteResult:
    """`GET /courses/:id`: enrollments that have ended are left out, and their totals with them."""
    selected = request.require_course(course)
    enrolled = request.enrolled_course(request.listed_alone(selected))
    return RouteResult(
        serialize_course(enrolled, request.includes, request.domain), course=selected
    )


def list_grading_periods(request: StudentRequest, course: str) -> RouteResult:
    """`GET /courses/:id/grading_periods`: in an object, not in a list; only here with weights."""
    selected = request.require_course(course)
    periods = selected.periods.periods if selected.periods else ()
    shown = [
        {
            "id": period.id,
            "title": period.title,
            "start_date": format_time(period.starts),
            "end_date": format_time(period.ends),
            "close_date": format_time(period.closes),
            "weight": period.weight,
            "is_closed": period.closes < request.now,
            "is_last": period == periods[-1],
        }
        for period in periods
    ]
    return RouteResult({"grading_periods": shown}, course=selected)


def list_user_enrollments(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/:id/enrollments`: of all courses, in the states that are requested."""
    request.require_self(user)
    seats = request.student.seats
    found = [
        ListedCourse(course, seats[course.id], seats[course.id].enrollments)
        for course in request.state.courses.values()
        if course.id in seats
    ]
    return _enrollment_page(request, sort_by_shown_name(found))


def list_course_enrollments(request: StudentRequest, course: str) -> RouteResult:
    """`GET /courses/:id/enrollments`: only those of the student."""
    selected = request.require_course(course)
    seat = request.student.seats[selected.id]
    return _enrollment_page(request, [ListedCourse(selected, seat, seat.enrollments)])


def _course_page(request: StudentRequest, courses: list[ListedCourse]) -> RouteResult:
    page = paginate_by_number(request.list_request, courses)
    includes = request.includes | {STUB_INCLUDE}
    shown = [
        serialize_course(request.enrolled_course(item), includes, request.domain)
        for item in page.items
    ]
    return RouteResult(shown, page.link_header)


def _enrollment_page(request: StudentRequest, courses: list[ListedCourse]) -> RouteResult:
    types = request.list_parameter("type")
    states = frozenset(request.list_parameter("state") or ("active", "invited"))
    rows = [
        (listed, item)
        for listed in courses
        for item in listed.enrollments
        if (not types or item.type in types)
        and _is_in_states(item, listed.course, states, request.now)
    ]
    period_id = _period_id(request, [listed.course for listed, _ in rows])
    page = paginate_by_number(request.list_request, rows)
    shown = [
        serialize_enrollment(request.enrolled_course(listed), item, request.domain, period_id)
        for listed, item in page.items
    ]
    return RouteResult(shown, page.link_header, is_cacheable=False)


def _is_in_states(enrollment: Enrollment, course: Course, states: frozenset[str], now: int) -> bool:
    """Whether an enrollment is in one of the states, which are workflow states or combined."""
    if course.restricted and enrollment.state == "active":
        return "inactive" in states
    if course.state == "deleted" or enrollment.state == "deleted":
        return "deleted" in states
    is_published = course.state == "available" or enrollment.is_staff
    if enrollment.state in {"active", "invited"} and is_published:
        is_restricted_now = is_restricted(enrollment, course, now)
        is_before_end = dated_state(enrollment, course, now) in STATES_BEFORE_END
        return bool(
            states & {enrollment.state, "current_and_invited"}
            or (enrollment.state == "active" and "current_and_concluded" in states)
            or (is_before_end and not is_restricted_now and states & FUTURE_STATES)
            or (is_restricted_now and "current_future_and_restricted" in states)
        )
    if enrollment.state == "completed":
        return bool(states & {"completed", "current_and_concluded"})
    return enrollment.state in states and enrollment.state not in {"active", "invited"}


def _period_id(request: StudentRequest, courses: list[Course]) -> int | None:
    """The grading period whose totals are requested.

    Raises: ErrorResponse (400) if no course of the list has it.
    """
    text = request.parameter("grading_period_id")
    if text is None:
        return None
    wanted = parse_canvas_id(text)
    known = {period.id for item in courses if item.periods for period in item.periods.periods}
    if wanted not in known:
        raise ErrorResponse(json_error(400, {"error": "invalid grading_period_id"}))
    return wanted
