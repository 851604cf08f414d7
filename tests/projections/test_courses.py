"""The query of `courses`: the courses of a person, their states, filters and pages."""

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.canvas import course_id
from projections.courses.query import courses_of
from projections.support.page import BadCursor, encode_cursor
from tests.canvas_builders import assignment, course, restricted_course
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, EventLogBuilder, StudentAccount
from tests.projections.pages import decode_page, fetch_all_pages


async def _courses(pool: AsyncConnectionPool, **filters: Any) -> list[dict[str, Any]]:
    return decode_page(await courses_of(PERSON, limit=None, pool=pool, **filters))


async def test_a_course_has_the_members_of_the_contract(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    term = {"id": "9", "name": "Fall", "start_at": None, "end_at": "2026-12-20T00:00:00Z"}
    account.run((course("101", term=term), [assignment("1"), assignment("2")]))
    project_new(log.events)
    assert await _courses(pool) == [
        {
            "id": str(course_id(account.id, "101")),
            "connection_id": str(account.id),
            "canvas_id": "101",
            "name": "Linear Algebra",
            "course_code": "MATH 2210",
            "term": term,
            "state": "active",
            "favorite": True,
            "teachers": [{"id": "7", "name": "Emmy Noether"}],
            "time_zone": "America/Denver",
            "current_score": 91.5,
            "current_grade": "A-",
            "final_score": 80.0,
            "final_grade": "B-",
            "grades_hidden": False,
            "weighted": True,
            "image_url": "https://images.example/101?sig=1",
            "html_url": "https://canvas.example/courses/101",
            "assignment_count": 2,
            "updated_at": "2026-09-01T12:00:04.000012Z",
        }
    ]


async def test_the_assignment_count_follows_added_and_removed_assignments(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    for canvas_ids in (["1", "2", "3"], ["2", "3"], ["2", "3", "4", "5"]):
        account.run((course(), [assignment(id_) for id_ in canvas_ids]))
        project_new(log.events)
        (document,) = await _courses(pool)
        assert document["assignment_count"] == len(canvas_ids)


async def test_a_restricted_course_keeps_its_name(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open().run((course("101"), []), (restricted_course("102"), []))
    account.run((restricted_course("101"), []))
    project_new(log.events)
    nameless, known = await _courses(pool)
    assert (nameless["canvas_id"], nameless["name"], nameless["state"]) == (
        "102",
        None,
        "withdrawn",
    )
    assert (known["name"], known["state"]) == ("Linear Algebra", "restricted")


async def test_courses_are_filtered_by_connection_state_and_part_of_the_name(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    first = StudentAccount(log).open()
    first.run(
        (course("1", name="100% Wool"), []),
        (course("2", name="Ünder_water", course_code="ÖKO 1"), []),
        (course("3", name="Logic", state="concluded"), []),
    )
    second = StudentAccount(log, url="https://other.example").open()
    second.run((course("1", name="Elsewhere"), []))
    project_new(log.events)

    async def names(**filters: Any) -> list[str]:
        return [document["name"] for document in await _courses(pool, **filters)]

    assert await names() == ["100% Wool", "Elsewhere", "Logic", "Ünder_water"]
    assert await names(connection_id=second.id) == ["Elsewhere"]
    assert await names(state="concluded") == ["Logic"]
    assert await names(q="0% w") == ["100% Wool"]
    assert await names(q="ÜNDER_") == ["Ünder_water"]
    assert await names(q="öko") == ["Ünder_water"]
    assert await names(q="_") == ["Ünder_water"]
    assert await names(q="\\") == []
    assert (await courses_of(uuid4(), limit=None, pool=pool)).items == []


async def test_courses_are_paged_by_name(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    account.run(*((course(f"{n}", name="Same" if n % 2 else f"{n}" * 5000), []) for n in range(7)))
    project_new(log.events)
    whole = await _courses(pool)
    for limit in (1, 2, 3, 7):
        assert await fetch_all_pages(partial(courses_of, PERSON, pool=pool), limit) == whole


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "!",
        "é",
        "bm8",
        encode_cursor("a"),
        encode_cursor("a\0", str(PERSON)),
        encode_cursor(1, 2),
    ],
)
async def test_an_invalid_cursor_is_refused(pool: AsyncConnectionPool, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await courses_of(PERSON, cursor=cursor, limit=5, pool=pool)
