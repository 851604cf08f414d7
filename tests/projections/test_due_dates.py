"""The due dates of `assignments`, which a calendar shows."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.canvas import assignment_id
from projections.assignments.due_dates import DatedAssignment, DatedPart
from projections.assignments.query import due_dates_of
from tests.canvas_builders import assignment, course, part, submission, unsubmitted
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, STARTED_AT, EventLogBuilder, StudentAccount
from tests.projections.pages import fetch

DUE_AT = datetime(2026, 9, 11, 5, 59, 59, tzinfo=UTC)


async def test_a_due_date_has_what_an_entry_of_a_calendar_needs(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder(step=timedelta(minutes=1))
    account = StudentAccount(log).open()
    parts = [
        part(submission=submission(score=4)),
        part("reply_to_entry", name="Two replies", due_at="2026-09-14T00:00:00Z"),
    ]
    later = assignment("2", name="Week 4", due_at="2026-09-14T00:00:00Z", parts=parts)
    later["submission"] = unsubmitted()
    account.run((course("101"), [later, assignment("1"), assignment("3", due_at=None)]))
    project_new(log.events)
    url = "https://canvas.example/courses/101/assignments/5001"
    names = ("Linear Algebra", "MATH 2210")
    updated_at = STARTED_AT + timedelta(minutes=4)
    second_due_at = datetime(2026, 9, 14, tzinfo=UTC)
    dated_parts = (
        DatedPart("reply_to_topic", "Reply to topic", DUE_AT, 5.0, "graded"),
        DatedPart("reply_to_entry", "Two replies", second_due_at, 5.0, None),
    )
    first, second = (assignment_id(account.id, id_) for id_ in ("1", "2"))
    assert await fetch(due_dates_of(PERSON), pool) == [
        DatedAssignment(
            first, *names, "Problem set 1", DUE_AT, 10.0, "graded", (), url, 0, updated_at
        ),
        DatedAssignment(
            second, *names, "Week 4", second_due_at, 10.0, None, dated_parts, url, 0, updated_at
        ),
    ]
    assert await fetch(due_dates_of(uuid4()), pool) == []


@pytest.mark.parametrize("project_each_run", [True, False])
async def test_the_number_of_changes_grows_with_each_change(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, *, project_each_run: bool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    changed = assignment("1", due_at="2026-09-12T05:59:59Z")
    draft = assignment("1", published=False)
    for work in (assignment("1"), assignment("1"), changed, draft, assignment("1")):
        account.run((course(name=work["name"]), [work, assignment("2")]))
        if project_each_run:
            project_new(log.events)
    project_new(log.events)
    first, second = await fetch(due_dates_of(PERSON), pool)
    counts = {each.assignment_id: each.changes for each in (first, second)}
    assert counts == {assignment_id(account.id, "1"): 3, assignment_id(account.id, "2"): 0}


async def test_only_published_assignments_of_a_student_are_in_the_calendar(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()

    async def names() -> list[str]:
        project_new(log.events)
        return [each.name for each in await fetch(due_dates_of(PERSON), pool)]

    work = [assignment("11", name="a"), assignment("12", name="b", published=False)]
    account.run((course("1"), work), (course("2", role="ta"), []))
    assert await names() == ["a"]
    account.run((course("1", state="concluded", ended=True), work))
    assert await names() == ["a"]
    account.run((course("1", role="ta"), []))
    assert await names() == []


@pytest.mark.parametrize(
    ("done", "work"),
    [
        ("excused", submission(excused=True)),
        ("graded", submission()),
        ("submitted", submission(state="pending_review")),
        (None, unsubmitted(missing=True)),
        (None, None),
    ],
)
async def test_what_is_done_is_marked(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, done: str | None, work: object
) -> None:
    log = EventLogBuilder()
    StudentAccount(log).open().run((course(), [assignment("1", submission=work)]))
    project_new(log.events)
    (dated,) = await fetch(due_dates_of(PERSON), pool)
    assert dated.done == done
