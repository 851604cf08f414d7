"""Which courses an incremental run reads, judging by what the three lists show."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from domain.canvas import Assignment, Course
from domain.change_feed import Feed, Glimpse, Window, expected_mark, graded_mark, is_unposted
from domain.events.sync import Progress, Requests
from domain.stale_courses import Told
from domain.sync import Sync
from tests.canvas_builders import assignment, course, hidden_grade, restricted, submission
from tests.given_when_then import given

CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
RUN = UUID("00000000-0000-4000-8000-0000000000f1")
TODAY = date(2026, 9, 20)
PROGRESS = Progress(total=1, done=1, failed=0)
NONE = Requests(total=0, not_modified=0, retried=0)


def known(*assignments: Assignment, of: Course | None = None) -> Sync:
    """What a full run leaves behind that saw one course."""

    def ran(sync: Sync) -> None:
        sync.request(RUN, connection_id=CONNECTION, person_id=PERSON, trigger="setup", mode="full")
        attempt = sync.start("worker")
        sync.see_course(attempt, of or course(), list(assignments), PROGRESS)
        sync.complete(attempt, PROGRESS, NONE)

    return given(Sync, ran).aggregate


def shown(feed: Feed, *assignments: Assignment) -> list[Glimpse]:
    """What a feed tells of them."""
    found = []
    for item in assignments:
        work = item["submission"]
        mark = graded_mark(work) if feed == "graded" else expected_mark(item)
        at = work["graded_at"] if work and feed == "graded" else item["due_at"]
        assert mark is not None
        found.append(Glimpse(feed, "101", item["canvas_id"], mark, at))
    return found


def stale(sync: Sync, *glimpses: Glimpse, listed: Course | None = None) -> set[str]:
    return sync.stale([listed or course()], Told(glimpses, Window.around(TODAY)))


@pytest.mark.parametrize("feed", ["graded", "planned"])
def test_what_is_shown_as_it_was_gives_nothing_away(feed: Feed) -> None:
    there = known(assignment())
    assert stale(there, *shown(feed, assignment())) == set()
    assert not there.shows_news(shown(feed, assignment()))


GRADED: list[dict[str, Any]] = [
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


@pytest.mark.parametrize("other", GRADED)
def test_a_graded_row_that_differs_gives_its_course_away(other: dict[str, Any]) -> None:
    there = known(assignment())
    told = shown("graded", assignment(submission=submission(**other)))
    assert stale(there, *told) == {"101"}
    assert there.shows_news(told)


PLANNED: list[dict[str, Any]] = [
    {"name": "Renamed"},
    {"due_at": "2026-09-18T05:59:59Z"},
    {"points_possible": 20.0},
    {"submission": submission(submitted_at=None)},
    {"submission": submission(excused=True)},
    {"submission": submission(late=True)},
    {"submission": submission(missing=True)},
    {"submission": submission(posted_at="2026-09-13T18:00:00Z")},
]


@pytest.mark.parametrize("other", PLANNED)
def test_a_planner_item_that_differs_gives_its_course_away(other: dict[str, Any]) -> None:
    assert stale(known(assignment()), *shown("planned", assignment(**other))) == {"101"}


def test_an_assignment_nobody_knew_gives_its_course_away() -> None:
    there = known(assignment("1"))
    new = assignment("2", submission=submission(graded_at="2999-01-01T00:00:00Z"))
    for feed in ("graded", "planned"):
        assert stale(there, *shown(feed, new)) == {"101"}


def test_an_old_grade_of_what_a_full_run_did_not_find_is_no_news() -> None:
    assert stale(known(assignment("1")), *shown("graded", assignment("2"))) == set()


def test_a_course_listed_otherwise_is_read_and_one_listed_the_same_is_not() -> None:
    there = known(assignment())
    assert stale(there, listed=course(image_url="https://images.example/101?sig=2")) == set()
    for listed in (course(current_score=92.0), course(name="New"), course("102"), restricted()):
        assert stale(there, listed=listed) == {listed["canvas_id"]}


def test_a_restricted_course_is_given_away_by_no_list() -> None:
    there = known(of=restricted())
    told = shown("graded", assignment(submission=submission(graded_at="2999-01-01T00:00:00Z")))
    assert stale(there, *told, listed=restricted()) == set()


UNPOSTED: dict[str, Any] = {"submission": hidden_grade()}
DARK: dict[str, Any] = {"grades_hidden": True, "current_score": None, "current_grade": None}


@pytest.mark.parametrize(
    ("course_is", "work_is", "read"),
    [
        ({}, {"due_at": None}, set()),
        (DARK, {}, set()),
        (DARK, {"due_at": None}, {"101"}),
        (DARK, {"due_at": "2026-04-11T05:59:59Z"}, {"101"}),
    ],
)
def test_a_grade_that_could_be_posted_unseen_is_watched(
    course_is: dict[str, Any], work_is: dict[str, Any], read: set[str]
) -> None:
    listed = course(**course_is)
    there = known(assignment(**UNPOSTED, **work_is), of=listed)
    assert stale(there, listed=listed) == read


def test_a_grade_the_graded_rows_still_show_as_unposted_needs_no_watching() -> None:
    hidden = assignment(**UNPOSTED, due_at=None)
    there = known(hidden, of=course(**DARK))
    assert stale(there, *shown("graded", hidden), listed=course(**DARK)) == set()


def test_a_posted_or_withdrawn_grade_is_watched_no_more() -> None:
    there = known(assignment("1", **UNPOSTED), assignment("2", **UNPOSTED))
    assert there.courses["101"]["unposted"] == ["1", "2"]
    there.request(UUID(int=1), connection_id=CONNECTION, person_id=PERSON, trigger="", mode="full")
    attempt = there.start("worker")
    there.see_course(attempt, course(), [assignment("1")], PROGRESS)
    assert there.courses["101"]["unposted"] == []


def test_an_excused_submission_without_a_grade_counts_as_posted_once_it_is() -> None:
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
def test_the_planner_is_asked_for_whole_months(today: date, start: date, end: date) -> None:
    assert Window.around(today) == (start, end)


def test_a_window_cut_short_vouches_for_what_is_left() -> None:
    window = Window.around(TODAY)
    assert window.holds("2026-06-02T00:00:00Z")
    assert not window.holds(None)
    assert not window.cut_before("2026-07-01T05:59:59Z").holds("2026-06-02T00:00:00Z")
    assert window.cut_before(None) == window
