"""When a connection is due again."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from domain.connection import Connection
from domain.errors import SyncNotDue
from domain.events.sync import Progress, Requests
from domain.next_sync import must_be_due, next_run_at
from domain.sync import Sync
from domain.sync_attempt import Attempt
from domain.sync_schedule import FIRST_RETRY, PASSING, STEPS, wait_of, waits

PERSON = UUID("00000000-0000-4000-8000-00000000000a")
CONNECTION = UUID("00000000-0000-4000-8000-000000000000")
RUN = UUID("00000000-0000-4000-8000-0000000000f1")
NONE = Requests(total=0, not_modified=0, retried=0)
HOURS = timedelta(hours=2)
MINUTE = timedelta(minutes=1)

Ends = Callable[[Sync, Attempt], None]


def opened() -> Connection:
    return Connection.unborn(CONNECTION).open(
        person_id=PERSON,
        canvas_url="https://canvas.example",
        canvas_name="Example U",
        canvas_user_id="42",
        canvas_user_name="Ada",
        token_fingerprint="0a1b2c3d",
    )


def requested(sync: Sync, nth: int) -> Attempt:
    run = uuid5(RUN, str(nth))
    sync.request(run, connection_id=CONNECTION, person_id=PERSON, trigger="manual", mode="full")
    return Attempt(run, "worker")


def after(*ends: Ends) -> Sync:
    """A sync whose runs ended like this, one after the other."""
    sync = Sync.unborn(Sync.id_for(CONNECTION))
    for nth, end in enumerate(ends):
        attempt = requested(sync, nth)
        sync.start("worker")
        end(sync, attempt)
    return sync


def fails(code: str = "canvas-timeout") -> Ends:
    return lambda sync, attempt: sync.fail(attempt, code, "", NONE)


def completes(sync: Sync, attempt: Attempt) -> None:
    sync.complete(attempt, Progress(total=1, done=1, failed=0), NONE)


def cancels(sync: Sync, _attempt: Attempt) -> None:
    sync.cancel()


def wait(sync: Sync, interval: timedelta = HOURS) -> timedelta:
    due = next_run_at(opened(), sync, interval)
    assert due
    assert sync.rested_at
    return due - datetime.fromisoformat(sync.rested_at)


def test_a_connection_is_due_an_interval_after_its_last_run_ended() -> None:
    sync = after(completes)
    assert sync.run
    assert sync.rested_at == sync.run["finished_at"]
    assert wait(sync) == HOURS


def test_one_that_was_never_read_is_due_an_interval_after_it_was_opened() -> None:
    connection = opened()
    due = next_run_at(connection, Sync.unborn(Sync.id_for(CONNECTION)), HOURS)
    assert due == datetime.fromisoformat(connection.opened_at or "") + HOURS


def test_failures_that_may_pass_are_tried_again_soon_and_then_ever_later() -> None:
    minutes = [wait(after(*[fails()] * failures)) / MINUTE for failures in range(1, 8)]
    assert minutes == [5, 10, 20, 40, 80, 120, 120]


@pytest.mark.parametrize("failures", [1, 2, 13, 500])
def test_no_failure_makes_a_connection_wait_longer_than_the_interval(failures: int) -> None:
    for interval in (MINUTE, HOURS, timedelta(weeks=1)):
        assert waits(interval)[wait_of(CONNECTION, failures)] == min(
            interval, FIRST_RETRY * 2 ** min(failures - 1, 20)
        )


@pytest.mark.parametrize("code", sorted(PASSING))
def test_what_may_pass_by_itself(code: str) -> None:
    assert wait(after(fails(code))) == FIRST_RETRY


@pytest.mark.parametrize(
    "code",
    [
        "canvas-token-rejected",
        "canvas-forbidden",
        "canvas-answer-unusable",
        "connection-not-active",
    ],
)
def test_what_does_not_pass_by_itself_waits_the_whole_interval(code: str) -> None:
    assert wait(after(fails(), fails(code))) == HOURS


@pytest.mark.parametrize("end", [completes, cancels, fails("canvas-forbidden")])
def test_any_other_end_makes_the_count_of_failures_begin_anew(end: Ends) -> None:
    assert wait(after(fails(), fails(), end)) == HOURS
    assert wait(after(fails(), fails(), end, fails())) == FIRST_RETRY


def test_while_a_run_is_live_the_next_is_an_interval_after_it_was_asked_for() -> None:
    sync = after(fails(), fails())
    before = sync.rested_at
    requested(sync, 9)
    assert sync.rested_at != before
    assert wait(sync) == HOURS
    sync.start("worker")
    assert wait(sync) == HOURS
    sync.cancel()
    assert wait(sync) == HOURS


@pytest.mark.parametrize(
    "stop", [lambda c: c.close(), lambda c: c.reject_token("revoked")], ids=["closed", "rejected"]
)
def test_without_a_token_that_works_it_is_never_due(stop: Callable[[Connection], Any]) -> None:
    connection, sync = opened(), after(completes)
    stop(connection)
    assert next_run_at(connection, sync, HOURS) is None
    with pytest.raises(SyncNotDue):
        must_be_due(connection, sync, now=datetime.max.replace(tzinfo=UTC), interval=HOURS)


def test_what_the_clock_asks_for_too_early_is_refused() -> None:
    connection, sync = opened(), after(completes)
    due = next_run_at(connection, sync, HOURS)
    assert due
    must_be_due(connection, sync, now=due, interval=HOURS)
    with pytest.raises(SyncNotDue):
        must_be_due(connection, sync, now=due - timedelta(microseconds=1), interval=HOURS)


def test_connections_are_spread_over_a_tenth_of_the_wait_and_each_keeps_its_place() -> None:
    ids = [uuid5(RUN, str(nth)) for nth in range(3200)]
    longer = [waits(HOURS)[wait_of(id_, 0)] / HOURS - 1 for id_ in ids]
    assert 0 <= min(longer) < 0.01
    assert 0.09 < max(longer) < 0.1
    crowds = [longer.count(each) for each in set(longer)]
    assert len(crowds) == STEPS
    assert max(crowds) < 3 * 3200 / STEPS
    assert longer == [waits(HOURS)[wait_of(id_, 3)] / (FIRST_RETRY * 4) - 1 for id_ in ids]
