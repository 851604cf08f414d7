"""The queries of `courses`: the courses of a person, their states, problems, filters and pages."""

from functools import partial
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest
from psycopg_pool import AsyncConnectionPool

from domain.canvas import course_id
from domain.events.sync import Progress
from projections.courses.query import course_of, courses_of
from projections.support.page import BadCursor, encode_cursor
from tests.canvas_builders import assignment, course, restricted_course
from tests.projections.conftest import ProjectNewEvents
from tests.projections.event_builders import PERSON, EventLogBuilder, StudentAccount
from tests.projections.pages import decode_page, fetch, fetch_all_pages


async def _courses(pool: AsyncConnectionPool, **filters: Any) -> list[dict[str, Any]]:
    return decode_page(await fetch(courses_of(PERSON, limit=None, **filters), pool))


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
            "role": "student",
            "state": "active",
            "favorite": True,
            "teachers": [{"id": "7", "name": "Emmy Noether"}],
            "time_zone": "America/Denver",
            "current_score": 91.5,
            "current_grade": "A-",
            "final_score": 80.0,
            "final_grade": "B-",
            "grading_period": None,
            "grades_hidden": False,
            "weighted": True,
            "exact": None,
            "image_url": "https://images.example/101",
            "html_url": "https://canvas.example/courses/101",
            "assignment_count": 2,
            "problem": None,
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


async def test_only_published_assignments_of_a_student_are_counted(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()

    async def counts() -> list[tuple[str, int]]:
        project_new(log.events)
        return [(item["role"], item["assignment_count"]) for item in await _courses(pool)]

    work = [assignment("1"), assignment("2", published=False)]
    account.run((course("1"), work))
    assert await counts() == [("student", 1)]
    account.run((course("1", role="ta"), []))
    assert await counts() == [("ta", 0)]
    account.run((course("1"), work))
    assert await counts() == [("student", 1)]


async def test_a_restricted_course_keeps_all_but_its_state(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    account.run((course("101"), [assignment("1")]), (restricted_course("102", ended=True), []))
    project_new(log.events)
    nameless, before = await _courses(pool)
    assert (nameless["canvas_id"], nameless["name"], nameless["state"]) == (
        "102",
        None,
        "restricted",
    )
    for ended, state in ((False, "restricted"), (True, "concluded")):
        account.run((restricted_course("101", ended=ended), []))
        project_new(log.events)
        *_, after = await _courses(pool)
        assert after == before | {"state": state, "updated_at": after["updated_at"]}
        assert after["updated_at"] > before["updated_at"]


@pytest.mark.parametrize(
    ("state", "end_at"),
    [
        ("restricted", None),
        ("restricted", "2026-09-01T13:00:00Z"),
        ("concluded", "2026-09-01T12:00:00Z"),
    ],
)
async def test_a_restricted_course_has_ended_if_its_term_is_over(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, state: str, end_at: str | None
) -> None:
    log = EventLogBuilder()
    term = {"id": "9", "name": "Fall", "start_at": None, "end_at": end_at}
    account = StudentAccount(log).open().run((course("101", term=term), []))
    account.run((restricted_course("101"), []))
    project_new(log.events)
    (document,) = await _courses(pool)
    assert (document["state"], document["term"]) == (state, term)


async def test_a_course_is_withdrawn_when_two_runs_do_not_list_it(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open().run((course("101"), [assignment("1")]))
    for state in ("active", "withdrawn"):
        account.run((course("102", name="Z"), []))
        project_new(log.events)
        withdrawn, other = await _courses(pool)
        assert (withdrawn["state"], other["state"]) == (state, "active")
    assert (withdrawn["name"], withdrawn["assignment_count"]) == ("Linear Algebra", 1)


async def test_a_problem_stays_until_the_assignments_are_read(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open().request().start()

    async def read() -> Any:
        project_new(log.events)
        (document,) = await _courses(pool)
        members = ("problem", "current_score", "assignment_count", "updated_at")
        return tuple(document[member] for member in members)

    broken = {"code": "canvas-server-error", "detail": "Canvas broke"}
    account.fail_to_fetch(course("1"))
    *first, failed_at = await read()
    assert first == [broken, 91.5, 0]
    account.fail_to_fetch(course("1"))
    assert await read() == (broken, 91.5, 0, failed_at), "the same failure is no change"
    account.fetch_course(course("1"), assignment("11"))
    assert (await read())[:3] == (None, 91.5, 1)
    account.fail_to_fetch(course("1", current_score=70), "canvas-timeout", "Too slow")
    assert (await read())[:3] == ({"code": "canvas-timeout", "detail": "Too slow"}, 70, 1)
    account.fetch_course(course("1", role="ta"))
    assert (await read())[:3] == (None, 91.5, 0)
    account.fail_to_fetch(course("1"))
    account.fetch_course(restricted_course("1"))
    assert (await read())[:3] == (None, 91.5, 1)


async def test_a_failure_of_a_course_that_was_never_recorded_leaves_no_row(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open().request().start()
    progress = Progress(total=1, done=0, failed=1)
    account.change_sync(
        lambda sync: sync.record_fetch_failure(account.attempt, "1", "canvas-timeout", "", progress)
    )
    project_new(log.events)
    assert await _courses(pool) == []


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (None, None),
        ("https://images.example/1?token=eyJ&a=b", "https://images.example/1"),
        ("https://images.example/1#token=eyJ", "https://images.example/1"),
    ],
)
async def test_the_url_of_an_image_has_no_query(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool, url: str | None, shown: str | None
) -> None:
    log = EventLogBuilder()
    StudentAccount(log).open().run((course("1", image_url=url), []))
    project_new(log.events)
    (document,) = await _courses(pool)
    assert document["image_url"] == shown


async def test_totals_are_rounded_and_hidden_ones_left_out(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    period = {"id": "5", "title": "Q2"}
    shown = course("1", name="A", current_score=88.125, final_score=70, grading_period=period)
    hidden = course("2", name="B", grades_hidden=True)
    StudentAccount(log).open().run((shown, []), (hidden, []))
    project_new(log.events)
    first, second = await _courses(pool)
    assert (first["current_score"], first["final_score"]) == (88.13, 70)
    assert first["grading_period"] == period
    members = ("current_score", "current_grade", "final_score", "final_grade", "grades_hidden")
    assert [second[member] for member in members] == [None, None, None, None, True]


async def test_one_course_equals_that_of_the_list(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open().run((course("1"), []), (course("2", role="ta"), []))
    project_new(log.events)
    for document in await _courses(pool):
        one = await fetch(course_of(PERSON, UUID(document["id"])), pool)
        assert one is not None
        assert orjson.loads(one) == document
        assert await fetch(course_of(uuid4(), UUID(document["id"])), pool) is None
    assert await fetch(course_of(PERSON, course_id(account.id, "3")), pool) is None


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
    assert (await fetch(courses_of(uuid4(), limit=None), pool)).items == []


async def test_courses_are_paged_by_name(
    project_new: ProjectNewEvents, pool: AsyncConnectionPool
) -> None:
    log = EventLogBuilder()
    account = StudentAccount(log).open()
    account.run(*((course(f"{n}", name="Same" if n % 2 else f"{n}" * 5000), []) for n in range(7)))
    project_new(log.events)
    whole = await _courses(pool)
    for limit in (1, 2, 3, 7):
        assert await fetch_all_pages(partial(courses_of, PERSON), pool, limit) == whole


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
def test_an_invalid_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        courses_of(PERSON, cursor=cursor, limit=5)
