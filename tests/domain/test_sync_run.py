"""The document of a run after each of its events."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from domain.event import Event
from domain.events import (
    CourseFetched,
    CourseFetchFailed,
    CourseWithdrawn,
    DueDateChanged,
    SyncCancelled,
    SyncCompleted,
    SyncFailed,
    SyncRequested,
    SyncRequeued,
    SyncStarted,
    SyncWidened,
)
from domain.events.sync import Changes, Progress, Requests
from domain.sync_run import END_EVENTS, RUN_EVENTS, SyncRun, queued_run, run_after
from tests.canvas_builders import course

RUN = UUID("00000000-0000-4000-8000-0000000000f1")
CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
ONE_DONE = Progress(total=2, done=1, failed=0)
ONE_FAILED = Progress(total=2, done=1, failed=1)
REQUESTS = Requests(total=3, not_modified=1, retried=0)
EMPTY = queued_run(sync_id=RUN, connection_id=CONNECTION, trigger="manual", mode="incremental")


def event(kind: Any, **fields: Any) -> Any:
    return kind(
        originator_id=CONNECTION,
        originator_version=1,
        timestamp=datetime(2026, 9, 1, tzinfo=UTC),
        connection_id=CONNECTION,
        sync_id=RUN,
        **fields,
    )


REQUESTED = event(SyncRequested, person_id=RUN, trigger="manual", mode="incremental")
STARTED = event(SyncStarted, worker="worker-1")
FETCHED = event(
    CourseFetched,
    course=course(),
    complete=True,
    groups=None,
    assignments=[],
    removed=[],
    changes=Changes(courses=1, assignments=2, grades=3),
    progress=ONE_DONE,
)
WITHDRAWN = event(CourseWithdrawn, course_id="101")
FETCH_FAILED = event(
    CourseFetchFailed, course_id="102", code="canvas-timeout", detail="slow", progress=ONE_FAILED
)
REQUEUED = event(SyncRequeued, reason="lost")
WIDENED = event(SyncWidened, code="canvas-forbidden", detail="no planner")
COMPLETED = event(SyncCompleted, progress=ONE_DONE, requests=REQUESTS, planner_validator=None)
PARTIAL = event(SyncCompleted, progress=ONE_FAILED, requests=REQUESTS, planner_validator=None)
FAILED = event(SyncFailed, code="canvas-forbidden", detail="no", requests=REQUESTS)
CANCELLED = event(SyncCancelled)
SLOW = {"code": "canvas-timeout", "detail": "slow"}


def run_of(*events: Event) -> SyncRun:
    """The run after its request and these events; the nth event happens at the time `n`."""
    run = run_after(None, REQUESTED, "0")
    for number, each in enumerate(events, 1):
        run = run_after(run, each, str(number))
    assert run
    return run


@pytest.mark.parametrize(
    ("events", "changed"),
    [
        ([], {}),
        ([STARTED], {"status": "running", "started_at": "1"}),
        ([STARTED, WIDENED], {"status": "running", "started_at": "1", "mode": "full"}),
        (
            [STARTED, FETCHED, WITHDRAWN, FETCHED],
            {
                "status": "running",
                "started_at": "1",
                "courses": ONE_DONE,
                "changes": {"courses": 3, "assignments": 4, "grades": 6},
            },
        ),
        (
            [STARTED, FETCH_FAILED, PARTIAL],
            {
                "status": "partial",
                "started_at": "1",
                "finished_at": "3",
                "courses": ONE_FAILED,
                "requests": REQUESTS,
                "error": SLOW,
            },
        ),
        (
            [STARTED, COMPLETED],
            {
                "status": "completed",
                "started_at": "1",
                "finished_at": "2",
                "courses": ONE_DONE,
                "requests": REQUESTS,
            },
        ),
        (
            [STARTED, FETCH_FAILED, FAILED],
            {
                "status": "failed",
                "started_at": "1",
                "finished_at": "3",
                "courses": ONE_FAILED,
                "requests": REQUESTS,
                "error": {"code": "canvas-forbidden", "detail": "no"},
            },
        ),
        ([CANCELLED], {"status": "cancelled", "finished_at": "1"}),
        (
            [STARTED, WITHDRAWN, FETCH_FAILED, REQUEUED, STARTED],
            {
                "status": "running",
                "started_at": "1",
                "changes": {"courses": 1, "assignments": 0, "grades": 0},
            },
        ),
    ],
)
def test_each_event_changes_its_members_only(events: list[Event], changed: dict[str, Any]) -> None:
    assert run_of(*events) == {**EMPTY, **changed}


def test_a_queued_run_has_read_nothing() -> None:
    assert {
        "id": str(RUN),
        "connection_id": str(CONNECTION),
        "trigger": "manual",
        "mode": "incremental",
        "status": "queued",
        "started_at": None,
        "finished_at": None,
        "courses": {"total": 0, "done": 0, "failed": 0},
        "changes": {"courses": 0, "assignments": 0, "grades": 0},
        "requests": {"total": 0, "not_modified": 0, "retried": 0},
        "error": None,
    } == EMPTY


def test_without_a_run_only_a_request_makes_one() -> None:
    assert run_after(None, STARTED, "1") is None
    assert run_after(run_of(STARTED, COMPLETED), REQUESTED, "9") == EMPTY


def test_an_event_of_a_run_does_not_change_when_a_later_one_is_applied() -> None:
    run_of(STARTED, FETCHED, WITHDRAWN, REQUEUED, STARTED, COMPLETED)
    assert FETCHED.changes == {"courses": 1, "assignments": 2, "grades": 3}
    assert FETCHED.progress == ONE_DONE == {"total": 2, "done": 1, "failed": 0}


def test_every_run_event_changes_a_run_and_only_end_events_end_it() -> None:
    samples = [REQUEUED, WIDENED, FETCHED, WITHDRAWN, FETCH_FAILED, COMPLETED, FAILED, CANCELLED]
    assert {SyncRequested, SyncStarted, *map(type, samples)} == set(RUN_EVENTS)
    assert run_of(STARTED) != run_of()
    for each in samples:
        assert run_of(STARTED, each) != run_of(STARTED)
        assert bool(run_of(STARTED, each)["finished_at"]) == isinstance(each, END_EVENTS)


def test_other_events_of_a_sync_change_nothing() -> None:
    other = event(DueDateChanged, course_id="1", assignment_id="2", previous=None, current=None)
    assert run_of(STARTED, other) == run_of(STARTED)
