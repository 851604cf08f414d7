"""A Canvas that sends literally the rows it is given, with a hook for what goes wrong."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from tests.canvas_cases.canvas_rows import Row

NOT_FOUND = {"errors": [{"message": "The specified resource does not exist."}]}
COURSE_PATH = re.compile(r"/api/v1/courses/([\d~]+)(?:/(assignment_groups|assignments))?")

Hook = Callable[[web.Request, "LiteralStudent"], Awaitable[web.Response | None]]


@dataclass
class LiteralStudent:
    """A student: their courses, and the groups with assignments by course id."""

    token: str
    courses: list[Row]
    groups: dict[str, list[Row]]
    ended: list[Row] = field(default_factory=list)
    hook: Hook | None = None
    page_size: int = 100
    requests: list[str] = field(default_factory=list)

    @property
    def user(self) -> Row:
        return {"id": 501, "name": "Sam Student"}


class LiteralCanvas:
    """Serves any number of students, each by their token."""

    def __init__(self) -> None:
        self.students: dict[str, LiteralStudent] = {}

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        student = self.students.get(token)
        if student is None:
            challenge = {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}
            message = {"errors": [{"message": "Invalid access token."}]}
            return canvas_json(message, status=401, headers=challenge)
        student.requests.append(request.path_qs)
        response = await student.hook(request, student) if student.hook else None
        return response or _respond(request, student)


def canvas_json(document: Any, **options: Any) -> web.Response:
    """A JSON response as Canvas sends it."""
    return web.Response(body=orjson.dumps(document), content_type="application/json", **options)


def canvas_page(request: web.Request, rows: list[Row], student: LiteralStudent) -> web.Response:
    """The requested page of rows, with a `Link` header."""
    size = min(int(request.query.get("per_page", 10)), student.page_size)
    number = int(request.query.get("page", 1))
    base = request.url.update_query(page=number)
    links = [f'<{base}>; rel="current"']
    if number * size < len(rows):
        links.append(f'<{request.url.update_query(page=number + 1)}>; rel="next"')
    page = rows[(number - 1) * size : number * size]
    return canvas_json(page, headers={"Link": ",".join(links)})


def _respond(request: web.Request, student: LiteralStudent) -> web.Response:
    match request.path:
        case "/api/v1/users/self":
            return canvas_json(student.user)
        case "/api/v1/courses":
            return canvas_page(request, _listed_courses(request, student), student)
        case "/api/v1/users/self/graded_submissions":
            return canvas_page(request, _graded_rows(student), student)
        case "/api/v1/planner/items":
            return canvas_page(request, _planner_rows(student), student)
        case "/api/v1/users/self/favorites/courses":
            return canvas_page(request, [], student)
    found = COURSE_PATH.fullmatch(request.path)
    return (
        _course_response(request, student, found) if found else canvas_json(NOT_FOUND, status=404)
    )


def _course_response(
    request: web.Request, student: LiteralStudent, found: re.Match[str]
) -> web.Response:
    groups = student.groups.get(found[1], [])
    if found[2] == "assignment_groups":
        return canvas_page(request, groups, student)
    if found[2] == "assignments":
        rows = [row | {"assignment_group_id": each["id"]} for each, row in _assignments(groups)]
        return canvas_page(request, rows, student)
    for row in student.courses + student.ended:
        if str(row["id"]) == found[1]:
            return canvas_json(row)
    return canvas_json(NOT_FOUND, status=404)


def _listed_courses(request: web.Request, student: LiteralStudent) -> list[Row]:
    lists = {"active": student.courses, "completed": student.ended, "invited_or_pending": []}
    state = request.query.get("enrollment_state")
    return student.courses + student.ended if state is None else lists[state]


def _assignments(groups: list[Row]) -> list[tuple[Row, Row]]:
    return [(each, row) for each in groups for row in each["assignments"]]


def _graded_rows(student: LiteralStudent) -> list[Row]:
    rows = [
        {
            **row["submission"],
            "assignment_id": row["id"],
            "assignment": row | {"course_id": int(course_id), "submission": None},
        }
        for course_id, groups in student.groups.items()
        for _, row in _assignments(groups)
        if (row.get("submission") or {}).get("graded_at")
    ]
    return sorted(rows, key=lambda row: row["graded_at"], reverse=True)


def _planner_rows(student: LiteralStudent) -> list[Row]:
    rows = [
        {
            "context_type": "Course",
            "course_id": int(course_id),
            "plannable_id": row["id"],
            "plannable_type": "assignment",
            "plannable_date": row["due_at"],
            "plannable": {
                "id": row["id"],
                "title": row["name"],
                "due_at": row["due_at"],
                "points_possible": row["points_possible"],
            },
            "submissions": _planner_status(row.get("submission") or {}),
        }
        for course_id, groups in student.groups.items()
        for _, row in _assignments(groups)
        if row["due_at"]
    ]
    return sorted(rows, key=lambda row: row["plannable_date"], reverse=True)


def _planner_status(row: Row) -> Row:
    return {
        "submitted": bool(row.get("submitted_at")),
        "excused": row.get("excused", False),
        "graded": bool(row.get("graded_at")),
        "posted_at": row.get("posted_at"),
        "late": row.get("late", False),
        "missing": row.get("missing", False),
    }
