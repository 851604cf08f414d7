"""When the next run of a connection is due."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from domain.connection import Connection
from domain.errors import SyncNotDue
from domain.event import Event
from domain.events.sync import Progress, Requests
from domain.next_sync import next_run_at, require_due
from domain.sync import Sync
from domain.sync_attempt import Attempt
from domain.sync_schedule import (
    JITTER_STEPS,
    MIN_RETRY_DELAY,
    TRANSIENT_CODES,
    Schedule,
    delay_index,
    delays,
)

PERSON = UUID("00000000-0000-4000-8000-00000000000a")
CONNECTION = UUID("00000000-0000-4000-8000-000000000000")
RUN = UUID("00000000-0000-4000-8000-0000000000f1")
NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)
INTERVAL = timedelta(hours=2)
MINUTE = timedelta(minutes=1)

End = Callable[[Sync, Attempt], None]


def opened_connection() -> Connection:
    return Connection.new(CONNECTION).open(
        person_id=PERSON,
        canvas_url="https://canvas.example",
        canvas_name="Example U",
        canvas_user_id="42",
        canvas_user_name="Ada",
        token_fingerprint="0a1b2c3d",
    )


def request_run(sync: Sync, number: int) -> Attempt:
    run = uuid5(RUN, str(number))
    sync.request(run, connection_id=CONNECTION, person_id=PERSON, trigger="manual", mode="full")
    return Attempt(run, "worker")


def sync_after(*ends: End) -> Sync:
    """A sync after one run for each of these ends."""
    sync = Sync.new(Sync.id_for(CONNECTION))
    for number, end in enumerate(ends):
        attempt = request_run(sync, number)
        sync.start("worker")
        end(sync, attempt)
    return sync


def fail(code: str = "canvas-timeout") -> End:
    return lambda sync, attempt: sync.fail(attempt, code, "", NO_REQUESTS)


def complete(sync: Sync, attempt: Attempt) -> None:
    sync.complete(attempt, Progress(total=1, done=1, failed=0), NO_REQUESTS)


def cancel(sync: Sync, _attempt: Attempt) -> None:
    sync.cancel()


def delay_of(sync: Sync, interval: timedelta = INTERVAL) -> timedelta:
    due_at = next_run_at(opened_connection(), sync, interval)
    assert due_at
    assert sync.idle_since
    return due_at - datetime.fromisoformat(sync.idle_since)


def test_a_connection_is_due_an_interval_after_its_last_run_ended() -> None:
    sync = sync_after(complete)
    assert sync.run
    assert sync.idle_since == sync.run["finished_at"]
    assert delay_of(sync) == INTERVAL


def test_a_connection_never_synced_is_due_an_interval_after_it_was_opened() -> None:
    connection = opened_connection()
    due_at = next_run_at(connection, Sync.new(Sync.id_for(CONNECTION)), INTERVAL)
    assert due_at == datetime.fromisoformat(connection.opened_at or "") + INTERVAL


def test_the_retry_delay_doubles_with_each_transient_failure() -> None:
    minutes = [delay_of(sync_after(*[fail()] * failures)) / MINUTE for failures in range(1, 8)]
    assert minutes == [5, 10, 20, 40, 80, 120, 120]


@pytest.mark.parametrize("failures", [1, 2, 13, 500])
def test_the_retry_delay_is_at_most_the_interval(failures: int) -> None:
    for interval in (MINUTE, INTERVAL, timedelta(weeks=1)):
        assert delays(interval)[delay_index(CONNECTION, failures)] == min(
            interval, MIN_RETRY_DELAY * 2 ** min(failures - 1, 20)
        )


@pytest.mark.parametrize("code", sorted(TRANSIENT_CODES))
def test_a_transient_failure_is_retried_soon(code: str) -> None:
    assert delay_of(sync_after(fail(code))) == MIN_RETRY_DELAY


@pytest.mark.parametrize(
    "code",
    [
        "canvas-token-rejected",
        "canvas-forbidden",
        "canvas-answer-unusable",
        "connection-not-active",
    ],
)
def test_a_permanent_failure_is_retried_after_the_interval(code: str) -> None:
    assert delay_of(sync_after(fail(), fail(code))) == INTERVAL


@pytest.mark.parametrize("end", [complete, cancel, fail("canvas-forbidden")])
def test_any_other_end_resets_the_count_of_failures(end: End) -> None:
    assert delay_of(sync_after(fail(), fail(), end)) == INTERVAL
    assert delay_of(sync_after(fail(), fail(), end, fail())) == MIN_RETRY_DELAY


def test_while_a_run_is_active_the_next_is_due_an_interval_after_its_request() -> None:
    sync = sync_after(fail(), fail())
    before = sync.idle_since
    request_run(sync, 9)
    assert sync.idle_since != before
    assert delay_of(sync) == INTERVAL
    sync.start("worker")
    assert delay_of(sync) == INTERVAL
    sync.cancel()
    assert delay_of(sync) == INTERVAL


@pytest.mark.parametrize(
    "stop", [lambda c: c.close(), lambda c: c.reject_token("revoked")], ids=["closed", "rejected"]
)
def test_a_connection_without_a_valid_token_is_never_due(stop: Callable[[Connection], Any]) -> None:
    connection, sync = opened_connection(), sync_after(complete)
    stop(connection)
    assert next_run_at(connection, sync, INTERVAL) is None
    with pytest.raises(SyncNotDue):
        require_due(connection, sync, now=datetime.max.replace(tzinfo=UTC), interval=INTERVAL)


def test_a_scheduled_request_before_the_due_time_is_refused() -> None:
    connection, sync = opened_connection(), sync_after(complete)
    due_at = next_run_at(connection, sync, INTERVAL)
    assert due_at
    require_due(connection, sync, now=due_at, interval=INTERVAL)
    with pytest.raises(SyncNotDue):
        require_due(connection, sync, now=due_at - timedelta(microseconds=1), interval=INTERVAL)


def test_jitter_spreads_connections_over_a_tenth_of_the_delay() -> None:
    ids = [uuid5(RUN, str(number)) for number in range(3200)]
    jitters = [delays(INTERVAL)[delay_index(id_, 0)] / INTERVAL - 1 for id_ in ids]
    assert 0 <= min(jitters) < 0.01
    assert 0.09 < max(jitters) < 0.1
    counts = [jitters.count(jitter) for jitter in set(jitters)]
    assert len(counts) == JITTER_STEPS
    assert max(counts) < 3 * 3200 / JITTER_STEPS
    assert jitters == [
        delays(INTERVAL)[delay_index(id_, 3)] / (MIN_RETRY_DELAY * 4) - 1 for id_ in ids
    ]


def test_the_schedule_counts_transient_failures_and_ignores_them_while_a_run_is_active() -> None:
    sync = sync_after(fail(), fail())
    idle = sync.schedule
    assert idle
    assert (idle.failures, idle.delay_index) == (2, delay_index(CONNECTION, 2))
    request_run(sync, 9)
    active = sync.schedule
    assert active
    assert (active.failures, active.delay_index) == (2, delay_index(CONNECTION, 0))
    assert active.idle_since > idle.idle_since
    sync.start("worker")
    assert sync.schedule == active


def test_a_connection_has_no_schedule_of_its_sync_before_the_first_request() -> None:
    assert Sync.new(Sync.id_for(CONNECTION)).schedule is None
    at = datetime(2026, 9, 1, tzinfo=UTC)
    assert Schedule.at_opening(CONNECTION, at).due_at(INTERVAL) == at + INTERVAL


def test_only_the_request_and_the_end_of_a_run_change_the_schedule() -> None:
    at = datetime(2026, 9, 1, tzinfo=UTC)
    schedule = Schedule(at, 3, delay_index(CONNECTION, 3))
    sync = sync_after()
    request_run(sync, 1)
    sync.start("worker")
    sync.cancel()
    requested, started, cancelled = sync.collect_events()
    assert isinstance(requested, Event)
    assert isinstance(started, Event)
    assert isinstance(cancelled, Event)
    later = at + MINUTE
    assert schedule.after(started, later) is schedule
    assert schedule.after(requested, later) == Schedule(later, 3, delay_index(CONNECTION, 0))
    assert schedule.after(cancelled, later) == Schedule.at_opening(CONNECTION, later)
