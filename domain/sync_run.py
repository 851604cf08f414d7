"""A run: the document that clients receive, and how each event changes it.

This is the only code that applies the events of a run. The aggregate, the read model `sync_log`
and the live messages use it, each with times in its own format.
"""

from typing import TypedDict
from uuid import UUID

from domain.event import Event
from domain.events.sync import (
    Changes,
    CourseFetched,
    CourseFetchFailed,
    CourseWithdrawn,
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

END_EVENTS = (SyncCompleted, SyncFailed, SyncCancelled)
"""The events that end a run."""
RUN_EVENTS = (
    SyncRequested,
    SyncStarted,
    SyncRequeued,
    SyncWidened,
    CourseFetched,
    CourseWithdrawn,
    CourseFetchFailed,
    *END_EVENTS,
)
"""The events that change the document of a run."""


class SyncRun(TypedDict):
    """A run as `GET /sync/logs` shows it; ids and times are text."""

    id: str
    connection_id: str
    trigger: str
    """`setup`, `manual` or `schedule`."""
    mode: str
    """`full` or `incremental`."""
    status: str
    """`queued`, `running`, `completed`, `partial`, `failed` or `cancelled`."""
    started_at: str | None
    """When the first attempt started."""
    finished_at: str | None
    courses: Progress
    changes: Changes
    requests: Requests
    error: dict[str, str] | None
    """`code` and `detail` of the first course that failed, or of the failure of the run."""


def queued_run(
    *, sync_id: UUID | str, connection_id: UUID | str, trigger: str, mode: str
) -> SyncRun:
    """Return the document of a run that is queued and has read nothing."""
    return {
        "id": str(sync_id),
        "connection_id": str(connection_id),
        "trigger": trigger,
        "mode": mode,
        "status": "queued",
        "started_at": None,
        "finished_at": None,
        "courses": {"total": 0, "done": 0, "failed": 0},
        "changes": {"courses": 0, "assignments": 0, "grades": 0},
        "requests": {"total": 0, "not_modified": 0, "retried": 0},
        "error": None,
    }


def run_after(run: SyncRun | None, event: Event, at: str) -> SyncRun | None:
    """Return the run after an event: a new one for SyncRequested, else `run` itself, changed.

    `at` is the time of the event in the format of the document. Without a run, all other events
    are ignored: None stays None.
    """
    if isinstance(event, SyncRequested):
        return queued_run(
            sync_id=event.sync_id,
            connection_id=event.connection_id,
            trigger=event.trigger,
            mode=event.mode,
        )
    if run:
        apply_event(run, event, at)
    return run


def apply_event(run: SyncRun, event: Event, at: str) -> None:
    """Apply an event after the request to a run, in place; other events change nothing."""
    match event:
        case CourseFetched():
            run["courses"] = event.progress
            _add_changes(run, event.changes)
        case SyncStarted():
            run["status"], run["started_at"] = "running", run["started_at"] or at
        case SyncCompleted():
            run["status"] = "partial" if event.progress["failed"] else "completed"
            run["finished_at"] = at
            run["courses"], run["requests"] = event.progress, event.requests
        case CourseWithdrawn():
            _add_changes(run, {"courses": 1, "assignments": 0, "grades": 0})
        case CourseFetchFailed():
            run["courses"] = event.progress
            run["error"] = run["error"] or {"code": event.code, "detail": event.detail}
        case SyncRequeued():
            run["status"], run["error"] = "queued", None
            run["courses"] = {"total": 0, "done": 0, "failed": 0}
        case SyncWidened():
            run["mode"] = "full"
        case SyncFailed():
            run["status"], run["finished_at"] = "failed", at
            run["requests"] = event.requests
            run["error"] = {"code": event.code, "detail": event.detail}
        case SyncCancelled():
            run["status"], run["finished_at"] = "cancelled", at


def _add_changes(run: SyncRun, changes: Changes) -> None:
    before = run["changes"]
    run["changes"] = {
        "courses": before["courses"] + changes["courses"],
        "assignments": before["assignments"] + changes["assignments"],
        "grades": before["grades"] + changes["grades"],
    }
