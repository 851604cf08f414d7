"""The life of a run: one at a time, from its request to its end."""

from uuid import UUID

import pytest

from domain.course_events import CourseList
from domain.errors import NoSyncRunning, SyncAlreadyRunning, SyncIsOver
from domain.events import (
    SyncCancelled,
    SyncCompleted,
    SyncFailed,
    SyncRequested,
    SyncRequeued,
    SyncStarted,
)
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt
from tests.canvas_builders import assignment, course
from tests.given_when_then import given

CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
FIRST = UUID("00000000-0000-4000-8000-0000000000f1")
SECOND = UUID("00000000-0000-4000-8000-0000000000f2")
ATTEMPT = Attempt(FIRST, "worker-1")
NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)


def request(sync: Sync, sync_id: UUID = FIRST) -> None:
    sync.request(sync_id, connection_id=CONNECTION, person_id=PERSON, trigger="manual", mode="full")


def request_second(sync: Sync) -> None:
    request(sync, SECOND)


def start(sync: Sync) -> None:
    sync.start("worker-1")


def complete(sync: Sync) -> None:
    sync.complete(ATTEMPT, Progress(total=1, done=1, failed=0), NO_REQUESTS)


def fail(sync: Sync) -> None:
    sync.fail(ATTEMPT, "canvas-timeout", "Canvas took too long", NO_REQUESTS)


def requeue_lost(sync: Sync) -> None:
    sync.requeue(ATTEMPT, "lost")


def cancel(sync: Sync) -> None:
    sync.cancel()


def test_a_run_is_requested_started_and_completed() -> None:
    given(Sync).when(request).then(SyncRequested)
    given(Sync, request).when(start).then(SyncStarted)
    given(Sync, request, start).when(complete).then(SyncCompleted)


def test_the_same_request_twice_is_one_run() -> None:
    given(Sync, request).when(request).then()


def test_another_request_is_refused_while_a_run_is_active() -> None:
    for past in ([request], [request, start]):
        given(Sync, *past).when(request_second).then_refused(SyncAlreadyRunning(FIRST))


def test_another_run_may_follow_a_finished_run() -> None:
    for end in (complete, fail, cancel):
        given(Sync, request, start, end).when(request_second).then(SyncRequested)


def test_two_workers_cannot_both_start_a_run() -> None:
    given(Sync, request, start).when(start).then()
    given(Sync, request, start).when(lambda sync: sync.start("worker-2")).then_refused(
        SyncAlreadyRunning(FIRST)
    )


def test_a_queued_run_can_be_cancelled_and_never_starts() -> None:
    given(Sync, request).when(cancel).then(SyncCancelled)
    given(Sync, request, cancel).when(start).then_refused(NoSyncRunning())


def test_there_is_nothing_to_cancel_when_nothing_runs() -> None:
    given(Sync).when(cancel).then_refused(NoSyncRunning())
    given(Sync, request, start, complete).when(cancel).then_refused(NoSyncRunning())


def test_late_events_of_a_finished_run_are_refused() -> None:
    for decision in (complete, fail):
        given(Sync, request, start, cancel).when(decision).then_refused(SyncIsOver(FIRST))


def test_a_failed_run_keeps_its_error() -> None:
    run = given(Sync, request, start, fail).aggregate.run
    assert run is not None
    assert (run["status"], run["error"]) == (
        "failed",
        {"code": "canvas-timeout", "detail": "Canvas took too long"},
    )


def test_a_run_with_a_failed_course_is_partial() -> None:
    sync = given(Sync, request, start).aggregate
    sync.complete(ATTEMPT, Progress(total=2, done=1, failed=1), NO_REQUESTS)
    assert sync.run is not None
    assert sync.run["status"] == "partial"


def record_fetch_failure(sync: Sync) -> None:
    progress = Progress(total=1, done=0, failed=1)
    sync.record_fetch_failure(ATTEMPT, "101", "canvas-forbidden", "no", progress)


