"""A diff names what changed between two times, in sentences and as data."""

from datetime import timedelta
from typing import Any

import pytest

from domain.errors import ConnectionNotFound
from infrastructure.crypto.person_keys import PersonKeys
from interfaces.composition.process import Process
from tests.canvas_builders import assignment, course, submission
from tests.interfaces.queries.past_views.viewed_history import process_with
from tests.projections.event_builders import EventLogBuilder, StudentAccount, person_erased

MOMENT = timedelta(microseconds=1)
BIOLOGY = course("11", name="Biology 101", current_score=80.0, current_grade="B-")
LATER_BIOLOGY = course("11", name="Biology 101", current_score=91.25, current_grade="A-")
HISTORY = course("12", name="History")
DUE = "2026-10-01T05:59:59Z"


def graded(id_: str, name: str, score: float, due_at: str = DUE, **fields: Any) -> Any:
    work = submission(score=score, grade=f"{score:g}")
    return assignment(
        id_, name=name, due_at=due_at, points_possible=10.0, submission=work, **fields
    )


class Life:
    """A student's account, and times between its events."""

    def __init__(self) -> None:
        self.log = EventLogBuilder()
        self.account = StudentAccount(self.log)

    def now(self) -> Any:
        return self.log.events[-1].recorded_at + MOMENT

    @property
    def start(self) -> Any:
        return self.log.events[0].recorded_at - MOMENT


async def items_of(process: Process, life: Life, *times: Any) -> list[dict[str, Any]]:
    since, *until = times
    diff, _ = await process.service.diff(
        life.account.id, since=since, until=until[0] if until else None
    )
    items: list[dict[str, Any]] = diff["items"]
    return items


def life_with_changed_work() -> tuple[Life, Any, Any]:
    """A life with two runs, and a time after each."""
    life = Life()
    account = life.account.open()
    account.run(
        (BIOLOGY, [graded("1", "Essay 1", 8.0), graded("2", "Essay 2", 7.0)]), (HISTORY, [])
    )
    first = life.now()
    moved = "2026-10-08T05:59:59Z"
    account.run(
        (LATER_BIOLOGY, [graded("1", "Essay 1", 9.5, moved), graded("3", "Lab", 1.0)]),
        (HISTORY, []),
    )
    return life, first, life.now()


async def test_changes_are_named_with_their_causes(database_url: str) -> None:
    life, first, second = life_with_changed_work()
    async with process_with(database_url, life.log.events) as process:
        assert await items_of(process, life, first, first) == []
        items = await items_of(process, life, first, second)
    assert [(item["kind"], item["sentence"]) for item in items] == [
        (
            "total_changed",
            "Total of “Biology 101” in per cent changed from 80 to 91.25 (B- → A-).",
        ),
        (
            "assignment_added",
            "Assignment “Lab” in “Biology 101” was added (due 2026-10-01 05:59:59 UTC, 10 points).",
        ),
        (
            "due_date_changed",
            (
                "Due date of “Essay 1” in “Biology 101” moved from 2026-10-01 05:59:59 UTC to"
                " 2026-10-08 05:59:59 UTC."
            ),
        ),
        ("grade_changed", "Grade of “Essay 1” in “Biology 101” changed from 8 to 9.5 of 10."),
        ("assignment_removed", "Assignment “Essay 2” in “Biology 101” is no longer shown."),
    ]
    cause = next(
        each
        for each in life.log.events
        if each.recorded_at > first and type(each.event).__name__ == "CourseFetched"
    )
    assert {item["position"] for item in items} == {cause.position}
    assert {item["sync_id"] for item in items} == {str(life.account.run_id)}
    assert items[3]["before"] == {"score": 8.0, "grade": "8"}
    assert items[3]["after"] == {"score": 9.5, "grade": "9.5"}
    assert (items[3]["course"]["name"], items[3]["assignment"]["name"]) == (
        "Biology 101",
        "Essay 1",
    )


async def test_a_diff_from_before_the_connection_has_its_beginning(database_url: str) -> None:
    life, _, second = life_with_changed_work()
    async with process_with(database_url, life.log.events) as process:
        from_start = await items_of(process, life, life.start, second)
    assert [item["sentence"] for item in from_start] == [
        "The account of “Ada” at “Example U” (https://canvas.example) was connected.",
        "Course “Biology 101” appeared with 2 assignments, 2 of them graded.",
        "Course “History” appeared with 0 assignments, 0 of them graded.",
    ]


async def test_tokens_failures_and_a_withdrawn_course_are_items(database_url: str) -> None:
    life = Life()
    account = life.account.open()
    account.run((BIOLOGY, [graded("1", "Essay 1", 8.0)]), (HISTORY, []))
    first = life.now()
    account.change_connection(lambda connection: connection.reject_token("it was revoked"))
    account.change_connection(lambda connection: connection.rotate_token("42", "c0ffee01"))
    account.run((HISTORY, []))
    account.run((HISTORY, []))
    async with process_with(database_url, life.log.events) as process:
        items = await items_of(process, life, first)
    assert [(item["kind"], item["before"], item["after"]) for item in items] == [
        ("token_rejected", None, None),
        ("token_replaced", None, None),
        ("course_withdrawn", "active", "withdrawn"),
    ]


async def test_a_closed_connection_has_no_other_changes(database_url: str) -> None:
    life = Life()
    account = life.account.open()
    account.run((BIOLOGY, [graded("1", "Essay 1", 8.0)]))
    first = life.now()
    account.change_connection(lambda connection: connection.close())
    closed = life.now()
    async with process_with(database_url, life.log.events) as process:
        items = await items_of(process, life, first, closed)
        view, _ = await process.service.view_at(account.id, as_of=closed)
        before, _ = await process.service.view_at(account.id, as_of=life.start)
    assert [item["kind"] for item in items] == ["connection_closed"]
    assert view.connection
    assert (view.connection["status"], view.courses, view.grades) == ("closed", [], [])
    assert (before.connection, before.position, before.courses) == (None, 0, [])


async def test_nothing_of_an_erased_person_is_shown(database_url: str) -> None:
    life = Life()
    account = life.account.open()
    account.run((BIOLOGY, [graded("1", "Essay 1", 8.0)]))
    then = life.now()
    life.log.record(account.person, person_erased(account.person))
    async with process_with(database_url, life.log.events) as process:
        keys = process.mapper.keys
        assert isinstance(keys, PersonKeys)
        keys.destroy(account.person)
        view, _ = await process.service.view_at(account.id, as_of=then)
        diff, _ = await process.service.diff(account.id, since=life.start)
    assert view.is_redacted
    assert (view.connection, view.courses, view.dashboard) == (None, [], b"null")
    assert (diff["redacted"], diff["items"]) == (True, [])


async def test_a_connection_that_never_was_is_not_found(database_url: str) -> None:
    life = Life()
    life.account.open()
    async with process_with(database_url, life.log.events) as process:
        with pytest.raises(ConnectionNotFound):
            await process.service.view_at(life.account.person)
