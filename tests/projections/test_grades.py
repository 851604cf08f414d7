"""The query of `grades`: the current grades of each course."""

from functools import partial
from typing import Any

from psycopg_pool import AsyncConnectionPool

from domain.canvas import assignment_id, course_id
from projections.grades.query import grades_of
from tests.canvas_builders import assignment, course, restricted_course, submission
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, EventLogBuilder, StudentAccount
from tests.projections.pages import decode_page, fetch, fetch_all_pages

NO_SUBMISSION = {
    **dict.fromkeys(("score", "grade", "graded_at", "posted_at")),
    "points_possible": 10.0,
    "excused": False,
    "late": False,
    "missing": False,
}


async def _grades(pool: AsyncConnectionPool, **filters: Any) -> list[dict[str, Any]]:
    return decode_page(await fetch(grades_of(PERSON, limit=None, **filters), pool))


async def test_grades_have_the_members_of_the_contract(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    later = assignment("2", name="Essay", due_at="2026-10-01T00:00:00Z", submission=None)
    account.run((course("101"), [later, assignment("1")]), (course("102", name="Zoology"), []))
    project_new(log.events)
    first, second = await _grades(pool)
    assert first == {
        "course_id": str(course_id(account.id, "101")),
        "connection_id": str(account.id),
        "course_name": "Linear Algebra",
        "current_score": 91.5,
        "current_grade": "A-",
        "final_score": 80.0,
        "final_grade": "B-",
        "grades_hidden": False,
        "assignments": [
            {
                "assignment_id": str(assignment_id(account.id, "1")),
                "name": "Problem set 1",
                "score": 9.5,
                "grade": "9.5",
                "points_possible": 10.0,
                "graded_at": "2026-09-12T18:00:00Z",
                "posted_at": "2026-09-12T18:00:00Z",
                "excused": False,
                "late": False,
                "missing": False,
            },
            NO_SUBMISSION | {"assignment_id": str(assignment_id(account.id, "2")), "name": "Essay"},
        ],
    }
    assert (second["course_name"], second["assignments"]) == ("Zoology", [])


async def test_grades_of_restricted_and_withdrawn_courses(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()

    async def grades_after(*fetched: Any) -> list[tuple[str, int]]:
        account.run(*fetched)
        project_new(log.events)
        return [(grade["course_name"], len(grade["assignments"])) for grade in await _grades(pool)]

    both = [assignment("1"), assignment("2")]
    assert await grades_after((course("1"), both), (restricted_course("2"), [])) == [
        ("Linear Algebra", 2)
    ]
    assert await grades_after((course("1"), both[:1]), (restricted_course("2"), [])) == [
        ("Linear Algebra", 1)
    ]
    assert await grades_after((restricted_course("1"), [])) == [("Linear Algebra", 1)]
    assert await grades_after((course("2", name="B"), [])) == [("B", 0), ("Linear Algebra", 1)]
    assert await grades_after((course("2", name="B"), [])) == [("B", 0)]
    back = await grades_after((course("1"), both), (course("2", name="B"), []))
    assert back == [("B", 0), ("Linear Algebra", 2)]


async def test_grades_are_paged_and_filtered_by_course(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    account.run(*((course(f"{n}"), [assignment(f"{n}0")]) for n in range(5)))
    project_new(log.events)
    whole = await _grades(pool)
    assert len(whole) == 5
    assert await fetch_all_pages(partial(grades_of, PERSON), pool, 2) == whole
    third = course_id(account.id, "3")
    assert [grade["course_id"] for grade in await _grades(pool, course_id=third)] == [str(third)]


async def test_grades_of_other_roles_and_of_unpublished_assignments_are_left_out(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()

    async def listed() -> list[tuple[str, int]]:
        project_new(log.events)
        return [(grade["course_name"], len(grade["assignments"])) for grade in await _grades(pool)]

    work = [assignment("11"), assignment("12", published=False)]
    account.run((course("1", name="A"), work), (course("2", name="B", role="ta"), []))
    assert await listed() == [("A", 1)]
    account.run((course("1", name="A", role="ta"), []), (restricted_course("2"), []))
    assert await listed() == []
    published = [assignment("11"), assignment("12")]
    account.run((course("1", name="A"), published), (course("2", name="B"), []))
    assert await listed() == [("A", 2), ("B", 0)]
    account.run((restricted_course("1", ended=True), []), (course("2", name="B"), []))
    assert await listed() == [("A", 2), ("B", 0)], "the grades of an ended course stay"


async def test_totals_are_those_of_the_course_rounded_or_hidden(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    shown = course("1", name="A", current_score=88.125, final_score=None)
    work = assignment("11", submission=submission(score=1.995))
    StudentAccount(log).open().run((shown, [work]), (course("2", name="B", grades_hidden=True), []))
    project_new(log.events)
    first, second = await _grades(pool)
    assert (first["current_score"], first["final_score"]) == (88.13, None)
    assert first["assignments"][0]["score"] == 2.0
    members = ("current_score", "current_grade", "final_score", "final_grade", "grades_hidden")
    assert [second[member] for member in members] == [None, None, None, None, True]
