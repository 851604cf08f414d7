"""Limits the full runs that a person requests, by what they cost: the requests to Canvas.

A few are always allowed. More are allowed while they are small, because a full run of two courses
costs no more than an incremental one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil

from domain.errors import SyncLimitReached
from domain.events.sync import SyncRequested
from domain.sync_run import SyncRun

WINDOW = timedelta(hours=1)
FREE_FULL_RUNS = 6
"""Full runs in an hour that are allowed whatever they cost."""
MAX_FULL_RUN_REQUESTS = 600
"""Requests to Canvas of the full runs of an hour, above which no more is allowed."""


def require_full_run_allowed(costs: Mapping[str, int], now: datetime) -> None:
    """Refuse a full run that a person requests; `costs` has the requests of each, by its time.

    Raises: SyncLimitReached with the seconds until enough of them are over an hour old.
    """
    recent = recent_costs(costs, now)
    wait = 0
    while len(recent) >= FREE_FULL_RUNS and sum(recent.values()) >= MAX_FULL_RUN_REQUESTS:
        oldest = min(recent)
        wait = ceil((datetime.fromisoformat(oldest) + WINDOW - now).total_seconds())
        del recent[oldest]
    if wait:
        raise SyncLimitReached(max(1, wait))


def recent_costs(costs: Mapping[str, int], now: datetime) -> dict[str, int]:
    """Return the costs of the runs of the last hour."""
    return {at: cost for at, cost in costs.items() if datetime.fromisoformat(at) > now - WINDOW}


def costs_after_request(costs: Mapping[str, int], event: SyncRequested) -> dict[str, int]:
    """Return the costs of the last hour with a run that was just requested: at least 1 request."""
    recent = recent_costs(costs, event.timestamp)
    if event.trigger == "manual" and event.mode == "full":
        recent[event.timestamp.isoformat()] = 1
    return recent


def costs_after_end(costs: dict[str, int], run: SyncRun) -> dict[str, int]:
    """Return the costs of the last hour with what a run that has ended was found to cost."""
    if run["trigger"] == "manual" and run["mode"] == "full" and costs:
        return costs | {max(costs): cost_of(run)}
    return costs


def cost_of(run: SyncRun) -> int:
    """Return the requests of a run; of a cancelled one only how many courses it had is known."""
    return max(1, run["requests"]["total"], run["courses"]["total"])
