"""The queries of `assignments`: what is listed, filters, order, pages, and one assignment."""

from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.canvas import assignment_id, course_id
from projections.assignments.query import SORT_ORDERS, assignment_of, assignments_of
from projections.support.page import BadCursor
from tests.canvas_builders import assignment, course, part, restricted_course, submission
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, EventLogBuilder, StudentAccount
from tests.projections.pages import decode_page, fetch, fetch_all_pages

NOW = datetime(2026, 9, 15, tzinfo=UTC)
PAST, FUTURE = "2026-09-14T00:00:00Z", "2026-09-16T00:00:00Z"
SUBMISSION_DOCUMENT = {
    "state": "graded",
    "score": 9.13,
    "grade": "9.5",
    "submitted_at": "2026-09-10T04:00:00Z",
    "graded_at": "2026-09-12T18:00:00Z",
    "posted_at": "2026-09-12T18:00:00Z",
    "excused": False,
    "late": False,
    "missing": False,
    "points_deducted": 0.33,
    "attempt": 1,
}


async def _assignments(pool: AsyncConnectionPool, **filters: Any) -> list[dict[str, Any]]:
    return decode_page(await fetch(assignments_of(PERSON, now=NOW, limit=None, **filters), pool))


async def test_an_assignment_has_the_members_of_the_contract(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    work = submission(score=9.128, points_deducted=0.333)
    account = StudentAccount(log).open()
    account.run((course("101"), [assignment("5001", grading_period_id="5", submission=work)]))
    project_new(log.events)
    assert await _assignments(pool) == [
        {
            "id": str(assignment_id(account.id, "5001")),
            "connection_id": str(account.id),
            "course_id": str(course_id(account.id, "101")),
            "canvas_id": "5001",
            "name": "Problem set 1",
            "group": {"id": "11", "name": "Homework", "weight": 40.0},
            "due_at": "2026-09-11T05:59:59Z",
            "unlock_at": None,
            "lock_at": None,
            "points_possible": 10.0,
            "grading_type": "points",
            "submission_types": ["online_upload"],
            "html_url": "https://canvas.example/courses/101/assignments/5001",
            "status": "graded",
            "locked": False,
            "lock_reason": None,
            "parts": [],
            "omit_from_final_grade": False,
            "grading_period_id": "5",
            "submission": SUBMISSION_DOCUMENT,
            "updated_at": "2026-09-01T12:00:04.000012Z",
        }
    ]


def _two_accounts() -> tuple[EventLogBuilder, StudentAccount, StudentAccount]:
    """Five assignments, named `a` to `e` without regard to case."""
    log = EventLogBuilder()
    first = StudentAccount(log).open()
    late, missing = submission(late=True), submission(missing=True)
    first.run(
        (
            course("1"),
            [
                assignment("11", name="b", due_at=FUTURE, submission=None),
                assignment("12", name="A", due_at=None, submission=None),
                assignment("13", name="c", due_at=PAST, submission=late),
            ],
        ),
        (
            course("2"),
            [assignment("21", name="D", due_at="2026-09-10T00:00:00Z", submission=missing)],
        ),
    )
    second = StudentAccount(log, url="https://other.example").open()
    second.run((course("1"), [assignment("11", name="e", due_at="2026-10-01T00:00:00Z")]))
    return log, first, second


async def test_assignments_are_filtered_and_sorted(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log, first, second = _two_accounts()
    project_new(log.events)

    async def names(**filters: Any) -> str:
        return "".join(document["name"] for document in await _assignments(pool, **filters))

    assert await names() == "DcbeA"
    assert await names(sort="-due_at") == "ebcDA"
    assert await names(sort="name") == "AbcDe"
    assert await names(connection_id=second.id) == "e"
    assert await names(course_id=course_id(first.id, "1")) == "cbA"
    assert await names(statuses=frozenset({"late"})) == "c"
    assert await names(statuses=frozenset({"missing"})) == "D"
    assert await names(statuses=frozenset({"graded"})) == "Dce"
    assert await names(statuses=frozenset({"late", "undated"})) == "cA"
    assert await names(due_after=datetime(2026, 9, 14, tzinfo=UTC)) == "cbe"
    assert await names(due_before=datetime(2026, 9, 16, tzinfo=UTC)) == "Dc"
    assert await names(q="d") == "D"


@pytest.mark.parametrize("sort", SORT_ORDERS)
async def test_assignments_are_paged(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, sort: str
) -> None:
    log, *_ = _two_accounts()
    project_new(log.events)
    query = partial(assignments_of, PERSON, now=NOW, sort=sort)
    for limit in (1, 2, 3):
        assert await fetch_all_pages(query, pool, limit) == await _assignments(pool, sort=sort)


@pytest.mark.parametrize("sort", SORT_ORDERS)
async def test_a_cursor_is_valid_for_its_own_sort_order_only(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, sort: str
) -> None:
    log = EventLogBuilder()
    StudentAccount(log).open().run((course(), [assignment("1"), assignment("2")]))
    project_new(log.events)
    query = partial(assignments_of, PERSON, now=NOW, limit=1)
    cursor = (await fetch(query(sort=sort), pool)).next_cursor
    assert len((await fetch(query(sort=sort, cursor=cursor), pool)).items) == 1
    for other in SORT_ORDERS.keys() - {sort}:
        with pytest.raises(BadCursor):
            query(sort=other, cursor=cursor)


async def test_removed_assignments_and_those_of_withdrawn_courses_are_not_listed(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    account.run((course("1"), [assignment("11"), assignment("12")]), (course("2"), []))

    async def ids() -> set[str]:
        project_new(log.events)
        return {document["canvas_id"] for document in await _assignments(pool)}

    assert await ids() == {"11", "12"}
    account.run((course("1"), [assignment("12")]))
    assert await ids() == {"12"}
    account.run((course("2"), []))
    assert await ids() == {"12"}, "one list without the course is not enough"
    account.run((course("2"), []))
    assert await ids() == set()
    account.run((course("1"), [assignment("11"), assignment("12")]))
    assert await ids() == {"11", "12"}


async def test_assignments_of_other_roles_and_unpublished_ones_are_not_listed(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()

    async def ids() -> set[str]:
        project_new(log.events)
        return {document["canvas_id"] for document in await _assignments(pool)}

    draft = assignment("12", published=False)
    account.run((course("1"), [assignment("11"), draft]), (course("2", role="ta"), []))
    assert await ids() == {"11"}
    account.run((course("1", role="ta"), []), (course("2"), [assignment("21")]))
    assert await ids() == {"21"}
    account.run((restricted_course("1"), []), (restricted_course("2"), []))
    assert await ids() == {"21"}, "a restricted course keeps its role"
    account.run((course("1"), [assignment("11"), assignment("12")]), (course("2"), []))
    assert await ids() == {"11", "12"}


async def test_one_assignment_equals_that_of_the_list(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    reply = assignment("12", parts=[part()], submission=None, locked_for_user=True)
    account.run(
        (course("1"), [assignment("11"), reply, assignment("13", published=False)]),
        (course("2", role="ta"), []),
    )
    project_new(log.events)
    for document in await _assignments(pool):
        one = await fetch(assignment_of(PERSON, UUID(document["id"]), now=NOW), pool)
        assert one is not None
        assert orjson.loads(one) == document
        assert await fetch(assignment_of(uuid4(), UUID(document["id"]), now=NOW), pool) is None
    hidden = assignment_id(account.id, "13")
    assert await fetch(assignment_of(PERSON, hidden, now=NOW), pool) is None
