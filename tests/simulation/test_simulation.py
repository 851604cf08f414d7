"""What must be true on any day: a small simulation in which a large host hangs from 18 to 20 h."""

from dataclasses import replace
from uuid import UUID

import pytest

from domain.circuit_breaker import JITTER_FRACTION, MAX_OPEN_TIME
from domain.sync_schedule import delays
from infrastructure.observability.logging import configure_logging
from tests.simulation import connections, world
from tests.simulation.assumptions import Assumptions
from tests.simulation.institutions import LARGE_OUTAGE_HOST
from tests.simulation.results import Results
from tests.simulation.simulate import simulate

SMALL = Assumptions(
    connections=2000, institutions=50, workers=2, start_hour=16, hours=6, samples=8, outages=0
)
HERD = replace(
    SMALL, connections=800, herd=1, hours=4, warm_up=4, start_hour=20, manual_syncs=0, deploys=0
)
MAX_SCAN_DELAY_SECONDS = 15.0
"""If queue and lanes are not full, a due connection gets its run within this time."""
MAX_RESTART_DELAY_SECONDS = 60.0
"""A restart of the workers delays a run by at most this time."""
LONGEST_PAUSE_SECONDS = (1 + JITTER_FRACTION) * MAX_OPEN_TIME.total_seconds()
"""A host that responds again gets a run within this time."""
LONGEST_WAIT_SECONDS = max(delays(SMALL.sync_interval)).total_seconds()


@pytest.fixture(scope="module")
def day() -> Results:
    configure_logging("error", "json")
    return simulate(SMALL)


def busiest_minute_share(results: Results) -> float:
    """The share of all connections that get a run in the busiest minute after the warm-up."""
    first_minute = results.assumptions.warm_up * 60
    return max(
        count for minute, count in results.runs_by_minute.items() if minute >= first_minute
    ) / (results.assumptions.connections)


def test_connections_at_responding_hosts_wait_at_most_the_longest_interval(day: Results) -> None:
    assert day.age_at_healthy_hosts.count > 0.8 * day.runs
    assert (
        day.age_at_healthy_hosts.maximum
        < LONGEST_WAIT_SECONDS + MAX_SCAN_DELAY_SECONDS + MAX_RESTART_DELAY_SECONDS
    )


def test_runs_are_never_early_and_late_by_one_scan_at_most(day: Results) -> None:
    assert day.early_requests == 0
    assert day.delay_at_healthy_hosts.maximum < MAX_SCAN_DELAY_SECONDS


def test_a_host_never_has_more_runs_than_lanes(day: Results) -> None:
    assert day.over_lane_limit == 0


def test_every_connection_has_a_full_run_within_24_hours(day: Results) -> None:
    assert day.full_runs > 0
    assert day.full_age.maximum < 24 * 3600


def test_a_hanging_host_does_not_delay_other_hosts(day: Results) -> None:
    day_without_outage = simulate(replace(SMALL, large_outage=0))
    assert day.failed_runs > 0
    assert day_without_outage.failed_runs == 0
    assert day.queue_time.quantile(0.9) <= day_without_outage.queue_time.quantile(0.9) + 1
    assert (
        day.age_at_healthy_hosts.age_quantile(0.99)
        < day_without_outage.age_at_healthy_hosts.age_quantile(0.99) + 60
    )


def test_a_hanging_host_gets_few_runs_and_recovers_after_the_outage(day: Results) -> None:
    assert 0 < day.failed_runs - day.held_back_runs < day.host_sizes[LARGE_OUTAGE_HOST] / 2
    assert day.host_age[LARGE_OUTAGE_HOST].maximum > 2 * 3600
    assert (
        day.host_age[LARGE_OUTAGE_HOST].maximum
        < LONGEST_WAIT_SECONDS + 2 * 3600 + LONGEST_PAUSE_SECONDS + MAX_RESTART_DELAY_SECONDS
    )


def test_jitter_spreads_a_herd() -> None:
    configure_logging("error", "json")
    assert busiest_minute_share(simulate(HERD)) < 0.15


def test_without_jitter_a_herd_stays_together(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging("error", "json")
    monkeypatch.setattr(connections, "delay_index", lambda _id, _failures: 0)
    assert busiest_minute_share(simulate(HERD)) > 0.5


def test_a_rule_without_full_runs_is_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging("error", "json")
    monkeypatch.setattr(world, "needs_full_sync", lambda *_: False)
    assert simulate(replace(SMALL, connections=500, hours=1)).full_runs == 0


def test_lanes_without_a_limit_are_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    def lane_name(origin: str, id: UUID, _lanes: int) -> str:
        return f"{origin}/{id}"

    configure_logging("error", "json")
    monkeypatch.setattr(world, "lane_name", lane_name)
    assumptions = replace(SMALL, connections=500, lanes=1, hours=1, interval=20.0)
    assert simulate(assumptions).over_lane_limit > 0
