"""Which courses count as listed, and when a list is complete."""

from uuid import UUID

import pytest

from application.find_courses import (
    MAX_COURSES_TO_LOOK_FOR,
    find_all_courses,
    find_current_courses,
)
from application.ports import FetchedCourse
from domain.canvas import Course
from domain.course_events import CourseList
from domain.errors import CanvasFailure, CanvasForbidden, CanvasTokenRejected, CanvasUnreachable
from domain.events.sync import Progress
from domain.sync import Sync
from tests.canvas_builders import course
from tests.fakes import FakeAccount

CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
RUN = UUID("00000000-0000-4000-8000-0000000000f1")
PROGRESS = Progress(total=1, done=1, failed=0)


def sync_with(*courses: Course) -> Sync:
    """A sync that has recorded these courses."""
    sync = Sync.new(Sync.id_for(CONNECTION))
    sync.request(RUN, connection_id=CONNECTION, person_id=RUN, trigger="setup", mode="full")
    attempt = sync.start("worker")
    for each in courses:
        sync.record_course(attempt, each, [], PROGRESS)
    return sync


def account_with(*courses: Course) -> FakeAccount:
    return FakeAccount([FetchedCourse(each, []) for each in courses])


class FailingAccount(FakeAccount):
    """An account of which one kind of request fails."""

    failing: CanvasFailure = CanvasForbidden("no permission")
    fails_to_find = False

    async def list_ended_courses(self) -> CourseList:
        if self.fails_to_find:
            return CourseList([], complete=True)
        raise self.failing

    async def find_course(self, canvas_id: str) -> Course | None:
        if self.fails_to_find:
            raise self.failing
        return await super().find_course(canvas_id)


def ids_of(listed: CourseList) -> list[str]:
    return sorted(each["canvas_id"] for each in listed.courses)


async def test_an_account_without_missing_courses_costs_one_request() -> None:
    account = account_with(course("1"), course("2"))
    listed = await find_current_courses(account, sync_with(course("1")))
    assert (ids_of(listed), listed.complete) == (["1", "2"], True)
    assert account.request_count == 1


async def test_a_missing_course_is_looked_for_among_the_ended_ones() -> None:
    account = account_with(course("1"))
    account.ended = [course("2", state="concluded")]
    listed = await find_current_courses(account, sync_with(course("1"), course("2")))
    assert (ids_of(listed), listed.complete) == (["1", "2"], True)


async def test_a_missing_course_is_requested_by_itself() -> None:
    account = account_with(course("1"))
    account.unlisted = [course("2")]
    for find in (find_current_courses, find_all_courses):
        listed = await find(account, sync_with(course("1"), course("2"), course("3")))
        assert (ids_of(listed), listed.complete) == (["1", "2"], True)


class CountingAccount(FakeAccount):
    """An account with the course 1 in both lists, with this many live enrollments."""

    def __init__(self, in_current: int, in_ended: int) -> None:
        super().__init__([FetchedCourse(course("1", name="Current"), [])])
        self.ended = [course("1", name="Ended", state="concluded", ended=True)]
        self.counts = in_current, in_ended

    async def list_courses(self) -> CourseList:
        listed = await super().list_courses()
        return listed._replace(live_counts={"1": self.counts[0]})

    async def list_ended_courses(self) -> CourseList:
        listed = await super().list_ended_courses()
        return listed._replace(live_counts={"1": self.counts[1]})


@pytest.mark.parametrize(
    ("in_current", "in_ended", "name"),
    [(1, 0, "Current"), (2, 1, "Current"), (1, 1, "Ended"), (0, 0, "Ended")],
)
async def test_a_course_in_both_lists_is_ended_without_another_live_enrollment(
    in_current: int, in_ended: int, name: str
) -> None:
    account = CountingAccount(in_current, in_ended)
    listed = await find_all_courses(account, sync_with())
    assert [each["name"] for each in listed.courses] == [name]
    again = await find_current_courses(account, sync_with(*listed.courses))
    assert [each["name"] for each in again.courses] == [name]


@pytest.mark.parametrize("fails_to_find", [False, True])
async def test_a_list_is_incomplete_if_canvas_does_not_show_a_part(*, fails_to_find: bool) -> None:
    account = FailingAccount([FetchedCourse(course("1"), [])])
    account.failing, account.fails_to_find = CanvasUnreachable("down"), fails_to_find
    listed = await find_all_courses(account, sync_with(course("1"), course("2")))
    assert ids_of(listed) == ["1"]
    assert not listed.complete or listed.unknown == {"2"}


async def test_a_rejected_token_ends_the_run() -> None:
    account = FailingAccount([FetchedCourse(course("1"), [])])
    account.failing = CanvasTokenRejected("Expired")
    with pytest.raises(CanvasTokenRejected):
        await find_all_courses(account, sync_with())


async def test_at_most_ten_missing_courses_are_requested() -> None:
    known = [course(str(number)) for number in range(MAX_COURSES_TO_LOOK_FOR + 1)]
    account = account_with()
    listed = await find_all_courses(account, sync_with(*known))
    assert (listed.courses, listed.complete, listed.unknown) == ([], True, frozenset({"9"}))
    assert account.request_count == 2 + MAX_COURSES_TO_LOOK_FOR
