"""When a run is full and when it is incremental."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.events import SyncCompleted, SyncWidened
from domain.events.sync import Progress, Requests
from domain.next_sync import choose_mode
from domain.sync import Sync
from domain.sync_attempt import Attempt
from infrastructure.event_store.event_types import collect_event_types
from tests.given_when_then import Given, given

CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
RUNS = [UUID(int=n) for n in range(1, 9)]
NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)
INTERVAL = timedelta(hours=2)


def run(
    index: int, mode: str, *decisions: Any, validator: str | None = None, failed: int = 0
) -> Any:
    """A decision that executes a whole run, with `decisions` before its end."""
    attempt = Attempt(RUNS[index], "worker")

    def decide(sync: Sync) -> None:
        start_run(index, mode)(sync)
        for each in decisions:
            each(sync, attempt)
        sync.complete(
            attempt, Progress(total=2, done=2 - failed, failed=failed), NO_REQUESTS, validator
        )

    return decide


def start_run(index: int, mode: str) -> Any:
    def decide(sync: Sync) -> None:
        sync.request(
            RUNS[index], connection_id=CONNECTION, person_id=PERSON, trigger="manual", mode=mode
        )
        sync.start("worker")

    return decide


def fall_back_to_full(sync: Sync, attempt: Attempt) -> None:
    sync.fall_back_to_full(attempt, "canvas-forbidden", "no planner")


def record_fetch_failure(sync: Sync, attempt: Attempt) -> None:
    progress = Progress(total=2, done=1, failed=1)
    sync.record_fetch_failure(attempt, "101", "canvas-timeout", "slow", progress)


def fail(sync: Sync, attempt: Attempt) -> None:
    sync.fail(attempt, "canvas-timeout", "slow", NO_REQUESTS)


def mode_after(given_sync: Given[Sync], hours: float, *, requested_mode: str = "auto") -> str:
    """The mode of a run that is requested `hours` after the start of the last full run."""
    last_full = datetime.fromisoformat(
        given_sync.aggregate.last_full_sync_at or "2026-11-25T05:00:00+00:00"
    )
    now = last_full + timedelta(hours=hours)
    return choose_mode(given_sync.aggregate, requested_mode, now=now, interval=INTERVAL)


def test_the_first_run_is_full() -> None:
    assert mode_after(given(Sync), 0) == "full"
    assert mode_after(given(Sync, start_run(0, "full"), fail_run(0)), 0) == "full"


def fail_run(index: int) -> Any:
    return lambda sync: fail(sync, Attempt(RUNS[index], "worker"))


def test_a_person_may_request_a_full_run() -> None:
    given_sync = given(Sync, run(0, "full"))
    assert mode_after(given_sync, 1) == "incremental"
    assert mode_after(given_sync, 1, requested_mode="full") == "full"


@pytest.mark.parametrize(
    ("hours", "mode"),
    [(0, "incremental"), (21.3, "incremental"), (21.31, "full"), (500, "full")],
)
def test_a_full_run_follows_before_the_last_one_is_a_day_old(hours: float, mode: str) -> None:
    assert mode_after(given(Sync, run(0, "full")), hours) == mode


def test_every_run_of_a_rare_schedule_is_full() -> None:
    given_sync = given(Sync, run(0, "full")).aggregate
    now = datetime.fromisoformat(given_sync.last_full_sync_at or "")
    assert choose_mode(given_sync, "auto", now=now, interval=timedelta(days=2)) == "full"


def test_only_a_full_run_sets_the_time_of_the_last_full_sync() -> None:
    given_sync = given(Sync, run(0, "full"))
    first = given_sync.aggregate.last_full_sync_at
    run(1, "incremental")(given_sync.aggregate)
    assert given_sync.aggregate.last_full_sync_at == first
    run(2, "incremental", fall_back_to_full)(given_sync.aggregate)
    assert given_sync.aggregate.run is not None
    assert given_sync.aggregate.last_full_sync_at == given_sync.aggregate.run["started_at"] != first
    assert given_sync.aggregate.run["mode"] == "full"


def test_an_incremental_run_falls_back_once_and_a_full_run_never() -> None:
    attempt = Attempt(RUNS[1], "worker")
    given_sync = given(Sync, run(0, "full"), start_run(1, "incremental"))
    (content,) = given_sync.when(lambda sync: fall_back_to_full(sync, attempt)).then(SyncWidened)
    assert (content["code"], content["detail"]) == ("canvas-forbidden", "no planner")
    given_sync.when(lambda sync: fall_back_to_full(sync, attempt)).then()
    given(Sync, start_run(1, "full")).when(lambda sync: fall_back_to_full(sync, attempt)).then()


def test_the_planner_validator_is_kept_until_a_newer_one_is_recorded() -> None:
    given_sync = given(Sync, run(0, "full"), run(1, "incremental", validator='W/"1"'))
    assert given_sync.aggregate.planner_validator == 'W/"1"'
    for index, mode in [(2, "incremental"), (3, "full")]:
        run(index, mode)(given_sync.aggregate)
        assert given_sync.aggregate.planner_validator == 'W/"1"'
    run(4, "incremental", validator='W/"2"')(given_sync.aggregate)
    assert given_sync.aggregate.planner_validator == 'W/"2"'


def test_a_failed_run_records_no_planner_validator() -> None:
    given_sync = given(Sync, run(0, "full"), start_run(1, "incremental"), fail_run(1))
    assert given_sync.aggregate.planner_validator is None


def test_a_course_that_could_not_be_fetched_is_fetched_by_the_next_run() -> None:
    given_sync = given(Sync, run(0, "full"), run(1, "incremental", record_fetch_failure, failed=1))
    assert set(given_sync.aggregate.failed_courses) == {"101"}
    start_run(2, "incremental")(given_sync.aggregate)
    fail(given_sync.aggregate, Attempt(RUNS[2], "worker"))
    assert set(given_sync.aggregate.failed_courses) == {"101"}
    run(3, "incremental")(given_sync.aggregate)
    assert given_sync.aggregate.failed_courses == {}


def test_a_version_1_completion_has_no_planner_validator() -> None:
    kind = collect_event_types()["SyncCompleted"]
    assert (kind.event_class, kind.version) == (SyncCompleted, 2)
    state: dict[str, Any] = {"progress": {}, "requests": {}}
    for upcast in kind.upcasts:
        upcast(state)
    assert state["planner_validator"] is None
