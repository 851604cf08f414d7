"""Routes of courses, assignments and grades."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError

from domain.log_position import LogPosition
from interfaces.http.auth.protected_route import (
    BEARER_SCHEME,
    CurrentUser,
    ServiceDep,
    protected_route,
)
from interfaces.http.consistency import ConsistentReads
from interfaces.http.errors.problem import Problem
from interfaces.http.responses import (
    command_response,
    document_response,
    page_response,
    token_headers,
)
from interfaces.http.schemas.data import Assignment, Course
from interfaces.http.schemas.enumerations import (
    AssignmentOrder,
    CourseState,
    GradeChangeOrder,
)
from interfaces.http.schemas.grades import Grade, GradeChange, WhatIfTotals
from interfaces.http.schemas.page import PageOf, document_responses
from interfaces.http.schemas.path_parameters import AssignmentId, CourseId
from interfaces.http.schemas.query_parameters import (
    AssignmentStatuses,
    Cursor,
    EndTime,
    Limit,
    OptionalId,
    SearchText,
    StartTime,
)
from interfaces.http.schemas.request_bodies import WhatIf
from projections.courses.what_if import UnknownAssignment

router = APIRouter(
    prefix="/api/v1/canvas",
    tags=["data"],
    dependencies=[BEARER_SCHEME],
    route_class=protected_route(),
)


@router.get(
    "/courses",
    operation_id="listCourses",
    summary="List your courses",
    responses=document_responses(200, PageOf[Course], "A page of courses"),
)
async def list_courses(
    request: Request,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    connection_id: OptionalId = None,
    state: Annotated[
        CourseState | None, Query(description="Only courses that are in this state")
    ] = None,
    q: SearchText = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the courses of the user, sorted by name."""
    query = service.courses_of(
        user.id, connection_id=connection_id, state=state, q=q, cursor=cursor, limit=limit
    )
    (page,), place = await reads(query)
    return page_response(request, page, place)


@router.get(
    "/courses/{course_id}",
    operation_id="getCourse",
    summary="Show a course",
    responses=document_responses(200, Course, "The course", "not-found"),
)
async def get_course(
    request: Request,
    course_id: CourseId,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
) -> Response:
    """Show one course of the user."""
    (document,), place = await reads(service.course_of(user.id, course_id))
    return _found(request, document, place)


@router.post(
    "/courses/{course_id}/what-if",
    operation_id="calculateWhatIf",
    summary="Calculate totals with other scores",
    responses=document_responses(200, WhatIfTotals, "The totals as they would be", "not-found"),
)
async def calculate_what_if(
    course_id: CourseId,
    body: WhatIf,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
) -> Response:
    """Calculate the totals of a course by the rules of Canvas, as if it had these scores.

    Assignments that are not in `scores` keep the scores that they have. Nothing is recorded.
    """
    try:
        (totals,), place = await reads(service.what_if_of(user.id, course_id, scores=body.scores))
    except UnknownAssignment as unknown:
        raise RequestValidationError(list(map(_unknown, unknown.assignment_ids))) from None
    if totals is None:
        raise Problem("not-found", headers=token_headers(place))
    return command_response(totals, 200, **token_headers(place))


@router.get(
    "/assignments",
    operation_id="listAssignments",
    summary="List your assignments",
    responses=document_responses(200, PageOf[Assignment], "A page of assignments"),
)
async def list_assignments(
    request: Request,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    connection_id: OptionalId = None,
    course_id: OptionalId = None,
    status: AssignmentStatuses = None,
    due_after: StartTime = None,
    due_before: EndTime = None,
    q: SearchText = None,
    sort: Annotated[
        AssignmentOrder, Query(description="The sort order; a leading `-` reverses it")
    ] = "due_at",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the assignments of the user. Their `status` depends on the present time."""
    query = service.assignments_of(
        user.id,
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
    (page,), place = await reads(query)
    return page_response(request, page, place)


@router.get(
    "/assignments/{assignment_id}",
    operation_id="getAssignment",
    summary="Show an assignment",
    responses=document_responses(200, Assignment, "The assignment", "not-found"),
)
async def get_assignment(
    request: Request,
    assignment_id: AssignmentId,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
) -> Response:
    """Show one assignment of the user. Its `status` depends on the present time."""
    query = service.assignment_of(user.id, assignment_id, now=datetime.now(UTC))
    (document,), place = await reads(query)
    return _found(request, document, place)


@router.get(
    "/grades",
    operation_id="listGrades",
    summary="List your grades",
    responses=document_responses(200, PageOf[Grade], "A page of grades, one for each course"),
)
async def list_grades(
    request: Request,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    connection_id: OptionalId = None,
    course_id: OptionalId = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the grades of the user by course, each with the grades of its assignments."""
    options = {"connection_id": connection_id, "course_id": course_id}
    (page,), place = await reads(service.grades_of(user.id, **options, cursor=cursor, limit=limit))
    return page_response(request, page, place)


@router.get(
    "/grades/history",
    operation_id="listGradeChanges",
    summary="List the changes of your grades",
    responses=document_responses(200, PageOf[GradeChange], "A page of changes"),
)
async def list_grade_changes(
    request: Request,
    user: CurrentUser,
    service: ServiceDep,
    reads: ConsistentReads,
    *,
    course_id: OptionalId = None,
    assignment_id: OptionalId = None,
    since: StartTime = None,
    baseline: Annotated[
        bool | None,
        Query(
            description=(
                "`false` leaves out what the first sync found, `true` returns only that; without"
                " it both are returned"
            )
        ),
    ] = None,
    sort: Annotated[
        GradeChangeOrder, Query(description="The sort order; a leading `-` reverses it")
    ] = "changed_at",
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Response:
    """List the changes of scores and grades that syncs found."""
    query = service.grade_changes_of(
        user.id,
        course_id=course_id,
        assignment_id=assignment_id,
        since=since,
        baseline=baseline,
        sort=sort,
        cursor=cursor,
        limit=limit,
    )
    (page,), place = await reads(query)
    return page_response(request, page, place)


def _found(request: Request, document: bytes | None, place: LogPosition) -> Response:
    if document is None:
        raise Problem("not-found", headers=token_headers(place))
    return document_response(request, document, place)


def _unknown(assignment_id: UUID) -> dict[str, Any]:
    return {
        "loc": ("body", "scores", str(assignment_id)),
        "msg": "is not an assignment of this course",
        "type": "unknown_assignment",
    }
