"""One run at a time, from its request to its end."""

from uuid import UUID

from domain.errors import NoSyncRunning, SyncAlreadyRunning, SyncIsOver
from domain.events import SyncCancelled, SyncCompleted, SyncFailed, SyncRequested, SyncStarted
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from tests.given import given

CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
FIRST = UUID("00000000-0000-4000-8000-0000000000f1")
SECOND = UUID("00000000-0000-4000-8000-0000000000f2")
NONE = Requests(total=0, not_modified=0, retried=0)


def requested(sync: Sync, sync_id: UUID = FIRST) -> None:
    sync.request(sync_id, connection_id=CONNECTION, person_id=PERSON, trigger="manual", mode="full")


def requested_again(sync: Sync) -> None:
    requested(sync, SECOND)


def started(sync: Sync) -> None:
    sync.start(FIRST, "worker-1")


def completed(sync: Sync) -> None:
    sync.complete(FIRST, Progress(total=1, done=1, failed=0), NONE)


def failed(sync: Sync) -> None:
    sync.fail(FIRST, "canvas-timeout", "Canvas took too long", NONE)


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
    given(Sync, requested, started).when(lambda sync: sync.start(FIRST, "worker-2")).then_refused(
        SyncAlreadyRunning(FIRST)
    )


def test_a_queued_run_can_be_cancelled_and_never_starts() -> None:
    given(Sync, requested).when(cancelled).then(SyncCancelled)
    given(Sync, requested, cancelled).when(started).then_refused(SyncIsOver(FIRST))


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
    half.complete(FIRST, Progress(total=2, done=1, failed=1), NONE)
    assert half.run is not None
    assert half.run["status"] == "partial"


def missed(sync: Sync) -> None:
    sync.miss_course(FIRST, "101", "canvas-forbidden", "no", Progress(total=1, done=0, failed=1))


def test_a_run_that_could_read_no_course_has_failed() -> None:
    (content,) = (
        given(Sync, requested, started, missed)
        .when(lambda sync: sync.complete(FIRST, Progress(total=1, done=0, failed=1), NONE))
        .then(SyncFailed)
    )
    assert (content["code"], content["detail"]) == ("canvas-forbidden", "no")


def test_a_partial_run_says_what_its_first_failure_was() -> None:
    half = given(Sync, requested, started, missed).aggregate
    half.complete(FIRST, Progress(total=2, done=1, failed=1), NONE)
    assert half.run is not None
    assert half.run["status"] == "partial"
    assert half.run["error"] == {"code": "canvas-forbidden", "detail": "no"}