def test_a_run_that_read_no_course_fails() -> None:
    (content,) = (
        given(Sync, request, start, record_fetch_failure)
        .when(lambda sync: sync.complete(ATTEMPT, Progress(total=1, done=0, failed=1), NO_REQUESTS))
        .then(SyncFailed)
    )
    assert (content["code"], content["detail"]) == ("canvas-forbidden", "no")


def test_a_partial_run_keeps_its_first_error() -> None:
    sync = given(Sync, request, start, record_fetch_failure).aggregate
    sync.complete(ATTEMPT, Progress(total=2, done=1, failed=1), NO_REQUESTS)
    assert sync.run is not None
    assert sync.run["status"] == "partial"
    assert sync.run["error"] == {"code": "canvas-forbidden", "detail": "no"}


def record_course(sync: Sync) -> None:
    sync.record_course(ATTEMPT, course(), [assignment()], Progress(total=2, done=1, failed=0))


def restart_elsewhere(sync: Sync) -> None:
    requeue_lost(sync)
    sync.start("worker-2")


def test_a_requeued_run_waits_for_another_worker_under_the_same_id() -> None:
    (content,) = given(Sync, request, start).when(requeue_lost).then(SyncRequeued)
    assert (content["sync_id"], content["reason"]) == (FIRST, "lost")
    given(Sync, request, start, requeue_lost).when(request_second).then_refused(
        SyncAlreadyRunning(FIRST)
    )
    given(Sync, request, start, requeue_lost).when(lambda sync: sync.start("worker-2")).then(
        SyncStarted
    )


def test_a_course_recorded_before_a_requeue_is_not_recorded_again() -> None:
    restarted = given(Sync, request, start, record_course, restart_elsewhere)
    run = restarted.aggregate.run
    assert run is not None
    assert (run["courses"]["done"], run["changes"]["courses"]) == (0, 1)
    second_attempt = Attempt(FIRST, "worker-2")
    progress = Progress(total=2, done=1, failed=0)
    restarted.when(
        lambda sync: sync.record_course(second_attempt, course(), [assignment()], progress)
    ).then()


def test_every_event_of_a_replaced_attempt_is_refused() -> None:
    for decision in (
        complete,
        fail,
        requeue_lost,
        record_fetch_failure,
        record_course,
        list_nothing,
    ):
        for past in ([start, requeue_lost], [start, restart_elsewhere], [start, cancel]):
            given(Sync, request, *past).when(decision).then_refused(SyncIsOver(FIRST))


def list_nothing(sync: Sync) -> None:
    sync.record_unlisted(ATTEMPT, CourseList([], complete=True))


@pytest.mark.parametrize(
    ("reason", "code"),
    [("stopped", "interrupted"), ("lost", "interrupted"), ("broke_off", "internal-error")],
)
def test_a_run_given_up_three_times_fails(reason: str, code: str) -> None:
    def give_up_run(sync: Sync) -> None:
        sync.requeue(ATTEMPT, reason)

    two_attempts = [start, give_up_run, start, give_up_run, start]
    (content,) = given(Sync, request, *two_attempts).when(give_up_run).then(SyncFailed)
    assert content["code"] == code


def test_a_requeued_run_has_no_error() -> None:
    sync = given(Sync, request, start, record_fetch_failure, requeue_lost).aggregate
    assert sync.run is not None
    assert (sync.run["status"], sync.worker, sync.run["error"]) == ("queued", None, None)


def test_a_requeued_run_can_be_cancelled() -> None:
    given(Sync, request, start, requeue_lost).when(cancel).then(SyncCancelled)


def test_a_run_starts_when_its_first_worker_starts_it() -> None:
    sync = given(Sync, request, start).aggregate
    assert sync.run is not None
    started_at = sync.run["started_at"]
    restart_elsewhere(sync)
    assert (sync.run["started_at"], sync.attempts) == (started_at, 2)
