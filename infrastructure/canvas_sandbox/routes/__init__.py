"""Every GET of Canvas's API that the sandbox answers."""

import re
from collections.abc import Callable
from typing import NamedTuple

from infrastructure.canvas_sandbox.routes import assignments, courses, feeds, people, submissions
from infrastructure.canvas_sandbox.student_request import Reply, Visit

COURSE = r"/courses/([\d~]+)"
USER = r"/users/(self|[\d~]+)"


class Route(NamedTuple):
    """A path and what answers it; `validated` ones are compared by Canvas before any work."""

    pattern: re.Pattern[str]
    answer: Callable[..., Reply]
    validated: bool = False


def _route(pattern: str, answer: Callable[..., Reply], *, validated: bool = False) -> Route:
    return Route(re.compile("/api/v1" + pattern), answer, validated)


ROUTES = (
    _route(COURSE + "/assignment_groups", assignments.groups),
    _route(COURSE + r"/assignment_groups/([\d~]+)", assignments.group),
    _route(COURSE + "/assignments", assignments.listed),
    _route(COURSE + r"/assignments/([\d~]+)", assignments.single),
    _route(COURSE + r"/assignments/([\d~]+)/submissions/(self|[\d~]+)", submissions.single),
    _route(COURSE + "/students/submissions", submissions.of_students),
    _route(COURSE + "/enrollments", courses.enrollments_in),
    _route(COURSE, courses.single),
    _route("/courses", courses.listed),
    _route(USER, people.user),
    _route(f"{USER}/profile", people.profile),
    _route(f"{USER}/colors", people.colors),
    _route(f"{USER}/course_nicknames", people.nicknames),
    _route(f"{USER}/courses", courses.of_user),
    _route(f"{USER}/favorites/courses", courses.favorites),
    _route(f"{USER}/enrollments", courses.enrollments_of),
    _route(f"{USER}/graded_submissions", submissions.graded),
    _route(f"{USER}/missing_submissions", feeds.missing),
    _route(f"{USER}/todo", feeds.todo),
    _route(f"{USER}/upcoming_events", feeds.upcoming),
    _route(f"{USER}/planner/items", feeds.planner_of, validated=True),
    _route("/planner/items", feeds.planner, validated=True),
)


def route_of(path: str) -> tuple[Route, re.Match[str]] | None:
    """The route that answers a path."""
    for route in ROUTES:
        if parts := route.pattern.fullmatch(path):
            return route, parts
    return None


def answer(visit: Visit, route: Route, parts: re.Match[str]) -> Reply:
    """Let a route answer; raises Refused."""
    return route.answer(visit, *parts.groups())
