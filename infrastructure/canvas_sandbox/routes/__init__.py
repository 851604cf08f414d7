"""The routes of Canvas's API that the sandbox has; all of them are GET."""

import re
from collections.abc import Callable
from typing import NamedTuple

from infrastructure.canvas_sandbox.routes import assignments, courses, feeds, people, submissions
from infrastructure.canvas_sandbox.student_request import RouteResult, StudentRequest

COURSE_PATH = r"/courses/([\d~]+)"
USER_PATH = r"/users/(self|[\d~]+)"


class Route(NamedTuple):
    """A path pattern and its handler.

    If `has_early_validator` is true, Canvas compares validators before it reads the items.
    """

    pattern: re.Pattern[str]
    respond: Callable[..., RouteResult]
    has_early_validator: bool = False


def _route(pattern: str, respond: Callable[..., RouteResult], *, validated: bool = False) -> Route:
    return Route(re.compile("/api/v1" + pattern), respond, validated)


ROUTES = (
    _route(COURSE_PATH + "/assignment_groups", assignments.list_groups),
    _route(COURSE_PATH + r"/assignment_groups/([\d~]+)", assignments.show_group),
    _route(COURSE_PATH + "/assignments", assignments.list_assignments),
    _route(COURSE_PATH + r"/assignments/([\d~]+)", assignments.show_assignment),
    _route(
        COURSE_PATH + r"/assignments/([\d~]+)/submissions/(self|[\d~]+)",
        submissions.show_submission,
    ),
    _route(COURSE_PATH + "/students/submissions", submissions.list_student_submissions),
    _route(COURSE_PATH + "/enrollments", courses.list_course_enrollments),
    _route(COURSE_PATH + "/grading_periods", courses.list_grading_periods),
    _route(COURSE_PATH, courses.show_course),
    _route("/courses", courses.list_courses),
    _route(USER_PATH, people.show_user),
    _route(f"{USER_PATH}/profile", people.show_profile),
    _route(f"{USER_PATH}/colors", people.show_colors),
    _route(f"{USER_PATH}/course_nicknames", people.list_nicknames),
    _route(f"{USER_PATH}/courses", courses.list_user_courses),
    _route(f"{USER_PATH}/favorites/courses", courses.list_favorites),
    _route(f"{USER_PATH}/enrollments", courses.list_user_enrollments),
    _route(f"{USER_PATH}/graded_submissions", submissions.list_graded_submissions),
    _route(f"{USER_PATH}/missing_submissions", feeds.list_missing_submissions),
    _route(f"{USER_PATH}/todo", feeds.list_todo_items),
    _route(f"{USER_PATH}/upcoming_events", feeds.list_upcoming_events),
    _route(f"{USER_PATH}/planner/items", feeds.list_user_planner_items, validated=True),
    _route("/planner/items", feeds.list_planner_items, validated=True),
)


def find_route(path: str) -> tuple[Route, re.Match[str]] | None:
    """Find the route of a path; None if there is none."""
    for route in ROUTES:
        if parts := route.pattern.fullmatch(path):
            return route, parts
    return None


def run_route(request: StudentRequest, route: Route, parts: re.Match[str]) -> RouteResult:
    """Run the handler of a route.

    Raises: ErrorResponse if Canvas would respond with an error.
    """
    return route.respond(request, *parts.groups())
