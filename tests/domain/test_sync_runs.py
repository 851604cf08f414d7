"""One run at a time, from its request to its end."""

from uuid import UUID

import pytest

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
NONE = Requests(total=0, not_modified=0, retried=0)


def requested(sync: Sync, sync_id: UUID = FIRST) -> None:
    sync.request(sync_id, connection_id=CONNECTION, person_id=PERSON, trigger="manual", mode="full")


def requested_again(sync: Sync) -> None:
    requested(sync, SECOND)


def started(sync: Sync) -> None:
    sync.start("worker-1")


def completed(sync: Sync) -> None:
    sync.complete(ATTEMPT, Progress(total=1, done=1, failed=0), NONE)


def failed(sync: Sync) -> None:
    sync.fail(ATTEMPT, "canvas-timeout", "Canvas took too long", NONE)


def lost(sync: Sync) -> None:
    sync.requeue(ATTEMPT, "lost")


def cancelled(sync: Sync) -> None:
    sync.cancel()


def test_a_run_is_requested_started_and_completed() -> None:
    given(Sync).when(requested).then(SyncRequested)
    given(Sync, requested).when(started).then(SyncStarted)
    given(Sync, requested, started).when(completed).then(SyncCompleted)


def test_the_same_request_twice_is_one_run() -> None:
    given(Sync, requested).when(requested).then()


def test_another_request_is_refused_while_a_run_lives() -> None:
    for past in ([requested], [requested, started]):
        given(Sync, *past).when(requested_again).then_refused(SyncAlreadyRunning(FIRST))


def test_another_run_may_follow_any_end() -> None:
    for end in (completed, failed, cancelled):
        given(Sync, requested, started, end).when(requested_again).then(SyncRequested)


def test_two_workers_cannot_both_start_a_run() -> None:
    given(Sync, requested, started).when(started).then()
    given(Sync, requested, started).when(lambda sync: sync.start("worker-2")).then_refused(
        SyncAlreadyRunning(FIRST)
    )


def test_a_queued_run_can_be_cancelled_and_never_starts() -> None:
    given(Sync, requested).when(cancelled).then(SyncCancelled)
    given(Sync, requested, cancelled).when(started).then_refused(NoSyncRunning())


def test_there_is_nothing_to_cancel_when_nothing_runs() -> None:
    given(Sync).when(cancelled).then_refused(NoSyncRunning())
    given(Sync, requested, started, completed).when(cancelled).then_refused(NoSyncRunning())


def test_the_late_words_of_an_ended_run_are_refused() -> None:
    for late in (completed, failed):
        given(Sync, requested, started, cancelled).when(late).then_refused(SyncIsOver(FIRST))


def test_a_run_knows_how_it_ended() -> None:
    run = given(Sync, requested, started, failed).aggregate.run
    assert run is not None
    assert (run["status"], run["error"]) == (
        "failed",
        {"code": "canvas-timeout", "detail": "Canvas took too long"},
    )


def test_a_run_with_a_failed_course_is_partial() -> None:
    half = given(Sync, requested, started).aggregate
    half.complete(ATTEMPT, Progress(total=2, done=1, failed=1), NONE)
    assert half.run is not None
    assert half.run["status"] == "partial"


def missed(sync: Sync) -> None:
    progress = Progress(total=1, done=0, failed=1)
    sync.miss_course(ATTEMPT, "101", "canvas-forbidden", "no", progress)


def test_a_run_that_could_read_no_course_has_failed() -> None:
    (content,) = (
        given(Sync, requested, started, missed)
        .when(lambda sync: sync.complete(ATTEMPT, Progress(total=1, done=0, failed=1), NONE))
        .then(SyncFailed)
    )
    assert (content["code"], content["detail"]) == ("canvas-forbidden", "no")


def test_a_partial_run_says_what_its_first_failure_was() -> None:
    half = given(Sync, requested, started, missed).aggregate
    half.complete(ATTEMPT, Progress(total=2, done=1, failed=1), NONE)
    assert half.run is not None
    assert half.run["status"] == "partial"
    assert half.run["error"] == {"code": "canvas-forbidden", "detail": "no"}


def saw_a_course(sync: Sync) -> None:
    sync.see_course(ATTEMPT, course(), [assignment()], Progress(total=2, done=1, failed=0))


def taken_over(sync: Sync) -> None:
    lost(sync)
    sync.start("worker-2")


def test_a_run_given_up_waits_for_another_worker_and_is_the_same_run() -> None:
    (content,) = given(Sync, requested, started).when(lost).then(SyncRequeued)
    assert (content["sync_id"], content["reason"]) == (FIRST, "lost")
    given(Sync, requested, started, lost).when(requested_again).then_refused(
        SyncAlreadyRunning(FIRST)
    )
    given(Sync, requested, started, lost).when(lambda sync: sync.start("worker-2")).then(
        SyncStarted
    )


def test_what_was_read_before_a_run_was_given_up_is_not_read_again() -> None:
    over = given(Sync, requested, started, saw_a_course, taken_over)
    run = over.aggregate.run
    assert run is not None
    assert (run["courses"]["done"], run["changes"]["courses"]) == (0, 1)
    theirs = Attempt(FIRST, "worker-2")
    seen = Progress(total=2, done=1, failed=0)
    over.when(lambda sync: sync.see_course(theirs, course(), [assignment()], seen)).then()


def test_a_presumed_dead_worker_that_wakes_up_is_refused_every_word() -> None:
    for word in (completed, failed, lost, missed, saw_a_course, lists_nothing):
        for past in ([started, lost], [started, taken_over], [started, cancelled]):
            given(Sync, requested, *past).when(word).then_refused(SyncIsOver(FIRST))


def lists_nothing(sync: Sync) -> None:
    sync.list_courses(ATTEMPT, set())


@pytest.mark.parametrize(
    ("reason", "code"),
    [("stopped", "interrupted"), ("lost", "interrupted"), ("broke_off", "internal-error")],
)
def test_a_run_given_up_three_times_has_failed(reason: str, code: str) -> None:
    def given_up(sync: Sync) -> None:
        sync.requeue(ATTEMPT, reason)

    twice = [started, given_up, started, given_up, started]
    (content,) = given(Sync, requested, *twice).when(given_up).then(SyncFailed)
    assert content["code"] == code


def test_what_failed_before_a_run_was_given_up_is_forgotten() -> None:
    run = given(Sync, requested, started, missed, lost).aggregate.run
    assert run is not None
    assert (run["status"], run["worker"], run["error"]) == ("queued", None, None)


def test_a_run_given_up_can_be_cancelled() -> None:
    given(Sync, requested, started, lost).when(cancelled).then(SyncCancelled)


def test_a_run_began_when_its_first_worker_took_it_on() -> None:
    there = given(Sync, requested, started).aggregate
    assert there.run is not None
    began = there.run["started_at"]
    taken_over(there)
    assert (there.run["started_at"], there.run["attempts"]) == (began, 2)
