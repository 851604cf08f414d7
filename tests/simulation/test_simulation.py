"""What must hold on any day, in a small world on which a large host hangs from 18 to 20 h."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.sync_schedule import waits
from infrastructure.observability.logging import configure_logs
from tests.simulation import connections, world
from tests.simulation.assumptions import Assumptions
from tests.simulation.institutions import THIRD
from tests.simulation.results import Found
from tests.simulation.scanner import simulate

SMALL = Assumptions(
    connections=2000, institutions=50, workers=2, begins=16, hours=6, samples=8, outages=0
)
HERD = replace(SMALL, connections=800, herd=1, hours=4, warm_up=4, begins=20, wishes=0, deploys=0)
SCAN = 15.0
"""Seconds within which what is due is asked for where there is room."""
RESTART = 60.0
"""Seconds a restart of workers may keep a run."""
LONGEST = max(waits(SMALL.every)).total_seconds()


@pytest.fixture(scope="module")
def day() -> Found:
    configure_logs("error", "json")
    return simulate(SMALL)


def busiest(found: Found) -> float:
    """The part of all connections that is asked for in the busiest minute once it has settled."""
    begins = found.world.warm_up * 60
    return max(many for minute, many in found.asked_in.items() if minute >= begins) / (
        found.world.connections
    )


def test_nobody_whose_canvas_answers_waits_longer_than_the_longest_wait(day: Found) -> None:
    assert day.age_where_answered.many > 0.8 * day.runs
    assert day.age_where_answered.most < LONGEST + SCAN + RESTART


def test_next_sync_at_is_kept_never_early_and_late_by_a_scan_at_most(day: Found) -> None:
    assert day.early == 0
    assert day.late_where_answered.most < SCAN


def test_a_host_is_never_read_by_more_runs_than_it_has_lanes(day: Found) -> None:
    assert day.overfull == 0


def test_everything_is_read_once_in_24_hours(day: Found) -> None:
    assert day.full > 0
    assert day.full_age.most < 24 * 3600


def test_a_host_that_hangs_delays_nobody_else(day: Found) -> None:
    calm = simulate(replace(SMALL, large_outage=0))
    assert day.failed > 0
    assert calm.failed == 0
    assert day.queued.at(0.9) <= calm.queued.at(0.9) + 1
    assert day.age_where_answered.age_at(0.99) < calm.age_where_answered.age_at(0.99) + 60


def test_a_host_that_hangs_is_hardly_asked_and_read_again_when_it_answers(day: Found) -> None:
    assert day.failed < day.sizes[THIRD]
    assert day.host_age[THIRD].most > 2 * 3600
    assert day.host_age[THIRD].most < LONGEST + 2 * 3600 + 3600 * 1.1 + RESTART


def test_a_herd_is_spread_out_by_its_waits() -> None:
    configure_logs("error", "json")
    assert busiest(simulate(HERD)) < 0.15


def test_without_the_spread_a_herd_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logs("error", "json")
    monkeypatch.setattr(connections, "wait_of", lambda _id, _failures: 0)
    assert busiest(simulate(HERD)) > 0.5


def test_a_rule_that_never_reads_everything_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logs("error", "json")
    monkeypatch.setattr(world, "must_be_full", lambda *_: False)
    assert simulate(replace(SMALL, connections=500, hours=1)).full == 0


def test_lanes_that_are_no_limit_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def lane(origin: str, id: UUID, _lanes: int) -> str:
        return f"{origin}/{id}"

    configure_logs("error", "json")
    monkeypatch.setattr(world, "lane", lane)
    few = replace(SMALL, connections=500, lanes=1, hours=1, interval=20.0)
    assert simulate(few).overfull > 0
