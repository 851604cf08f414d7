"""Which courses somebody takes."""

from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from psycopg_pool import AsyncConnectionPool

from domain.canvas import course_id
from projections.courses.query import courses_of
from projections.support.page import BadCursor, cursor_after
from tests.canvas_builders import assignment, course, restricted
from tests.projections.conftest import Told
from tests.projections.event_builders import PERSON, Account, Past
from tests.projections.pages import leafed, loaded


async def _courses(pool: AsyncConnectionPool, **where: Any) -> list[dict[str, Any]]:
    return loaded(await courses_of(PERSON, limit=None, pool=pool, **where))


async def test_a_course_as_the_contract_has_it(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    account = Account(past).open()
    term = {"id": "9", "name": "Fall", "start_at": None, "end_at": "2026-12-20T00:00:00Z"}
    account.run((course("101", term=term), [assignment("1"), assignment("2")]))
    tell(past.events)
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


async def test_assignments_are_counted_as_they_come_and_go(
    tell: Told, pool: AsyncConnectionPool
) -> None:
    past = Past()
    account = Account(past).open()
    for shown in (["1", "2", "3"], ["2", "3"], ["2", "3", "4", "5"]):
        account.run((course(), [assignment(id_) for id_ in shown]))
        tell(past.events)
        (found,) = await _courses(pool)
        assert found["assignment_count"] == len(shown)


async def test_a_course_that_closes_keeps_its_name(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    account = Account(past).open().run((course("101"), []), (restricted("102"), []))
    account.run((restricted("101"), []))
    tell(past.events)
    nameless, known = await _courses(pool)
    assert (nameless["canvas_id"], nameless["name"], nameless["state"]) == (
        "102",
        None,
        "withdrawn",
    )
    assert (known["name"], known["state"]) == ("Linear Algebra", "restricted")


async def test_filters(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    first = Account(past).open()
    first.run(
        (course("1", name="100% Wool"), []),
        (course("2", name="Ünder_water", course_code="ÖKO 1"), []),
        (course("3", name="Past", state="concluded"), []),
    )
    second = Account(past, url="https://other.example").open()
    second.run((course("1", name="Elsewhere"), []))
    tell(past.events)

    async def names(**where: Any) -> list[str]:
        return [found["name"] for found in await _courses(pool, **where)]

    assert await names() == ["100% Wool", "Elsewhere", "Past", "Ünder_water"]
    assert await names(connection_id=second.id) == ["Elsewhere"]
    assert await names(state="concluded") == ["Past"]
    assert await names(q="0% w") == ["100% Wool"]
    assert await names(q="ÜNDER_") == ["Ünder_water"]
    assert await names(q="öko") == ["Ünder_water"]
    assert await names(q="_") == ["Ünder_water"]
    assert await names(q="\\") == []
    assert (await courses_of(uuid4(), limit=None, pool=pool)).items == []


async def test_pages(tell: Told, pool: AsyncConnectionPool) -> None:
    past = Past()
    account = Account(past).open()
    account.run(*((course(f"{n}", name="Same" if n % 2 else f"{n}" * 5000), []) for n in range(7)))
    tell(past.events)
    whole = await _courses(pool)
    for limit in (1, 2, 3, 7):
        assert await leafed(partial(courses_of, PERSON, pool=pool), limit) == whole


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "é", "bm8", cursor_after("a"), cursor_after("a\0", str(PERSON)), cursor_after(1, 2)],
)
async def test_a_cursor_of_somebody_elses_making(pool: AsyncConnectionPool, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await courses_of(PERSON, cursor=cursor, limit=5, pool=pool)
