import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from aiohttp import web

from domain.errors import CanvasAnswerUnusable, CanvasForbidden, CanvasTokenRejected
from infrastructure.canvas.account import CanvasAccount
from infrastructure.canvas.limits import Limits
from tests.infrastructure.canvas.fake_servers import (
    QUICK,
    TOKEN,
    Handler,
    Student,
    client_of,
    json_answer,
    serving,
)
from tests.infrastructure.canvas.rows import assignment_row, course_row, group_row


@asynccontextmanager
async def account_at(handler: Handler, limits: Limits = QUICK) -> AsyncIterator[CanvasAccount]:
    async with (
        serving(handler) as origin,
        client_of(origin, limits=limits) as canvas,
        canvas.account(origin, TOKEN) as account,
    ):
        yield account


def student_with(many: int) -> Student:
    ids = [str(n) for n in range(1, many + 1)]
    groups = {id_: [group_row("11", assignment_row(f"{id_}01"))] for id_ in ids}
    return Student([course_row(id_) for id_ in ids], groups)


@dataclass
class Gate:
    """A Canvas that holds course answers back until it is told to let them go."""

    student: Student
    inside: int = 0
    most: int = 0
    full: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    expected: int = 8

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if "assignment_groups" not in request.path:
            return await self.student(request)
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside == self.expected:
            self.full.set()
        try:
            await self.opened.wait()
            return await self.student(request)
        finally:
            self.inside -= 1


async def test_a_full_reading_is_one_request_and_one_a_course() -> None:
    student = student_with(20)
    async with account_at(student) as account:
        courses = await account.courses()
        seen = [sighting async for sighting in account.sightings(courses)]
        assert account.requests == {"total": 21, "not_modified": 0, "retried": 0}
    assert {sighting.course["canvas_id"] for sighting in seen} == {str(n) for n in range(1, 21)}
    for sighting in seen:
        assert sighting.failure is None
        assert sighting.assignments
        assert sighting.assignments[0]["canvas_id"] == f"{sighting.course['canvas_id']}01"
        assert sighting.assignments[0]["group"] == {"id": "11", "name": "Homework", "weight": 40.0}


async def test_a_course_is_asked_for_without_what_we_do_not_keep() -> None:
    student = student_with(1)
    async with account_at(student) as account:
        [_] = [seen async for seen in account.sightings(await account.courses())]
    listed, grouped = student.asked
    assert listed.query["enrollment_state"] == "active"
    assert grouped.query.getall("include[]") == ["assignments", "submission"]
    assert grouped.query.getall("exclude_response_fields[]") == ["description", "rubric"]
    assert grouped.query["per_page"] == "100"
    for request in student.asked:
        assert request.headers["Accept"] == "application/json+canvas-string-ids"
        assert request.headers["Accept-Encoding"] == "gzip"
        assert request.headers["User-Agent"].startswith("easeboard/")


async def test_a_restricted_course_is_seen_without_a_request() -> None:
    student = Student([{"id": 77520000000029520, "access_restricted_by_date": True}])
    async with account_at(student) as account:
        [seen] = [seen async for seen in account.sightings(await account.courses())]
        assert account.requests["total"] == 1
    assert (seen.course["canvas_id"], seen.course["state"]) == ("77520000000029520", "restricted")
    assert (seen.assignments, seen.failure) == (None, None)


async def test_never_more_than_eight_are_in_flight_and_eight_are() -> None:
    gate = Gate(student_with(30))
    async with account_at(gate) as account:
        courses = await account.courses()
        sightings = account.sightings(courses)
        first = asyncio.ensure_future(anext(sightings))
        await asyncio.wait_for(gate.full.wait(), 10)
        gate.opened.set()
        seen = [await first, *[sighting async for sighting in sightings]]
    assert len(seen) == 30
    assert gate.most == 8


async def test_two_runs_with_one_token_share_the_eight() -> None:
    gate = Gate(student_with(10))
    async with serving(gate) as origin, client_of(origin) as canvas:

        async def read() -> int:
            async with canvas.account(origin, TOKEN) as account:
                courses = await account.courses()
                return len([seen async for seen in account.sightings(courses)])

        runs = [asyncio.ensure_future(read()) for _ in range(3)]
        await asyncio.wait_for(gate.full.wait(), 10)
        gate.opened.set()
        assert await asyncio.gather(*runs) == [10, 10, 10]
    assert gate.most == 8


async def test_one_keep_alive_pool_serves_every_account() -> None:
    student = student_with(30)
    ports: set[int] = set()

    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.transport
        ports.add(request.transport.get_extra_info("peername")[1])
        return await student(request)

    async with serving(answer) as origin, client_of(origin) as canvas:
        for _ in range(3):
            async with canvas.account(origin, TOKEN) as account:
                courses = await account.courses()
                assert len([seen async for seen in account.sightings(courses)]) == 30
    assert len(ports) <= 8


