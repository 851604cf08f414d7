"""Which due connections are admitted, and where the next scan begins."""

from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from uuid import UUID

from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.circuit_breaker import CircuitBreaker
from domain.sync_admission import (
    ScanCursors,
    admit,
    hosts_at_capacity,
    hosts_to_probe,
    hosts_with_open_circuit,
)
from domain.sync_schedule import DueConnection

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIRST, SECOND, THIRD = (f"https://canvas{n}.example" for n in range(3))


def due_connections(*origins: str) -> list[DueConnection]:
    return [
        DueConnection(UUID(int=index), UUID(int=index), origin, NOON + index * MINUTE)
        for index, origin in enumerate(origins)
    ]


def test_one_host_may_use_half_of_the_capacity_and_each_of_two_a_third() -> None:
    assert len(admit(due_connections(*[FIRST] * 99), {}, capacity=60)) == 30
    admitted = admit(due_connections(*islice(cycle([FIRST, SECOND]), 99)), {}, capacity=60)
    assert [connection.origin for connection in admitted].count(FIRST) == 20
    assert [connection.origin for connection in admitted].count(SECOND) == 20


def test_connections_are_admitted_in_due_order() -> None:
    connections = due_connections(FIRST, SECOND, FIRST, THIRD)
    assert admit(connections, {}) == connections
    assert admit(connections, {}, capacity=3) == [connections[0], connections[1], connections[3]]


def test_a_host_at_capacity_leaves_slots_for_other_hosts() -> None:
    queued_runs = {FIRST: 500}
    assert hosts_at_capacity(queued_runs, capacity=1000) == [FIRST]
    assert [
        connection.origin
        for connection in admit(due_connections(FIRST, SECOND), queued_runs, capacity=1000)
    ] == [SECOND]
    assert hosts_at_capacity({FIRST: 499}, capacity=1000) == []


def test_nothing_is_admitted_when_the_queue_is_full() -> None:
    assert admit(due_connections(FIRST, SECOND), {THIRD: 1000}, capacity=1000) == []


@settings(deadline=None)
@for_any(
    st.dictionaries(st.sampled_from([FIRST, SECOND, THIRD]), st.integers(1, 40)),
    st.lists(st.sampled_from([FIRST, SECOND, THIRD, "https://rare.example"]), max_size=99),
    st.integers(1, 50),
)
def test_the_capacity_is_never_exceeded_and_hosts_at_capacity_get_nothing(
    queued_runs: dict[str, int], origins: list[str], capacity: int
) -> None:
    admitted = admit(due_connections(*origins), queued_runs, capacity)
    assert len(admitted) <= max(0, capacity - sum(queued_runs.values()))
    assert {connection.origin for connection in admitted}.isdisjoint(
        hosts_at_capacity(queued_runs, capacity)
    )


def test_hosts_with_an_open_circuit_get_only_a_probe_after_the_open_time() -> None:
    circuits = {
        "failed-twice": CircuitBreaker(failures=2),
        "open": CircuitBreaker(5, 1, NOON + MINUTE),
        "pause-over": CircuitBreaker(5, 1, NOON),
        "pause-over-longer": CircuitBreaker(5, 1, NOON - MINUTE),
        "probed": CircuitBreaker(5, 1, NOON + MINUTE, is_probed=True),
    }
    assert hosts_with_open_circuit(circuits, NOON) == [
        "open",
        "pause-over",
        "pause-over-longer",
        "probed",
    ]
    assert hosts_to_probe(circuits, NOON) == ["pause-over-longer", "pause-over"]


def test_a_cursor_is_used_while_at_least_the_same_hosts_are_skipped() -> None:
    cursors, batch = ScanCursors(), due_connections(FIRST, SECOND)
    first_and_second, only_first, only_second = (
        frozenset([FIRST, SECOND]),
        frozenset([FIRST]),
        frozenset([SECOND]),
    )
    assert cursors.resume_after(only_first, NOON) is None
    cursors.advance(only_first, batch, batch)
    assert cursors.resume_after(only_first, NOON) == batch[-1]
    assert cursors.resume_after(first_and_second, NOON) == batch[-1]
    assert cursors.resume_after(only_second, NOON) is None
    assert cursors.resume_after(frozenset(), NOON) is None


def test_a_full_scan_runs_once_a_minute_and_keeps_the_cursor() -> None:
    cursors, batch, only_first = ScanCursors(), due_connections(FIRST), frozenset([SECOND])
    cursors.resume_after(only_first, NOON)
    cursors.advance(only_first, batch, batch)
    assert cursors.resume_after(only_first, NOON + MINUTE / 2) == batch[0]
    assert cursors.resume_after(only_first, NOON + MINUTE) is None
    assert cursors.resume_after(only_first, NOON + MINUTE) == batch[0]


def test_a_cursor_stops_at_the_first_connection_that_was_not_requested() -> None:
    cursors, batch = ScanCursors(), due_connections(FIRST, SECOND, FIRST, THIRD)
    cursors.resume_after(frozenset([THIRD]), NOON)
    cursors.advance(frozenset([THIRD]), batch, [batch[0], batch[1], batch[3]])
    assert cursors.resume_after(frozenset([THIRD]), NOON) == batch[1]
    cursors.advance(frozenset([FIRST]), batch, batch[1:])
    assert cursors.resume_after(frozenset([FIRST]), NOON) is None


def test_the_furthest_of_several_cursors_is_used() -> None:
    cursors, batch = ScanCursors(), due_connections(FIRST, SECOND)
    cursors.resume_after(frozenset([FIRST]), NOON)
    cursors.advance(frozenset([FIRST]), batch, batch)
    cursors.advance(frozenset([FIRST, SECOND]), batch, batch[:1])
    assert cursors.resume_after(frozenset([FIRST, SECOND]), NOON) == batch[1]
