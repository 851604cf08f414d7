"""Logs an outage of the database once for each task that retries, and not for each attempt."""

import time
from collections.abc import Callable

import structlog
from structlog.typing import EventDict, WrappedLogger

QUIET_SECONDS = 300.0
"""Seconds in which the same outage of the same task is not logged again."""

MAX_REMEMBERED = 256

OUTAGE_EVENTS = frozenset(
    {
        "canvas_host_not_saved",
        "canvas_hosts_not_loaded",
        "database_unavailable",
        "expired_keys_not_deleted",
        "heartbeat_missed",
        "lease_not_renewed",
        "metrics_without_database",
        "person_usage_not_read",
        "person_usage_not_saved",
        "poll.failed",
        "process_warning_not_recorded",
        "projection.rebuild_failed",
        "projector.interrupted",
        "queue_unreachable",
        "recovery_postponed",
        "requeue_postponed",
        "runs_wait_for_recovery",
        "scan_postponed",
        "sweep_postponed",
        "worker_restarted",
    }
)
"""Log messages of tasks that try again within seconds, until the database can be used."""

REASON_KEYS = ("reason", "error", "lease", "poller")


class RepeatedOutages:
    """A processor of structlog that drops repetitions, and counts them for the next message."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._logged: dict[tuple[str, ...], tuple[float, int]] = {}

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        """Return the log message, with the number of dropped ones; raises DropEvent for those."""
        name = event.get("event")
        if name not in OUTAGE_EVENTS:
            return event
        key = (str(name), *(str(event.get(part, "")) for part in REASON_KEYS))
        now = self._clock()
        logged_at, dropped = self._logged.pop(key, (float("-inf"), 0))
        if now - logged_at < QUIET_SECONDS:
            self._logged[key] = (logged_at, dropped + 1)
            raise structlog.DropEvent
        if len(self._logged) == MAX_REMEMBERED:
            self._logged.pop(next(iter(self._logged)))
        self._logged[key] = (now, 0)
        return {**event, "repetitions": dropped} if dropped else event
