"""An outage is logged once for each task that retries."""

from pathlib import Path

import pytest
import structlog

from infrastructure.observability.repeated_outages import (
    MAX_REMEMBERED,
    OUTAGE_EVENTS,
    QUIET_SECONDS,
    RepeatedOutages,
)

ROOT = Path(__file__).parents[3]


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def process(clock: Clock) -> RepeatedOutages:
    return RepeatedOutages(clock)


def _is_logged(process: RepeatedOutages, **event: object) -> bool:
    try:
        process(None, "warning", dict(event))
    except structlog.DropEvent:
        return False
    return True


def test_the_same_reason_is_logged_once_in_a_while(process: RepeatedOutages, clock: Clock) -> None:
    outage = {"event": "heartbeat_missed", "reason": "read-only"}
    assert [_is_logged(process, **outage) for _ in range(3)] == [True, False, False]
    assert _is_logged(process, **outage | {"reason": "connection refused"})
    clock.now = QUIET_SECONDS
    assert process(None, "warning", dict(outage)) == {**outage, "repetitions": 2}
    assert not _is_logged(process, **outage)


def test_tasks_are_logged_apart_from_each_other(process: RepeatedOutages) -> None:
    for lease in ("scan", "sweep"):
        assert _is_logged(process, event="lease_not_renewed", lease=lease, reason="read-only")


def test_other_messages_are_never_dropped(process: RepeatedOutages) -> None:
    assert all(_is_logged(process, event="request", status=503) for _ in range(3))


def test_what_is_remembered_is_bounded(process: RepeatedOutages) -> None:
    for number in range(MAX_REMEMBERED + 50):
        assert _is_logged(process, event="queue_unreachable", reason=str(number))
    assert len(process._logged) == MAX_REMEMBERED
    assert _is_logged(process, event="queue_unreachable", reason="0")


@pytest.mark.parametrize("name", sorted(OUTAGE_EVENTS))
def test_each_message_is_one_that_the_program_logs(name: str) -> None:
    sources = [
        file.read_text()
        for package in ("infrastructure", "interfaces")
        for file in (ROOT / package).rglob("*.py")
        if file.name != "repeated_outages.py"
    ]
    assert any(f'"{name}"' in source for source in sources)
