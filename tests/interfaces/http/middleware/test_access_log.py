from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from interfaces.http.middleware.access_log import (
    REFUSALS_AT_ONCE,
    SECONDS_PER_REFUSAL,
    SUMMARY_SECONDS,
    RequestLog,
)

SCOPE = {"method": "GET", "path": "/api/v1/canvas/courses"}
USER = "00000000-0000-4000-8000-00000000ada1"


class SecondsClock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def lines_of(logs: Any, event: str) -> list[Any]:
    return [log for log in logs if log["event"] == event]


@pytest.mark.parametrize(
    ("method", "user", "status"),
    [
        ("GET", None, 401),
        ("GET", None, 404),
        ("GET", None, 429),
        ("GET", USER, 429),
        ("OPTIONS", None, 200),
    ],
)
def test_a_flood_of_refused_requests_writes_few_lines(
    method: str, user: str | None, status: int
) -> None:
    clock = SecondsClock()
    log = RequestLog(now=clock)
    with capture_logs() as logs:
        for _ in range(1000):
            log.write({**SCOPE, "method": method}, user, status, 0.001)
        assert len(logs) == REFUSALS_AT_ONCE
        clock.seconds += SUMMARY_SECONDS
        log.write({"method": "GET", "path": "/health/live"}, None, 200, 0.001)
    [summary] = lines_of(logs, "requests_not_logged")
    assert summary["requests"] == 1000 - REFUSALS_AT_ONCE
    assert summary["statuses"] == {str(status): 1000 - REFUSALS_AT_ONCE}


@pytest.mark.parametrize(("user", "status"), [(USER, 200), (USER, 404), (USER, 503), (None, 200)])
def test_every_other_request_has_its_line(user: str | None, status: int) -> None:
    log = RequestLog(now=SecondsClock())
    with capture_logs() as logs:
        for _ in range(1000):
            log.write(SCOPE, None, 401, 0.001)
        for _ in range(200):
            log.write(SCOPE, user, status, 0.001)
    assert len([line for line in lines_of(logs, "request") if line["status"] == status]) == 200


@settings(deadline=None)
@given(steps=st.lists(st.floats(0, 2), max_size=200))
def test_every_refused_request_is_counted_once_and_lines_are_bounded(steps: list[float]) -> None:
    clock = SecondsClock()
    log = RequestLog(now=clock)
    with capture_logs() as logs:
        for step in steps:
            clock.seconds += step
            log.write(SCOPE, None, 401, 0.001)
        written = len(logs)
        permitted = REFUSALS_AT_ONCE + clock.seconds / SECONDS_PER_REFUSAL
        assert written <= permitted + clock.seconds / SUMMARY_SECONDS + 2
        clock.seconds += SUMMARY_SECONDS + 1
        log.write(SCOPE, USER, 200, 0.001)
    summaries = sum(line["requests"] for line in lines_of(logs, "requests_not_logged"))
    refused = [line for line in lines_of(logs, "request") if line["status"] == 401]
    assert len(refused) + summaries == len(steps)


async def test_the_application_writes_few_lines_for_a_flood(
    anonymous: httpx2.AsyncClient,
) -> None:
    with capture_logs() as logs:
        for _ in range(3 * REFUSALS_AT_ONCE):
            assert (await anonymous.get("/nowhere")).status_code == 404
    assert len(lines_of(logs, "request")) < 2 * REFUSALS_AT_ONCE
