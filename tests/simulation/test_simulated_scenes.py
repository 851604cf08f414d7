"""On the bad days of a Canvas host the service sends few requests, and each person one message."""

from collections import Counter
from itertools import pairwise

import pytest

from domain.circuit_breaker import (
    FAILURE_THRESHOLD,
    JITTER_FRACTION,
    MAX_OPEN_TIME,
    MIN_OPEN_TIME,
)
from infrastructure.canvas.limits import DEFAULT_LIMITS
from infrastructure.observability.logging import configure_logging
from infrastructure.scheduling.scanner import SCAN_INTERVAL_SECONDS
from tests.simulation.canvas_hosts import CanvasHosts
from tests.simulation.outcomes import COMPLETED, TOKEN_REJECTED
from tests.simulation.simulated_scenes import (
    BEGINS_AT,
    HOST,
    SCENE,
    EndedRun,
    Scene,
    play_host_away,
    play_tokens_revoked,
)

OPENING_SECONDS = 5 * 60
"""Until then, the runs that were under way or queued when the host went away have ended."""
LONGEST_PAUSE_SECONDS = (1 + JITTER_FRACTION) * MAX_OPEN_TIME.total_seconds()
MINUTE_SECONDS = 60.0
WHOLE_AFTER_NEW_TOKEN_SECONDS = 10.0
CATCH_UP_SECONDS = 45 * MINUTE_SECONDS
"""The time for one run of each of 10,000 connections with eight at a time."""


@pytest.fixture(scope="module")
def hanging() -> Scene:
    configure_logging("error", "json")
    return play_host_away("hangs")


@pytest.fixture(scope="module")
def revoked() -> Scene:
    configure_logging("error", "json")
    return play_tokens_revoked()


def first_and_later(scene: Scene) -> tuple[list[EndedRun], list[EndedRun]]:
    """Return the runs that sent requests: those until the circuit was open, and the probes."""
    sent = scene.runs_with_requests()
    opened_at = BEGINS_AT + OPENING_SECONDS
    return (
        [run for run in sent if run.started_at < opened_at],
        [run for run in sent if run.started_at >= opened_at],
    )


def shortest_gap(runs: list[EndedRun]) -> float:
    """Return the shortest time between the starts of two runs, in seconds."""
    return min(later.started_at - earlier.started_at for earlier, later in pairwise(runs))


def test_a_host_that_is_away_gets_few_runs_and_then_one_request_a_minute_at_most(
    hanging: Scene,
) -> None:
    first, probes = first_and_later(hanging)
    assert FAILURE_THRESHOLD <= len(first) <= FAILURE_THRESHOLD + 2 * SCENE.lanes
    assert {run.requests for run in probes} == {1}
    assert shortest_gap(probes) >= MIN_OPEN_TIME.total_seconds()
    longest_pause = LONGEST_PAUSE_SECONDS + DEFAULT_LIMITS.first_byte_seconds
    seconds = hanging.ends_at - BEGINS_AT
    assert len(probes) >= seconds / (longest_pause + 2 * SCAN_INTERVAL_SECONDS) - 1


def test_every_person_receives_one_message_while_their_host_is_away(hanging: Scene) -> None:
    assert len(hanging.connections) > 9_900
    assert hanging.messages.failures == dict.fromkeys(hanging.connections, 1)


def test_every_connection_has_one_run_without_a_request_and_seldom_another(hanging: Scene) -> None:
    held_back = Counter(run.connection for run in hanging.failed_runs() if not run.requests)
    assert set(held_back.values()) == {1}
    assert len(hanging.failed_runs()) < 1.1 * len(hanging.connections)


def test_other_hosts_are_read_as_always_while_one_is_away(hanging: Scene) -> None:
    others = [run for run in hanging.runs if run.host != HOST]
    assert all(run.outcome is COMPLETED for run in others)
    runs_of_others = Counter(run.connection for run in others)
    hours = (hanging.ends_at - BEGINS_AT) / 3600
    assert len(runs_of_others) == len(hanging.hosts) - len(hanging.connections)
    assert min(runs_of_others.values()) >= hours * 60 / (SCENE.interval * 1.1) - 1


def test_after_the_return_of_the_host_every_connection_is_read(hanging: Scene) -> None:
    completed_at = hanging.first_completion_after(hanging.ends_at)
    assert set(completed_at) == set(hanging.connections)
    first, last = min(completed_at.values()), max(completed_at.values())
    hanging_probe = DEFAULT_LIMITS.first_byte_seconds
    assert first - hanging.ends_at < LONGEST_PAUSE_SECONDS + hanging_probe + MINUTE_SECONDS
    assert last - first < CATCH_UP_SECONDS


def test_a_sync_that_a_person_requests_finds_that_the_host_has_returned() -> None:
    configure_logging("error", "json")
    scene = play_host_away("refuses", hours=2, connections=2_000, manual_sync_after=5)
    first, probes = first_and_later(scene)
    assert len(first) <= FAILURE_THRESHOLD + 2 * SCENE.lanes
    assert shortest_gap(probes) >= MIN_OPEN_TIME.total_seconds()
    completed_at = scene.first_completion_after(scene.ends_at)
    assert min(completed_at.values()) - scene.ends_at < MINUTE_SECONDS
    assert max(completed_at.values()) - scene.ends_at < CATCH_UP_SECONDS


def test_runs_that_are_not_held_back_are_detected(monkeypatch: pytest.MonkeyPatch) -> None:
    configure_logging("error", "json")
    monkeypatch.setattr(CanvasHosts, "admits_scheduled_run", lambda *_: True)
    _, probes = first_and_later(play_host_away("hangs", hours=0.5, after=0))
    assert shortest_gap(probes) < MIN_OPEN_TIME.total_seconds()


def test_a_revoked_token_costs_one_run_and_then_nothing(revoked: Scene) -> None:
    failed = revoked.failed_runs()
    assert all(run.outcome is TOKEN_REJECTED for run in failed)
    assert Counter(run.connection for run in failed) == dict.fromkeys(revoked.connections, 1)
    assert max(run.requests for run in failed) <= 3
    assert sum(run.requests for run in failed) < 2 * len(revoked.connections)
    rejected_at = {run.connection: run.ended_at for run in failed}
    later = {
        run.connection
        for run in revoked.runs
        if run.connection in rejected_at and run.started_at > rejected_at[run.connection]
    }
    assert later == set(revoked.token_entered_at)


def test_every_person_receives_one_message_about_a_revoked_token(revoked: Scene) -> None:
    assert revoked.messages.failures == dict.fromkeys(revoked.connections, 1)


def test_a_connection_is_whole_ten_seconds_after_a_new_token(revoked: Scene) -> None:
    completed_at = revoked.first_completion_after(BEGINS_AT)
    waits = [completed_at[id_] - at for id_, at in revoked.token_entered_at.items()]
    assert len(waits) == 300
    assert max(waits) < WHOLE_AFTER_NEW_TOKEN_SECONDS


def test_revoked_tokens_of_one_host_do_not_affect_others(revoked: Scene) -> None:
    others = [run for run in revoked.runs if run.host != HOST]
    assert all(run.outcome is COMPLETED for run in others)
    assert len({run.connection for run in others}) == len(revoked.hosts) - len(revoked.connections)
