"""Each run that ended: one line in the log, one count, one duration."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from domain.aggregate import Aggregate
from domain.event import Event
from domain.events import SyncCancelled, SyncCompleted, SyncFailed
from domain.sync import Sync
from domain.sync_run import Run
from infrastructure.observability.instruments import SYNC_SECONDS, SYNCS

STATUSES = {SyncCompleted: "completed", SyncFailed: "failed", SyncCancelled: "cancelled"}
log = structlog.get_logger()


def see_ends(aggregates: Sequence[Aggregate], events: Sequence[Event]) -> None:
    """Tell of the runs that ended with these events, whoever ended them."""
    ends = [
        event for event in events if isinstance(event, SyncCompleted | SyncFailed | SyncCancelled)
    ]
    for end in ends:
        runs = (each.run for each in aggregates if isinstance(each, Sync))
        _see(end, next((run for run in runs if run and run["id"] == str(end.sync_id)), None))


def _see(end: SyncCompleted | SyncFailed | SyncCancelled, run: Run | None) -> None:
    """`run` is None where the next one was asked for in the same breath."""
    status = run["status"] if run else STATUSES[type(end)]
    mode = run["mode"] if run else "unknown"
    code = end.code if isinstance(end, SyncFailed) else _code(run)
    seconds = _seconds(run)
    SYNCS.labels(mode, status, code).inc()
    if seconds is not None:
        SYNC_SECONDS.labels(mode, status).observe(seconds)
    log.info(
        "run_ended",
        connection_id=str(end.connection_id),
        sync_id=str(end.sync_id),
        mode=mode,
        status=status,
        code=code,
        seconds=seconds,
        courses=run and run["courses"],
        changes=run and run["changes"],
        requests=run and run["requests"],
    )


def _code(run: Run | None) -> str:
    error = run["error"] if run and run["status"] != "cancelled" else None
    return error["code"] if error else "none"


def _seconds(run: Run | None) -> float | None:
    began, ended = (run["started_at"], run["finished_at"]) if run else (None, None)
    if not began or not ended:
        return None
    took = datetime.fromisoformat(ended) - datetime.fromisoformat(began)
    return round(max(0.0, took.total_seconds()), 3)
