"""Whose turn it is."""

from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from uuid import UUID

from hypothesis import given as for_any
from hypothesis import settings
from hypothesis import strategies as st

from domain.circuit_breaker import Circuit
from domain.sync_admission import Fronts, admitted, crowded, left_alone, to_be_probed
from domain.sync_schedule import Due

NOON = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
FIRST, SECOND, THIRD = (f"https://canvas{n}.example" for n in range(3))


def due(*origins: str) -> list[Due]:
    return [
        Due(UUID(int=nth), UUID(int=nth), origin, NOON + nth * MINUTE)
        for nth, origin in enumerate(origins)
    ]


def test_a_host_alone_may_fill_half_of_the_room_and_each_of_two_a_third() -> None:
    assert len(admitted(due(*[FIRST] * 99), {}, room=60)) == 30
    found = admitted(due(*islice(cycle([FIRST, SECOND]), 99)), {}, room=60)
    assert [each.origin for each in found].count(FIRST) == 20
    assert [each.origin for each in found].count(SECOND) == 20


def test_what_is_due_longest_comes_first() -> None:
    wanted = due(FIRST, SECOND, FIRST, THIRD)
    assert admitted(wanted, {}) == wanted
    assert admitted(wanted, {}, room=3) == [wanted[0], wanted[1], wanted[3]]


def test_a_host_whose_runs_pile_up_leaves_room_for_the_others() -> None:
    waiting = {FIRST: 500}
    assert crowded(waiting, room=1000) == [FIRST]
    assert [each.origin for each in admitted(due(FIRST, SECOND), waiting, room=1000)] == [SECOND]
    assert crowded({FIRST: 499}, room=1000) == []


def test_when_the_room_is_full_nobody_is_asked_for() -> None:
    assert admitted(due(FIRST, SECOND), {THIRD: 1000}, room=1000) == []


@settings(deadline=None)
@for_any(
    st.dictionaries(st.sampled_from([FIRST, SECOND, THIRD]), st.integers(1, 40)),
    st.lists(st.sampled_from([FIRST, SECOND, THIRD, "https://rare.example"]), max_size=99),
    st.integers(1, 50),
)
def test_the_room_is_never_overfilled_and_the_crowded_get_nothing(
    waiting: dict[str, int], origins: list[str], room: int
) -> None:
    found = admitted(due(*origins), waiting, room)
    assert len(found) <= max(0, room - sum(waiting.values()))
    assert {each.origin for each in found}.isdisjoint(crowded(waiting, room))


def test_silent_hosts_are_left_alone_but_for_a_probe_when_the_pause_is_over() -> None:
    circuits = {
        "failed-twice": Circuit(failures=2),
        "open": Circuit(5, 1, NOON + MINUTE),
        "pause-over": Circuit(5, 1, NOON),
        "pause-over-longer": Circuit(5, 1, NOON - MINUTE),
        "probed": Circuit(5, 1, NOON + MINUTE, is_probed=True),
    }
    assert left_alone(circuits, NOON) == ["open", "pause-over", "pause-over-longer", "probed"]
    assert to_be_probed(circuits, NOON) == ["pause-over-longer", "pause-over"]


def test_a_front_serves_while_at_least_the_same_hosts_are_passed_by() -> None:
    fronts, batch = Fronts(), due(FIRST, SECOND)
    both, one, other = frozenset([FIRST, SECOND]), frozenset([FIRST]), frozenset([SECOND])
    assert fronts.start(one, NOON) is None
    fronts.reach(one, batch, batch)
    assert fronts.start(one, NOON) == batch[-1]
    assert fronts.start(both, NOON) == batch[-1]
    assert fronts.start(other, NOON) is None
    assert fronts.start(frozenset(), NOON) is None


def test_once_a_minute_everything_is_looked_at_and_the_front_outlives_it() -> None:
    fronts, batch, one = Fronts(), due(FIRST), frozenset([SECOND])
    fronts.start(one, NOON)
    fronts.reach(one, batch, batch)
    assert fronts.start(one, NOON + MINUTE / 2) == batch[0]
    assert fronts.start(one, NOON + MINUTE) is None
    assert fronts.start(one, NOON + MINUTE) == batch[0]


def test_a_front_goes_no_further_than_there_was_room() -> None:
    fronts, batch = Fronts(), due(FIRST, SECOND, FIRST, THIRD)
    fronts.start(frozenset([THIRD]), NOON)
    fronts.reach(frozenset([THIRD]), batch, [batch[0], batch[1], batch[3]])
    assert fronts.start(frozenset([THIRD]), NOON) == batch[1]
    fronts.reach(frozenset([FIRST]), batch, batch[1:])
    assert fronts.start(frozenset([FIRST]), NOON) is None


def test_of_several_fronts_the_furthest_serves() -> None:
    fronts, batch = Fronts(), due(FIRST, SECOND)
    fronts.start(frozenset([FIRST]), NOON)
    fronts.reach(frozenset([FIRST]), batch, batch)
    fronts.reach(frozenset([FIRST, SECOND]), batch, batch[:1])
    assert fronts.start(frozenset([FIRST, SECOND]), NOON) == batch[1]
