"""The query of `assignments`: status, lock, filters, order and pages."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.canvas import assignment_id, course_id
from projections.assignments.query import SORT_ORDERS, assignments_of
from projections.support.page import BadCursor
from tests.canvas_builders import assignment, course, hidden_grade, submission
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, EventLogBuilder, StudentAccount
from tests.projections.pages import decode_page, fetch_all_pages

NOW = datetime(2026, 9, 15, tzinfo=UTC)
PAST, FUTURE = "2026-09-14T00:00:00Z", "2026-09-16T00:00:00Z"
UNSUBMITTED = submission(
    state="unsubmitted", score=None, grade=None, submitted_at=None, graded_at=None, posted_at=None
)


async def _assignments(pool: AsyncConnectionPool, **filters: Any) -> list[dict[str, Any]]:
    return decode_page(await assignments_of(PERSON, now=NOW, limit=None, pool=pool, **filters))


async def test_an_assignment_has_the_members_of_the_contract(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open().run((course("101"), [assignment("5001")]))
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
            "submission": submission(),
            "updated_at": "2026-09-01T12:00:04.000012Z",
        }
    ]


@pytest.mark.parametrize(
    ("status", "work", "due_at"),
    [
        ("excused", submission(excused=True), PAST),
        ("graded", submission(missing=True), PAST),
        ("graded", submission(score=None, grade="complete"), PAST),
        ("graded", submission(state="submitted"), PAST),
        ("submitted", hidden_grade(missing=True), PAST),
        ("submitted", UNSUBMITTED | {"state": "pending_review"}, FUTURE),
        ("missing", UNSUBMITTED | {"missing": True}, None),
        ("overdue", UNSUBMITTED, PAST),
        ("overdue", None, NOW.isoformat()),
        ("overdue", hidden_grade(submitted_at=None), PAST),
        ("upcoming", None, FUTURE),
        ("undated", UNSUBMITTED, None),
    ],
)
async def test_the_status_follows_from_submission_and_due_date(
    project_new: ProjectNewEvents,
    pool: AsyncConnectionPool,
    status: str,
    work: Any,
    due_at: str | None,
) -> None:
    log = EventLogBuilder()
    StudentAccount(log).open().run((course(), [assignment("1", submission=work, due_at=due_at)]))
    project_new(log.events)
    (document,) = await _assignments(pool)
    assert document["status"] == status
    assert len(await _assignments(pool, statuses=frozenset({status}))) == 1
    others = {"excused", "graded", "submitted", "missing", "overdue", "upcoming", "undated"}
    assert await _assignments(pool, statuses=frozenset(others - {status})) == []


@pytest.mark.parametrize(
    ("locked", "dates"),
    [
        (True, {"unlock_at": FUTURE}),
        (True, {"lock_at": PAST}),
        (False, {"unlock_at": PAST, "lock_at": FUTURE}),
        (False, {"unlock_at": PAST}),
    ],
)
async def test_an_assignment_is_locked_before_its_unlock_date_and_after_its_lock_date(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, *, locked: bool, dates: dict[str, str]
) -> None:
    log = EventLogBuilder()
    StudentAccount(log).open().run((course(), [assignment("1", **dates)]))
    project_new(log.events)
    (document,) = await _assignments(pool)
    assert document["locked"] is locked


async def test_assignments_are_filtered_sorted_and_paged(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    first = StudentAccount(log).open()
    late = submission(late=True)
    first.run(
        (
            course("1"),
            [
                assignment("11", name="b", due_at=FUTURE, submission=None),
                assignment("12", name="A", due_at=None, submission=None),
                assignment("13", name="c", due_at=PAST, submission=late),
            ],
        ),
        (course("2"), [assignment("21", name="D", due_at="2026-09-10T00:00:00Z")]),
    )
    second = StudentAccount(log, url="https://other.example").open()
    second.run((course("1"), [assignment("11", name="e", due_at="2026-10-01T00:00:00Z")]))
    project_new(log.events)

    async def names(**filters: Any) -> str:
        return "".join(document["name"] for document in await _assignments(pool, **filters))

    assert await names() == "DcbeA"
    assert await names(sort="-due_at") == "ebcDA"
    assert await names(sort="name") == "AbcDe"
    assert await names(connection_id=second.id) == "e"
    assert await names(course_id=course_id(first.id, "1")) == "cbA"
    assert await names(statuses=frozenset({"late"})) == "c"
    assert await names(statuses=frozenset({"late", "undated"})) == "cA"
    assert await names(due_after=datetime(2026, 9, 14, tzinfo=UTC)) == "cbe"
    assert await names(due_before=datetime(2026, 9, 16, tzinfo=UTC)) == "Dc"
    assert await names(q="d") == "D"
    for sort in ("due_at", "-due_at", "name"):
        query = partial(assignments_of, PERSON, now=NOW, sort=sort, pool=pool)
        for limit in (1, 2, 3):
            assert await fetch_all_pages(query, limit) == await _assignments(pool, sort=sort)


@pytest.mark.parametrize("sort", SORT_ORDERS)
async def test_a_cursor_is_valid_for_its_own_sort_order_only(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, sort: str
) -> None:
    log = EventLogBuilder()
    StudentAccount(log).open().run((course(), [assignment("1"), assignment("2")]))
    project_new(log.events)
    query = partial(assignments_of, PERSON, now=NOW, limit=1, pool=pool)
    cursor = (await query(sort=sort)).next_cursor
    assert len((await query(sort=sort, cursor=cursor)).items) == 1
    for other in SORT_ORDERS.keys() - {sort}:
        with pytest.raises(BadCursor):
            await query(sort=other, cursor=cursor)


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
    assert await ids() == set()
    account.run((course("1"), [assignment("11"), assignment("12")]))
    assert await ids() == {"11", "12"}
