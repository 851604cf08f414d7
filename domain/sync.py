"""Everything ever synchronised over one connection."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.canvas import Assignment, Course
from domain.change_feed import FeedEntry
from domain.course_diff import CourseDiff, CourseSnapshot, apply_to_snapshot, diff, empty_snapshot
from domain.errors import NoSyncRunning, SyncAlreadyRunning, SyncIsOver
from domain.event import Event
from domain.events.sync import (
    Changes,
    CourseFetched,
    CourseFetchFailed,
    CourseWithdrawn,
    DueDateChanged,
    GradeChanged,
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
from domain.stale_courses import FeedContent, changed_course_ids, courses_to_fetch
from domain.sync_attempt import GIVE_UP_REASONS, MAX_SYNC_ATTEMPTS, Attempt
from domain.sync_run import SyncRun, add_changes, apply_event, queued_run
from domain.sync_schedule import failures_after, needs_full_sync


class Sync(Aggregate):
    """Decides what differs from the last sighting, and that there is one run at a time."""

    class_version = 5
    """Of its snapshots: one more where what is remembered, or what digests are made of, changes."""

    connection_id: UUID

    def reset(self) -> None:
        """Set the state before the first event."""
        self.run: SyncRun | None = None
        self.completed_once = False
        self.last_completed_at: str | None = None
        self.idle_since: str | None = None
        self.consecutive_failures = 0
        self.last_full_sync_at: str | None = None
        self.planner_validator: str | None = None
        self.courses: dict[str, CourseSnapshot] = {}
        self.failed_courses: dict[str, str] = {}

    @classmethod
    def id_for(cls, connection_id: UUID) -> UUID:
        """The stream of a connection's synchronisation."""
        return uuid5(connection_id, "sync")

    @property
    def active_run(self) -> SyncRun | None:
        """The run that is queued or running, if any."""
        return self.run if self.run and self.run["status"] in {"queued", "running"} else None

    @property
    def attempt(self) -> Attempt | None:
        """The attempt under way, if any."""
        run = self.active_run
        return Attempt(UUID(run["id"]), run["worker"]) if run and run["worker"] else None

    # Decisions: the run

    def request(
        self, sync_id: UUID, *, connection_id: UUID, person_id: UUID, trigger: str, mode: str
    ) -> None:
        """Queue a run; the same request twice is one, another while one lives is refused."""
        if self.run and self.run["id"] == str(sync_id):
            return
        if self.active_run:
            raise SyncAlreadyRunning(UUID(self.active_run["id"]))
        self.trigger_event(
            SyncRequested,
            connection_id=connection_id,
            sync_id=sync_id,
            person_id=person_id,
            trigger=trigger,
            mode=mode,
        )

    def choose_mode(self, requested_mode: str, *, now: datetime, interval: timedelta) -> str:
        """How a run asked for now reads: everything, if the next one would come too late for it."""
        last_full = (
            datetime.fromisoformat(self.last_full_sync_at) if self.last_full_sync_at else None
        )
        is_full = requested_mode == "full" or needs_full_sync(last_full, now, interval)
        return "full" if is_full else "incremental"

    def start(self, worker: str) -> Attempt:
        """Let a worker take the queued run on, whichever it is; raises NoSyncRunning."""
        if not self.active_run:
            raise NoSyncRunning
        attempt = Attempt(UUID(self.active_run["id"]), worker)
        if self.active_run["status"] == "queued":
            self._record(SyncStarted, attempt.sync_id, worker=worker)
        elif self.attempt != attempt:
            raise SyncAlreadyRunning(attempt.sync_id)
        return attempt

    def fall_back_to_full(self, attempt: Attempt, code: str, detail: str) -> None:
        """Let an incremental run read everything after all."""
        if self.require_active_attempt(attempt)["mode"] == "incremental":
            self._record(SyncWidened, attempt.sync_id, code=code, detail=detail)

    def complete(
        self,
        attempt: Attempt,
        progress: Progress,
        requests: Requests,
        planner_validator: str | None = None,
    ) -> None:
        """End a run that read everything it could; one that could read no course has failed."""
        run = self.require_active_attempt(attempt)
        if run["error"] and not progress["done"]:
            self._record(SyncFailed, attempt.sync_id, **run["error"], requests=requests)
        else:
            self._record(
                SyncCompleted,
                attempt.sync_id,
                progress=progress,
                requests=requests,
                planner_validator=planner_validator,
            )

    def fail(self, attempt: Attempt, code: str, detail: str, requests: Requests) -> None:
        """End a run early, with the reason."""
        self.require_active_attempt(attempt)
        self._record(SyncFailed, attempt.sync_id, code=code, detail=detail, requests=requests)

    def requeue(self, attempt: Attempt, reason: str) -> None:
        """Let another worker take the run on; one that was often given up has failed."""
        run = self.require_active_attempt(attempt)
        if run["attempts"] < MAX_SYNC_ATTEMPTS:
            self._record(SyncRequeued, attempt.sync_id, reason=reason)
        else:
            self.give_up(attempt, reason)

    def give_up(self, attempt: Attempt, reason: str) -> None:
        """End a run for good that its worker gave up."""
        code, detail = GIVE_UP_REASONS[reason]
        self.fail(attempt, code, detail, self.require_active_attempt(attempt)["requests"])

    def cancel(self) -> None:
        """Call the live run off."""
        if not self.active_run:
            raise NoSyncRunning
        self._record(SyncCancelled, UUID(self.active_run["id"]))

    # Decisions: what was seen

    def has_changes(self, entries: Iterable[FeedEntry]) -> bool:
        """Whether a feed tells of anything that is not as remembered."""
        return bool(changed_course_ids(self.courses, entries, self.last_full_sync_at))

    def courses_to_fetch(self, courses: Sequence[Course], feeds: FeedContent) -> set[str]:
        """The ids of the courses an incremental run reads; a last run could not read some."""
        return (
            courses_to_fetch(self.courses, courses, feeds, self.last_full_sync_at)
            | self.failed_courses.keys()
        )

    def withdraw_unlisted(self, attempt: Attempt, listed_ids: set[str]) -> None:
        """Withdraw every course seen before that Canvas lists no longer."""
        self.require_active_attempt(attempt)
        for course_id in sorted(self.courses.keys() - listed_ids):
            if self.courses[course_id]["present"]:
                self._record(CourseWithdrawn, attempt.sync_id, course_id=course_id)

    def record_course(
        self,
        attempt: Attempt,
        course: Course,
        assignments: list[Assignment] | None,
        progress: Progress,
    ) -> None:
        """Record what differs in one course; nothing when a person would notice nothing.

        `assignments` is None where Canvas does not show them: what was known of them stays.
        """
        self.require_active_attempt(attempt)
        snapshot = self.courses.get(course["canvas_id"]) or empty_snapshot()
        changes = diff(snapshot, course, assignments)
        if changes.is_empty:
            return
        self._record(
            CourseFetched,
            attempt.sync_id,
            course=course,
            assignments=changes.assignments,
            removed=changes.removed,
            changes=changes.change_counts,
            progress=progress,
        )
        self._record_changes(attempt.sync_id, course["canvas_id"], changes)

    def record_fetch_failure(
        self, attempt: Attempt, course_id: str, code: str, detail: str, progress: Progress
    ) -> None:
        """Record that one course could not be read."""
        self.require_active_attempt(attempt)
        self._record(
            CourseFetchFailed,
            attempt.sync_id,
            course_id=course_id,
            code=code,
            detail=detail,
            progress=progress,
        )

    def _record_changes(self, sync_id: UUID, course_id: str, changes: CourseDiff) -> None:
        for due in changes.due_dates:
            self._record(DueDateChanged, sync_id, course_id=course_id, **due._asdict())
        for score in changes.scores:
            self._record(
                GradeChanged,
                sync_id,
                subject="assignment" if score.assignment_id else "course",
                course_id=course_id,
                baseline=not self.completed_once,
                **score._asdict(),
            )

    def require_active_attempt(self, attempt: Attempt) -> SyncRun:
        """Refuse the words of a run that is over, or that another worker has taken on."""
        if not self.active_run or self.attempt != attempt:
            raise SyncIsOver(attempt.sync_id)
        return self.active_run

    def _record(self, event: type[Event], sync_id: UUID, **fields: Any) -> None:
        self.trigger_event(event, connection_id=self.connection_id, sync_id=sync_id, **fields)

    # Evolution

    def evolve(self, event: Event) -> None:
        """Take one fact into the state."""
        match event:
            case SyncRequested():
                self._queue_run(event)
            case CourseFetched():
                self._apply_course(event)
            case CourseWithdrawn():
                self.courses[event.course_id]["present"] = False
                if self.run:
                    add_changes(self.run, Changes(courses=1, assignments=0, grades=0))
            case DueDateChanged() | GradeChanged():
                pass
            case _ if self.run:
                self._apply_to_run(self.run, event)

    def _queue_run(self, event: SyncRequested) -> None:
        self.person_id = event.person_id
        self.connection_id = event.connection_id
        self.run = queued_run(event)
        self.idle_since = event.timestamp.isoformat()

    def _apply_course(self, event: CourseFetched) -> None:
        course = event.course
        snapshot = self.courses.get(course["canvas_id"]) or empty_snapshot()
        self.courses[course["canvas_id"]] = apply_to_snapshot(
            snapshot, course, event.assignments, event.removed
        )
        if self.run:
            add_changes(self.run, event.changes)
            self.run["courses"] = event.progress

    def _apply_to_run(self, run: SyncRun, event: Event) -> None:
        apply_event(run, event)
        match event:
            case CourseFetchFailed():
                self.failed_courses[event.course_id] = run["id"]
            case SyncCompleted():
                self.completed_once, self.last_completed_at = True, run["finished_at"]
                self.failed_courses = {
                    id_: run_id
                    for id_, run_id in self.failed_courses.items()
                    if run_id == run["id"]
                }
                self.planner_validator = event.planner_validator or self.planner_validator
                if run["mode"] == "full":
                    self.last_full_sync_at = run["started_at"]
        if run["finished_at"]:
            self.idle_since = run["finished_at"]
            self.consecutive_failures = failures_after(self.consecutive_failures, event)
