"""When a Canvas that does not answer is left alone."""

from datetime import UTC, datetime, timedelta

from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.circuit_breaker import CLOSED, LONGEST_PAUSE, TRIES, Circuit, not_before, pause

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


def after_failures(failures: int, circuit: Circuit = CLOSED) -> Circuit:
    for _ in range(failures):
        circuit = circuit.failed(NOON, 0)
    return circuit


def test_four_failures_in_a_row_leave_a_circuit_closed_and_the_fifth_opens_it() -> None:
    assert after_failures(TRIES - 1).state(NOON) == "closed"
    opened = after_failures(TRIES)
    assert opened.state(NOON) == "open"
    assert opened.open_until == NOON + MINUTE
    assert not opened.wants_probe(NOON + MINUTE - SECOND)


def test_after_the_pause_it_is_half_open_and_wants_one_probe() -> None:
    opened, then = after_failures(TRIES), NOON + MINUTE
    assert (opened.state(then), opened.wants_probe(then)) == ("half_open", True)
    probed = opened.probed(then, 0)
    assert (probed.state(then), probed.wants_probe(then)) == ("half_open", False)


def test_a_probe_that_fails_doubles_the_pause() -> None:
    then = NOON + MINUTE
    again = after_failures(TRIES).probed(then, 0).failed(then + SECOND, 0)
    assert again.state(then + SECOND) == "open"
    assert again.open_until == then + SECOND + 2 * MINUTE


def test_a_failure_of_somebody_elses_run_after_the_pause_is_as_good_as_a_probe() -> None:
    again = after_failures(TRIES).failed(NOON + MINUTE, 0)
    assert (again.state(NOON + MINUTE), again.openings) == ("open", 2)


def test_runs_that_began_before_the_opening_do_not_prolong_it() -> None:
    opened = after_failures(TRIES)
    later = opened.failed(NOON + 59 * SECOND, 0)
    assert (later.open_until, later.openings) == (opened.open_until, 1)
    assert later.failures == TRIES + 1


def test_a_probe_that_never_tells_is_made_up_for_by_another() -> None:
    then = NOON + MINUTE
    probed = after_failures(TRIES).probed(then, 0)
    assert not probed.wants_probe(then + MINUTE - SECOND)
    assert probed.wants_probe(then + MINUTE)


def test_the_pause_doubles_up_to_an_hour_and_has_some_chance_in_it() -> None:
    minutes = [pause(openings, 0) / MINUTE for openings in range(1, 9)]
    assert minutes == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause(900, 0) == LONGEST_PAUSE
    assert pause(1, 0.5) == timedelta(seconds=63)


def test_a_closed_circuit_never_wants_a_probe() -> None:
    assert not CLOSED.wants_probe(NOON)
    assert not after_failures(TRIES - 1).wants_probe(NOON + timedelta(days=9))


def test_a_connection_is_not_due_before_the_circuit_allows() -> None:
    assert not_before(NOON, None) == NOON
    assert not_before(NOON, NOON + MINUTE) == NOON + MINUTE
    assert not_before(NOON + MINUTE, NOON) == NOON + MINUTE


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
def test_whatever_happens_a_silent_host_is_probed_at_least_hourly_and_at_most_once_a_pause(
    happens: list[tuple[timedelta, float, bool]],
) -> None:
    circuit, now, longest = after_failures(TRIES), NOON, LONGEST_PAUSE * 1.1
    for later, chance, probes in happens:
        now += later
        assert circuit.open_until
        assert circuit.open_until - now <= longest
        if probes and circuit.wants_probe(now):
            circuit = circuit.probed(now, chance)
            assert not circuit.wants_probe(now + MINUTE - SECOND)
        elif not probes:
            circuit = circuit.failed(now, chance)
        assert circuit.state(now) != "closed"
