"""When a run reads everything, and when only what changed."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from domain.events import SyncCompleted, SyncWidened
from domain.events.sync import Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt
from infrastructure.event_store.event_types import kinds
from tests.given_when_then import Given, given

CONNECTION = UUID("00000000-0000-4000-8000-00000000000c")
PERSON = UUID("00000000-0000-4000-8000-00000000000a")
RUNS = [UUID(int=n) for n in range(1, 9)]
NONE = Requests(total=0, not_modified=0, retried=0)
INTERVAL = timedelta(hours=2)


def run(nth: int, mode: str, *more: Any, validator: str | None = None, failed: int = 0) -> Any:
    """A decision: a whole run in a mode, with some decisions in its middle."""
    attempt = Attempt(RUNS[nth], "worker")

    def decide(sync: Sync) -> None:
        begin(nth, mode)(sync)
        for each in more:
            each(sync, attempt)
        sync.complete(attempt, Progress(total=2, done=2 - failed, failed=failed), NONE, validator)

    return decide


def begin(nth: int, mode: str) -> Any:
    def decide(sync: Sync) -> None:
        sync.request(
            RUNS[nth], connection_id=CONNECTION, person_id=PERSON, trigger="manual", mode=mode
        )
        sync.start("worker")

    return decide


def widens(sync: Sync, attempt: Attempt) -> None:
    sync.widen(attempt, "canvas-forbidden", "no planner")


def misses(sync: Sync, attempt: Attempt) -> None:
    progress = Progress(total=2, done=1, failed=1)
    sync.miss_course(attempt, "101", "canvas-timeout", "slow", progress)


def fails(sync: Sync, attempt: Attempt) -> None:
    sync.fail(attempt, "canvas-timeout", "slow", NONE)


def mode_after(there: Given[Sync], hours: float, *, wish: str = "auto") -> str:
    """How a run reads that is asked for so many hours after the first full one began."""
    full_at = datetime.fromisoformat(there.aggregate.full_at or "2026-11-25T05:00:00+00:00")
    return there.aggregate.mode(wish, now=full_at + timedelta(hours=hours), interval=INTERVAL)


def test_the_first_run_reads_everything() -> None:
    assert mode_after(given(Sync), 0) == "full"
    assert mode_after(given(Sync, begin(0, "full"), fails_after(0)), 0) == "full"


def fails_after(nth: int) -> Any:
    return lambda sync: fails(sync, Attempt(RUNS[nth], "worker"))


def test_a_person_may_ask_for_everything() -> None:
    there = given(Sync, run(0, "full"))
    assert mode_after(there, 1) == "incremental"
    assert mode_after(there, 1, wish="full") == "full"


@pytest.mark.parametrize(
    ("hours", "mode"),
    [(0, "incremental"), (21.3, "incremental"), (21.31, "full"), (500, "full")],
)
def test_nothing_known_gets_older_than_a_day(hours: float, mode: str) -> None:
    assert mode_after(given(Sync, run(0, "full")), hours) == mode


def test_a_rare_schedule_reads_everything_each_time() -> None:
    there = given(Sync, run(0, "full")).aggregate
    now = datetime.fromisoformat(there.full_at or "")
    assert there.mode("auto", now=now, interval=timedelta(days=2)) == "full"


def test_only_a_run_that_read_everything_makes_the_day_begin_anew() -> None:
    there = given(Sync, run(0, "full"))
    first = there.aggregate.full_at
    run(1, "incremental")(there.aggregate)
    assert there.aggregate.full_at == first
    run(2, "incremental", widens)(there.aggregate)
    assert there.aggregate.run is not None
    assert there.aggregate.full_at == there.aggregate.run["started_at"] != first
    assert there.aggregate.run["mode"] == "full"


def test_a_run_is_widened_once_and_a_full_one_never() -> None:
    attempt = Attempt(RUNS[1], "worker")
    there = given(Sync, run(0, "full"), begin(1, "incremental"))
    (said,) = there.when(lambda sync: widens(sync, attempt)).then(SyncWidened)
    assert (said["code"], said["detail"]) == ("canvas-forbidden", "no planner")
    there.when(lambda sync: widens(sync, attempt)).then()
    given(Sync, begin(1, "full")).when(lambda sync: widens(sync, attempt)).then()


def test_the_planners_validator_is_kept_until_there_is_a_newer_one() -> None:
    there = given(Sync, run(0, "full"), run(1, "incremental", validator='W/"1"'))
    assert there.aggregate.planner_validator == 'W/"1"'
    for nth, mode in [(2, "incremental"), (3, "full")]:
        run(nth, mode)(there.aggregate)
        assert there.aggregate.planner_validator == 'W/"1"'
    run(4, "incremental", validator='W/"2"')(there.aggregate)
    assert there.aggregate.planner_validator == 'W/"2"'


def test_what_a_run_that_failed_had_read_of_the_planner_is_not_kept() -> None:
    there = given(Sync, run(0, "full"), begin(1, "incremental"), fails_after(1))
    assert there.aggregate.planner_validator is None


def test_a_course_that_could_not_be_read_is_read_by_the_next_run_that_can() -> None:
    there = given(Sync, run(0, "full"), run(1, "incremental", misses, failed=1))
    assert set(there.aggregate.unread) == {"101"}
    begin(2, "incremental")(there.aggregate)
    fails(there.aggregate, Attempt(RUNS[2], "worker"))
    assert set(there.aggregate.unread) == {"101"}
    run(3, "incremental")(there.aggregate)
    assert there.aggregate.unread == {}


def test_a_completion_recorded_before_planners_were_read_has_no_validator() -> None:
    kind = kinds()["SyncCompleted"]
    assert (kind.event, kind.version) == (SyncCompleted, 2)
    state: dict[str, Any] = {"progress": {}, "requests": {}}
    for upcast in kind.upcasts:
        upcast(state)
    assert state["planner_validator"] is None
