"""A run of a synchronisation, as its aggregate knows it."""

from typing import TypedDict

from domain.event import Event
from domain.events.sync import (
    Changes,
    CourseFetchFailed,
    Progress,
    Requests,
    SyncCancelled,
    SyncCompleted,
    SyncFailed,
    SyncRequested,
    SyncRequeued,
    SyncStarted,
    SyncWidened,
)


class SyncRun(TypedDict):
    """The newest run: how it was asked for and how far it is."""

    id: str
    trigger: str
    mode: str
    status: str
    worker: str | None
    attempts: int
    started_at: str | None
    finished_at: str | None
    courses: Progress
    changes: Changes
    requests: Requests
    error: dict[str, str] | None


def queued_run(event: SyncRequested) -> SyncRun:
    """A run that waits for its first worker."""
    return SyncRun(
        id=str(event.sync_id),
        trigger=event.trigger,
        mode=event.mode,
        status="queued",
        worker=None,
        attempts=0,
        started_at=None,
        finished_at=None,
        courses=Progress(total=0, done=0, failed=0),
        changes=Changes(courses=0, assignments=0, grades=0),
        requests=Requests(total=0, not_modified=0, retried=0),
        error=None,
    )


def add_changes(run: SyncRun, changes: Changes) -> None:
    """Add differences to those a run has found."""
    before = run["changes"]
    run["changes"] = Changes(
        courses=before["courses"] + changes["courses"],
        assignments=before["assignments"] + changes["assignments"],
        grades=before["grades"] + changes["grades"],
    )


def apply_event(run: SyncRun, event: Event) -> None:
    """Take one fact about a run into it."""
    at = event.timestamp.isoformat()
    if isinstance(event, SyncCompleted | SyncFailed | SyncCancelled):
        run["finished_at"] = at
    match event:
        case SyncStarted():
            run["status"], run["worker"] = "running", event.worker
            run["attempts"] += 1
            run["started_at"] = run["started_at"] or at
        case SyncRequeued():
            run["status"], run["worker"], run["error"] = "queued", None, None
            run["courses"] = Progress(total=0, done=0, failed=0)
        case SyncWidened():
            run["mode"] = "full"
        case CourseFetchFailed():
            run["courses"] = event.progress
            run["error"] = run["error"] or {"code": event.code, "detail": event.detail}
        case SyncCompleted():
            failed = event.progress["failed"]
            run["status"] = "partial" if failed else "completed"
            run["courses"], run["requests"] = event.progress, event.requests
        case SyncFailed():
            run["status"] = "failed"
            run["requests"] = event.requests
            run["error"] = {"code": event.code, "detail": event.detail}
        case SyncCancelled():
            run["status"] = "cancelled"
