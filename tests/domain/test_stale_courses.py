"""Which courses an incremental run reads, given the course list and the change feeds."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from domain.canvas import Assignment, Course
from domain.change_feed import (
    FeedEntry,
    FeedName,
    PlannerWindow,
    expected_planner_state_hash,
    graded_state_hash,
    is_unposted,
)
from domain.events.sync import Progress, Requests
from domain.stale_courses import FeedContent
from domain.sync import Sync
from tests.canvas_builders import assignment, course, hidden_grade, restricted_course, submission
from tests.given_when_then import given

CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
RUN = UUID("00000000-0000-4000-8000-0000000000f1")
TODAY = date(2026, 9, 20)
PROGRESS = Progress(total=1, done=1, failed=0)
NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)


def sync_after_full_run(*assignments: Assignment, of: Course | None = None) -> Sync:
    """A sync after a full run that recorded one course."""

    def run_full(sync: Sync) -> None:
        sync.request(RUN, connection_id=CONNECTION, person_id=PERSON, trigger="setup", mode="full")
        attempt = sync.start("worker")
        sync.record_course(attempt, of or course(), list(assignments), PROGRESS)
        sync.complete(attempt, PROGRESS, NO_REQUESTS)

    return given(Sync, run_full).aggregate


def feed_entries(feed: FeedName, *assignments: Assignment) -> list[FeedEntry]:
    """The entries of these assignments in a change feed."""
    entries = []
    for item in assignments:
        item_submission = item["submission"]
        state_hash = (
            graded_state_hash(item_submission)
            if feed == "graded"
            else expected_planner_state_hash(item)
        )
        at = (
            item_submission["graded_at"] if item_submission and feed == "graded" else item["due_at"]
        )
        assert state_hash is not None
        entries.append(FeedEntry(feed, "101", item["canvas_id"], state_hash, at))
    return entries


def courses_to_fetch(sync: Sync, *entries: FeedEntry, listed: Course | None = None) -> set[str]:
    return sync.courses_to_fetch(
        [listed or course()], FeedContent(entries, PlannerWindow.around(TODAY))
    )


@pytest.mark.parametrize("feed", ["graded", "planned"])
def test_unchanged_feed_entries_need_no_fetch(feed: FeedName) -> None:
    sync = sync_after_full_run(assignment())
    assert courses_to_fetch(sync, *feed_entries(feed, assignment())) == set()
    assert not sync.has_changes(feed_entries(feed, assignment()))


CHANGED_SUBMISSIONS: list[dict[str, Any]] = [
    {"score": 8.0},
    {"grade": "8"},
    {"state": "submitted"},
    {"graded_at": "2026-09-13T18:00:00Z"},
    {"posted_at": None, "score": None, "grade": None},
    {"excused": True},
    {"late": True},
    {"points_deducted": 1.0},
    {"attempt": 2},
]


@pytest.mark.parametrize("overrides", CHANGED_SUBMISSIONS)
def test_a_changed_graded_submission_makes_its_course_stale(overrides: dict[str, Any]) -> None:
    sync = sync_after_full_run(assignment())
    changed = feed_entries("graded", assignment(submission=submission(**overrides)))
    assert courses_to_fetch(sync, *changed) == {"101"}
    assert sync.has_changes(changed)


CHANGED_PLANNER_ITEMS: list[dict[str, Any]] = [
    {"name": "Renamed"},
    {"due_at": "2026-09-18T05:59:59Z"},
    {"points_possible": 20.0},
    {"submission": submission(submitted_at=None)},
    {"submission": submission(excused=True)},
    {"submission": submission(late=True)},
    {"submission": submission(missing=True)},
    {"submission": submission(posted_at="2026-09-13T18:00:00Z")},
]


@pytest.mark.parametrize("overrides", CHANGED_PLANNER_ITEMS)
def test_a_changed_planner_item_makes_its_course_stale(overrides: dict[str, Any]) -> None:
    assert courses_to_fetch(
        sync_after_full_run(assignment()), *feed_entries("planned", assignment(**overrides))
    ) == {"101"}


def test_an_unknown_assignment_makes_its_course_stale() -> None:
    sync = sync_after_full_run(assignment("1"))
    new = assignment("2", submission=submission(graded_at="2999-01-01T00:00:00Z"))
    for feed in ("graded", "planned"):
        assert courses_to_fetch(sync, *feed_entries(feed, new)) == {"101"}


def test_a_grade_older_than_a_full_run_that_did_not_find_its_assignment_is_ignored() -> None:
    assert (
        courses_to_fetch(
            sync_after_full_run(assignment("1")), *feed_entries("graded", assignment("2"))
        )
        == set()
    )


def test_a_course_is_stale_only_when_its_listing_changed() -> None:
    sync = sync_after_full_run(assignment())
    assert courses_to_fetch(sync, listed=course()) == set()
    for listed in (
        course(image_url="https://images.example/102"),
        course(role="ta"),
        course(current_score=92.0),
        course(name="New"),
        course("102"),
        restricted_course(),
    ):
        assert courses_to_fetch(sync, listed=listed) == {listed["canvas_id"]}


def test_a_restricted_course_is_never_stale_because_of_a_feed() -> None:
    sync = sync_after_full_run(of=restricted_course())
    changed = feed_entries(
        "graded", assignment(submission=submission(graded_at="2999-01-01T00:00:00Z"))
    )
    assert courses_to_fetch(sync, *changed, listed=restricted_course()) == set()


HIDDEN_GRADE: dict[str, Any] = {"submission": hidden_grade()}
HIDDEN_TOTAL: dict[str, Any] = {"grades_hidden": True, "current_score": None, "current_grade": None}


@pytest.mark.parametrize(
    ("course_overrides", "assignment_overrides", "expected"),
    [
        ({}, {"due_at": None}, set()),
        (HIDDEN_TOTAL, {}, set()),
        (HIDDEN_TOTAL, {"due_at": None}, {"101"}),
        (HIDDEN_TOTAL, {"due_at": "2026-04-11T05:59:59Z"}, {"101"}),
    ],
)
def test_a_course_with_a_hidden_grade_that_no_feed_would_show_is_fetched(
    course_overrides: dict[str, Any], assignment_overrides: dict[str, Any], expected: set[str]
) -> None:
    listed = course(**course_overrides)
    sync = sync_after_full_run(assignment(**HIDDEN_GRADE, **assignment_overrides), of=listed)
    assert courses_to_fetch(sync, listed=listed) == expected


def test_a_hidden_grade_that_the_graded_feed_shows_as_unposted_needs_no_fetch() -> None:
    hidden = assignment(**HIDDEN_GRADE, due_at=None)
    sync = sync_after_full_run(hidden, of=course(**HIDDEN_TOTAL))
    assert (
        courses_to_fetch(sync, *feed_entries("graded", hidden), listed=course(**HIDDEN_TOTAL))
        == set()
    )


def test_a_posted_or_withdrawn_grade_is_no_longer_unposted() -> None:
    sync = sync_after_full_run(assignment("1", **HIDDEN_GRADE), assignment("2", **HIDDEN_GRADE))
    assert sync.courses["101"]["unposted"] == ["1", "2"]
    sync.request(UUID(int=1), connection_id=CONNECTION, person_id=PERSON, trigger="", mode="full")
    attempt = sync.start("worker")
    sync.record_course(attempt, course(), [assignment("1")], PROGRESS)
    assert sync.courses["101"]["unposted"] == []


def test_only_a_graded_submission_that_is_hidden_is_unposted() -> None:
    assert not is_unposted(None)
    assert not is_unposted(submission(score=None, grade=None, excused=True))
    assert is_unposted(hidden_grade())


@pytest.mark.parametrize(
    ("today", "start", "end"),
    [
        (date(2026, 9, 1), date(2026, 5, 1), date(2027, 4, 1)),
        (date(2026, 9, 30), date(2026, 5, 1), date(2027, 4, 1)),
        (date(2026, 1, 31), date(2025, 9, 1), date(2026, 8, 1)),
        (date(2026, 12, 31), date(2026, 8, 1), date(2027, 7, 1)),
    ],
)
def test_the_planner_window_covers_whole_months(today: date, start: date, end: date) -> None:
    assert PlannerWindow.around(today) == (start, end)


def test_a_shortened_window_contains_only_the_later_days() -> None:
    window = PlannerWindow.around(TODAY)
    assert window.contains("2026-06-02T00:00:00Z")
    assert not window.contains(None)
    assert not window.starting_at("2026-07-01T05:59:59Z").contains("2026-06-02T00:00:00Z")
    assert window.starting_at(None) == window