async def test_a_slow_consumer_holds_the_reading_back() -> None:
    student = student_with(40)
    async with account_at(student) as account:
        courses = await account.courses()
        asked = []
        async for _ in account.sightings(courses):
            for _ in range(20):
                await asyncio.sleep(0)
            asked.append(len(student.asked))
            taken = len(asked)
            assert len(student.asked) <= 1 + taken + 8
    assert len(asked) == 40


@pytest.mark.parametrize("closes", [True, False])
async def test_a_consumer_that_stops_early_calls_the_rest_off(closes: bool) -> None:  # noqa: FBT001  # a case of the table
    student = student_with(40)
    slow = Gate(student, expected=7)

    async def answer(request: web.Request) -> web.StreamResponse:
        return await (student if "/courses/1/" in request.path else slow)(request)

    async with account_at(answer) as account:
        sightings = account.sightings(await account.courses())
        first = await anext(sightings)
        assert first.course["canvas_id"] == "1"
        await asyncio.wait_for(slow.full.wait(), 10)
        if closes:
            await sightings.aclose()  # type: ignore[attr-defined]  # what an `async for` left early does
            assert not account._running
    assert not account._running
    assert len(student.asked) < 12
    slow.opened.set()


async def test_one_course_that_fails_is_that_courses_failure() -> None:
    student = student_with(3)

    async def answer(request: web.Request) -> web.StreamResponse:
        if "/courses/2/" in request.path:
            return json_answer({"errors": []}, status=403)
        return await student(request)

    async with account_at(answer) as account:
        seen = [seen async for seen in account.sightings(await account.courses())]
    by_id = {sighting.course["canvas_id"]: sighting for sighting in seen}
    assert type(by_id["2"].failure) is CanvasForbidden
    assert by_id["2"].assignments is None
    assert by_id["1"].assignments
    assert by_id["3"].assignments


async def test_a_token_that_dies_in_between_is_told_by_the_courses() -> None:
    student = student_with(2)

    async def answer(request: web.Request) -> web.StreamResponse:
        if "assignment_groups" not in request.path:
            return await student(request)
        return web.Response(status=401, headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'})

    async with account_at(answer) as account:
        seen = [seen async for seen in account.sightings(await account.courses())]
    assert [type(sighting.failure) for sighting in seen] == [CanvasTokenRejected] * 2


async def test_groups_come_in_pages() -> None:
    groups = [group_row(str(n), assignment_row(f"{n}0")) for n in range(1, 6)]
    student = Student([course_row("1")], {"1": groups}, page=2)
    async with account_at(student) as account:
        [seen] = [seen async for seen in account.sightings(await account.courses())]
    assert seen.assignments
    assert [item["canvas_id"] for item in seen.assignments] == ["10", "20", "30", "40", "50"]


async def test_a_token_whose_includes_are_dropped_still_gets_its_assignments() -> None:
    student = Student(
        [course_row("1")], {"1": [{"id": "11", "name": "Homework", "group_weight": 40}]}
    )

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/courses/1/assignments"):
            student.asked.append(request)
            return json_answer([assignment_row("7"), assignment_row("8", assignment_group_id="99")])
        return await student(request)

    async with account_at(answer) as account:
        [seen] = [seen async for seen in account.sightings(await account.courses())]
    assert seen.assignments
    assert [item["group"] for item in seen.assignments] == [
        {"id": "11", "name": "Homework", "weight": 40.0},
        {"id": "99", "name": None, "weight": None},
    ]
    assert student.asked[-1].query.getall("include[]") == ["submission"]


@pytest.mark.parametrize("groups", [[], [group_row("11")]])
async def test_a_course_without_assignments_costs_one_request(groups: list[dict[str, Any]]) -> None:
    student = Student([course_row("1")], {"1": groups})
    async with account_at(student) as account:
        [seen] = [seen async for seen in account.sightings(await account.courses())]
        assert account.requests["total"] == 2
    assert seen.assignments == []


async def test_what_comes_twice_is_kept_once() -> None:
    rows = [course_row("1"), course_row("1"), course_row("2")]
    groups = {id_: [group_row("11", assignment_row(), assignment_row())] for id_ in ("1", "2")}
    async with account_at(Student(rows, groups)) as account:
        courses = await account.courses()
        assert [course["canvas_id"] for course in courses] == ["1", "2"]
        async for seen in account.sightings(courses):
            assert len(seen.assignments or ()) == 1


async def test_more_than_we_take_is_a_failure_not_a_shorter_list() -> None:
    student = Student(
        [course_row(str(n)) for n in range(5)],
        {"1": [group_row("11", *[assignment_row(str(n)) for n in range(5)])]},
    )
    async with account_at(student, replace(QUICK, courses=4)) as account:
        with pytest.raises(CanvasAnswerUnusable, match="4 courses"):
            await account.courses()
    async with account_at(student, replace(QUICK, assignments=4)) as account:
        courses = [course for course in await account.courses() if course["canvas_id"] == "1"]
        [seen] = [seen async for seen in account.sightings(courses)]
    assert type(seen.failure) is CanvasAnswerUnusable
