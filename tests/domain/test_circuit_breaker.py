"""When the circuit of a host opens, when a probe is due, and when it closes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.circuit_breaker import (
    CLOSED,
    FAILURE_THRESHOLD,
    MAX_OPEN_TIME,
    CircuitBreaker,
    open_time,
    postpone,
)

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def breaker_after(failures: int, circuit: CircuitBreaker = CLOSED) -> CircuitBreaker:
    for _ in range(failures):
        circuit = circuit.record_failure(NOON, 0)
    return circuit


def test_the_fifth_failure_in_a_row_opens_the_circuit() -> None:
    assert breaker_after(FAILURE_THRESHOLD - 1).state(NOON) == "closed"
    opened = breaker_after(FAILURE_THRESHOLD)
    assert opened.state(NOON) == "open"
    assert opened.open_until == NOON + MINUTE
    assert not opened.is_probe_due(NOON + MINUTE - SECOND)


def test_after_its_open_time_the_circuit_is_half_open_and_one_probe_is_due() -> None:
    opened, then = breaker_after(FAILURE_THRESHOLD), NOON + MINUTE
    assert (opened.state(then), opened.is_probe_due(then)) == ("half_open", True)
    probed = opened.record_probe(then, 0)
    assert (probed.state(then), probed.is_probe_due(then)) == ("half_open", False)


def test_a_failed_probe_doubles_the_open_time() -> None:
    then = NOON + MINUTE
    reopened = (
        breaker_after(FAILURE_THRESHOLD).record_probe(then, 0).record_failure(then + SECOND, 0)
    )
    assert reopened.state(then + SECOND) == "open"
    assert reopened.open_until == then + SECOND + 2 * MINUTE


def test_any_failed_run_after_the_open_time_counts_as_a_failed_probe() -> None:
    reopened = breaker_after(FAILURE_THRESHOLD).record_failure(NOON + MINUTE, 0)
    assert (reopened.state(NOON + MINUTE), reopened.openings) == ("open", 2)


def test_failures_while_the_circuit_is_open_do_not_extend_the_open_time() -> None:
    opened = breaker_after(FAILURE_THRESHOLD)
    later = opened.record_failure(NOON + 59 * SECOND, 0)
    assert (later.open_until, later.openings) == (opened.open_until, 1)
    assert later.failures == FAILURE_THRESHOLD + 1


def test_another_probe_is_due_when_a_probe_reports_nothing() -> None:
    then = NOON + MINUTE
    probed = breaker_after(FAILURE_THRESHOLD).record_probe(then, 0)
    assert not probed.is_probe_due(then + MINUTE - SECOND)
    assert probed.is_probe_due(then + MINUTE)


def test_the_open_time_doubles_up_to_ten_minutes_and_has_jitter() -> None:
    minutes = [open_time(openings, 0) / MINUTE for openings in range(1, 7)]
    assert minutes == [1, 2, 4, 8, 10, 10]
    assert open_time(900, 0) == MAX_OPEN_TIME
    assert open_time(1, 0.5) == timedelta(seconds=63)


def test_no_probe_is_due_while_the_circuit_is_closed() -> None:
    assert not CLOSED.is_probe_due(NOON)
    assert not breaker_after(FAILURE_THRESHOLD - 1).is_probe_due(NOON + timedelta(days=9))


def test_an_open_circuit_postpones_the_due_time() -> None:
    assert postpone(NOON, None) == NOON
    assert postpone(NOON, NOON + MINUTE) == NOON + MINUTE
    assert postpone(NOON + MINUTE, NOON) == NOON + MINUTE


@settings(deadline=None)
@for_any(
    st.lists(
        st.tuples(
            st.timedeltas(timedelta(0), timedelta(hours=2)),
            st.floats(0, 0.999),
            st.booleans(),
        ),
        max_size=40,
    )
)
def test_a_host_that_does_not_respond_is_probed_once_per_open_time_and_at_most_once_a_minute(
    steps: list[tuple[timedelta, float, bool]],
) -> None:
    circuit, now, max_open_time = breaker_after(FAILURE_THRESHOLD), NOON, MAX_OPEN_TIME * 1.1
    for elapsed, random_value, sends_probe in steps:
        now += elapsed
        assert circuit.open_until
        assert circuit.open_until - now <= max_open_time
        if sends_probe and circuit.is_probe_due(now):
            circuit = circuit.record_probe(now, random_value)
            assert not circuit.is_probe_due(now + MINUTE - SECOND)
        elif not sends_probe:
            circuit = circuit.record_failure(now, random_value)
        assert circuit.state(now) != "closed"
