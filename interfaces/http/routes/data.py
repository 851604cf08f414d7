"""Courses, assignments and grades over HTTP."""

from datetime import UTC, datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request, Response

from interfaces.http.auth.protected_route import BEARER, Caller, Wired, guarded
from interfaces.http.consistency import reads
from interfaces.http.responses import listing, read
from interfaces.http.schemas.data import Assignment, Course, Everything, Grade, GradeChange
from interfaces.http.schemas.page import PageOf, documented
from interfaces.http.schemas.query_parameters import (
    CourseState,
    Cursor,
    Limit,
    Of,
    Search,
    Sort,
    Statuses,
    When,
)
from projections.support.json_documents import array

router = APIRouter(
    prefix="/api/v1/canvas", tags=["data"], dependencies=[BEARER], route_class=guarded()
)


@router.get(
    "/courses",
    operation_id="listCourses",
    summary="Your courses",
    dependencies=[reads("courses")],
    responses=documented(200, PageOf[Course], "A page of courses"),
)
async def list_courses(
    request: Request,
    caller: Caller,
    service: Wired,
    *,
    connection_id: Of = None,
    state: CourseState | None = None,
    q: Search = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the caller's courses, by name."""
    page = await service.courses_of(
        caller.id, connection_id=connection_id, state=state, q=q, cursor=cursor, limit=limit
    )
    return listing(request, page)


@router.get(
    "/assignments",
    operation_id="listAssignments",
    summary="Your assignments",
    dependencies=[reads("assignments")],
    responses=documented(200, PageOf[Assignment], "A page of assignments"),
)
async def list_assignments(
    request: Request,
    caller: Caller,
    service: Wired,
    *,
    connection_id: Of = None,
    course_id: Of = None,
    status: Statuses = None,
    due_after: When = None,
    due_before: When = None,
    q: Search = None,
    sort: Annotated[Sort, Query(description="A leading `-` turns the order round")] = "due_at",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the caller's assignments; `status` follows the clock."""
    page = await service.assignments_of(
        caller.id,
        now=datetime.now(UTC),
        connection_id=connection_id,
        course_id=course_id,
        statuses=frozenset(status.split(",")) if status else frozenset(),
        due_after=due_after,
        due_before=due_before,
        q=q,
        sort=sort,
        cursor=cursor,
        limit=limit,
    )
    return listing(request, page)


@router.get(
    "/grades",
    operation_id="listGrades",
    summary="Your grades",
    dependencies=[reads("grades")],
    responses=documented(200, PageOf[Grade], "A page of grades, one a course"),
)
async def list_grades(
    request: Request,
    caller: Caller,
    service: Wired,
    *,
    connection_id: Of = None,
    course_id: Of = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the caller's grades by course, with those of its assignments inside."""
    page = await service.grades_of(
        caller.id, connection_id=connection_id, course_id=course_id, cursor=cursor, limit=limit
    )
    return listing(request, page)


@router.get(
    "/grades/history",
    operation_id="listGradeChanges",
    summary="How your grades changed",
    dependencies=[reads("grade_history")],
    responses=documented(200, PageOf[GradeChange], "A page of changes, oldest first"),
)
async def list_grade_changes(
    request: Request,
    caller: Caller,
    service: Wired,
    *,
    course_id: Of = None,
    assignment_id: Of = None,
    since: When = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List every change of a score or grade that a sync found."""
    page = await service.grade_changes_of(
        caller.id,
        course_id=course_id,
        assignment_id=assignment_id,
        since=since,
        cursor=cursor,
        limit=limit,
    )
    return listing(request, page)


@router.get(
    "/data",
    operation_id="getEverything",
    summary="All of it in one document",
    dependencies=[reads("connections", "courses", "assignments", "grades")],
    responses=documented(200, Everything, "Everything"),
)
async def get_everything(request: Request, caller: Caller, service: Wired) -> Response:
    """Show the caller's connections, courses, assignments and grades."""
    whole: dict[str, Any] = {"cursor": None, "limit": None}
    connections = await service.connections_of(caller.id, interval=service.interval, **whole)
    courses = await service.courses_of(caller.id, **whole)
    assignments = await service.assignments_of(caller.id, now=datetime.now(UTC), **whole)
    grades = await service.grades_of(caller.id, **whole)
    document = b'{"connections":%b,"courses":%b,"assignments":%b,"grades":%b,"synced_at":%b}' % (
        array(connections.items),
        array(courses.items),
        array(assignments.items),
        array(grades.items),
        orjson.dumps(_newest_sync(connections.items)),
    )
    return read(request, document)


def _newest_sync(connections: list[bytes]) -> str | None:
    times = (orjson.loads(document)["last_synced_at"] for document in connections)
    return max((time for time in times if time), default=None)
