"""Records each run that has ended: one log message, one count, one duration."""

from collections.abc import Sequence
from datetime import datetime

import structlog

from domain.aggregate import Aggregate
from domain.event import Event
from domain.events import SyncCancelled, SyncCompleted, SyncFailed
from domain.sync import Sync
from domain.sync_run import SyncRun
from infrastructure.observability.instruments import SYNC_SECONDS, SYNCS

STATUS_BY_EVENT = {SyncCompleted: "completed", SyncFailed: "failed", SyncCancelled: "cancelled"}
logger = structlog.get_logger()


def record_sync_metrics(aggregates: Sequence[Aggregate], events: Sequence[Event]) -> None:
    """Record the runs that these appended events ended; EventStore calls it after each save.

    `aggregates` are those that were saved, with the events applied.
    """
    final_events = [
        event for event in events if isinstance(event, SyncCompleted | SyncFailed | SyncCancelled)
    ]
    for final_event in final_events:
        runs = (each.run for each in aggregates if isinstance(each, Sync))
        _record(
            final_event,
            next((run for run in runs if run and run["id"] == str(final_event.sync_id)), None),
        )


def _record(event: SyncCompleted | SyncFailed | SyncCancelled, run: SyncRun | None) -> None:
    """Record one run; `run` is None if the same save has already requested the next one."""
    status = run["status"] if run else STATUS_BY_EVENT[type(event)]
    mode = run["mode"] if run else "unknown"
    code = event.code if isinstance(event, SyncFailed) else _error_code(run)
    seconds = _duration_seconds(run)
    SYNCS.labels(mode, status, code).inc()
    if seconds is not None:
        SYNC_SECONDS.labels(mode, status).observe(seconds)
    logger.info(
        "run_ended",
        connection_id=str(event.connection_id),
        sync_id=str(event.sync_id),
        mode=mode,
        status=status,
        code=code,
        seconds=seconds,
        courses=run and run["courses"],
        changes=run and run["changes"],
        requests=run and run["requests"],
    )


def _error_code(run: SyncRun | None) -> str:
    error = run["error"] if run and run["status"] != "cancelled" else None
    return error["code"] if error else "none"


def _duration_seconds(run: SyncRun | None) -> float | None:
    started, ended = (run["started_at"], run["finished_at"]) if run else (None, None)
    if not started or not ended:
        return None
    duration = datetime.fromisoformat(ended) - datetime.fromisoformat(started)
    return round(max(0.0, duration.total_seconds()), 3)
