"""The pages to which links of the sandbox lead: its courses, a course, and an assignment.

They show the work of the first student, and need no token: the sandbox has no secrets.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from html import escape

from aiohttp import web

from infrastructure.canvas_sandbox.enrolled_students import Student
from infrastructure.canvas_sandbox.error_responses import HTML, Response, html_error
from infrastructure.canvas_sandbox.host_outage import HostOutage
from infrastructure.canvas_sandbox.model import Assignment, Course, Submission
from infrastructure.canvas_sandbox.response_writer import build_response
from infrastructure.canvas_sandbox.state import SandboxState
from infrastructure.canvas_sandbox.student_request import parse_canvas_id

HEADERS = {
    "content-type": HTML,
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'",
}
STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{text-align:left;padding:.4rem .8rem .4rem 0;border-bottom:1px solid #8886}"
    "small{opacity:.75}"
)


class WebPages:
    """Serves the pages; while the host is away they are away too."""

    def __init__(self, state: SandboxState, outage: HostOutage) -> None:
        self._state = state
        self._outage = outage

    def routes(self) -> list[web.RouteDef]:
        """The routes of the pages."""
        course, assignment = "/courses/{course}", "/courses/{course}/assignments/{assignment}"
        return [
            web.get("/", self.show_courses),
            web.get(course, self.show_course),
            web.get(assignment, self.show_assignment),
            web.get(assignment + "/submissions/{user}", self.show_assignment),
        ]

    async def show_courses(self, _: web.Request) -> web.Response:
        """List the courses of the first student."""
        student = self._student()
        seats = student.seats if student else {}
        rows = [
            (f'<a href="/courses/{id_}">{escape(course.name)}</a>', course.code, course.term.name)
            for id_ in seats
            if (course := self._state.courses[id_]).state != "deleted"
        ]
        return self._page("Courses", _table(("course", "code", "term"), rows))

    async def show_course(self, request: web.Request) -> web.Response:
        """List the assignments of a course with the work of the first student."""
        course = self._find_course(request)
        if course is None:
            return _not_found()
        rows = [
            (
                f'<a href="/courses/{course.id}/assignments/{item.id}">{escape(item.name)}</a>',
                _format_time(item.due_at),
                _describe_work(item, self._work(course, item)),
            )
            for item in course.published_assignments()
        ]
        teachers = ", ".join(escape(teacher.name) for teacher in course.teachers)
        about = f"<p>{escape(course.code)} · {escape(course.term.name)}<br>{teachers}</p>"
        return self._page(course.name, about + _table(("assignment", "due", "score"), rows))

    async def show_assignment(self, request: web.Request) -> web.Response:
        """Show one assignment with the work of the first student."""
        course = self._find_course(request)
        wanted = parse_canvas_id(request.match_info["assignment"])
        item = course.assignments.get(wanted or 0) if course else None
        if course is None or item is None or not item.present:
            return _not_found()
        facts = [
            ("course", f'<a href="/courses/{course.id}">{escape(course.name)}</a>'),
            ("due", _format_time(item.due_at)),
            ("score", _describe_work(item, self._work(course, item))),
        ]
        return self._page(item.name, item.description + _table((), facts))

    def _student(self) -> Student | None:
        return self._state.students[0] if len(self._state.students) else None

    def _find_course(self, request: web.Request) -> Course | None:
        course = self._state.courses.get(parse_canvas_id(request.match_info["course"]) or 0)
        return None if course is None or course.state == "deleted" else course

    def _work(self, course: Course, item: Assignment) -> Submission | None:
        student = self._student()
        if student is None or course.id not in student.seats:
            return None
        return self._state.work(student, course).get(item.id)

    def _page(self, title: str, body: str) -> web.Response:
        if self._outage.how is not None:
            return build_response(html_error(503, "Service Temporarily Unavailable"))
        text = (
            f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
            f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>'
            f'<small>Canvas sandbox · <a href="/">all courses</a></small>'
            f"<h1>{escape(title)}</h1>{body}</html>"
        )
        return build_response(Response(200, text.encode(), HEADERS))


def _not_found() -> web.Response:
    return build_response(html_error(404, "Page Not Found"))


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Build a table of cells that are HTML."""
    head = "".join(f"<th>{name}</th>" for name in columns)
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<table><tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _format_time(time: int | None) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%d %B %Y, %H:%M} UTC" if time else "—"


def _describe_work(item: Assignment, work: Submission | None) -> str:
    """Return the score as the student sees it, or the state of the work."""
    if work is None:
        return "—"
    if work.excused:
        return "excused"
    if work.score is not None and not work.hidden:
        return f"{work.score:g} of {item.points or 0:g} points"
    return "handed in" if work.submitted_at else "nothing handed in"
