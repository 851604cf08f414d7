"""Routes of the student's own user, profile and preferences."""

from infrastructure.canvas_sandbox.paginators import paginate_by_number
from infrastructure.canvas_sandbox.serializers import person
from infrastructure.canvas_sandbox.student_request import RouteResult, StudentRequest


def show_user(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self`."""
    request.require_self(user)
    return RouteResult(person.serialize_user(request.student.person, request.domain))


def show_profile(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/profile`."""
    request.require_self(user)
    return RouteResult(person.serialize_profile(request.student.person, request.domain))


def show_colors(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/colors`."""
    request.require_self(user)
    codes = {
        f"course_{course.id}": f"#{person.opaque_id('colour', course.id, length=6)}"
        for course in request.state.courses_of(request.student)
    }
    return RouteResult({"custom_colors": codes})


def list_nicknames(request: StudentRequest, user: str) -> RouteResult:
    """`GET /users/self/course_nicknames`."""
    request.require_self(user)
    listed = request.state.list_courses(request.student)
    page = paginate_by_number(request.list_request, [item for item in listed if item.seat.nickname])
    shown = [
        {"course_id": item.course.id, "name": item.course.name, "nickname": item.seat.nickname}
        for item in page.items
    ]
    return RouteResult(shown, page.link_header)
