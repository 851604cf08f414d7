"""The aggregate of all syncs of one connection."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.canvas import Assignment, AssignmentGroup, Course
from domain.change_feed import FeedEntry
from domain.course_diff import CourseSnapshot, Work, apply_to_courses, diff, empty_snapshot
from domain.course_events import CourseList, NewEvent, course_events, unlisted_events
from domain.digests import Digests
from domain.errors import NoSyncRunning, SyncAlreadyRunning, SyncIsOver
from domain.event import Event
from domain.events.sync import (
    CourseFetched,
    CourseFetchFailed,
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
from domain.full_sync_limit import costs_after_end, costs_after_request
from domain.known_work import known_digests
from domain.stale_courses import (
    FeedContent,
    changed_course_ids,
    courses_to_fetch,
    courses_to_fetch_fully,
    courses_to_retry,
)
from domain.sync_attempt import GIVE_UP_REASONS, MAX_SYNC_ATTEMPTS, Attempt
from domain.sync_run import SyncRun, run_after
from domain.sync_schedule import Schedule


class Sync(Aggregate):
    """Finds the differences to what was last recorded, and allows one run at a time.

    A method with an `attempt` raises SyncIsOver if that is not the active attempt.
    """

    class_version = 9
    """The version of snapshots: raise it if an attribute or the algorithm of a digest changes."""

    TIMELESS = ("courses",)
    CACHES = ("work_digests",)
    connection_id: UUID
    _new_digests: Digests | None = None

    def reset(self) -> None:
        """Set the state before the first event."""
        self.run: SyncRun | None = None
        self.worker: str | None = None
        self.attempts = 0
        self.completed_once = False
        self.last_completed_at: str | None = None
        self.idle_since: str | None = None
        self.failures = 0
        self.delay_index = 0
        self.last_full_sync_at: str | None = None
        self.planner_validator: str | None = None
        self.courses: dict[str, CourseSnapshot] = {}
        self.work_digests: dict[str, str] = {}
        self.failed_courses: dict[str, str] = {}
        self.full_run_costs: dict[str, int] = {}

    @classmethod
    def id_for(cls, connection_id: UUID) -> UUID:
        """Return the stream for the syncs of a connection."""
        return uuid5(connection_id, "sync")

    @property
    def active_run(self) -> SyncRun | None:
        """The run that is queued or running, if any."""
        return self.run if self.run and self.run["status"] in {"queued", "running"} else None

    @property
    def attempt(self) -> Attempt | None:
        """The attempt that reads Canvas now, if any."""
        run = self.active_run
        return Attempt(UUID(run["id"]), self.worker) if run and self.worker else None

    @property
    def schedule(self) -> Schedule | None:
        """The schedule of the connection; None before the first request."""
        if self.idle_since is None:
            return None
        return Schedule(datetime.fromisoformat(self.idle_since), self.failures, self.delay_index)

    # Decisions: the run

    def request(
        self, sync_id: UUID, *, connection_id: UUID, person_id: UUID, trigger: str, mode: str
    ) -> None:
        """Queue a run once for an id; raises SyncAlreadyRunning if another run has not ended."""
        if self.run and self.run["id"] == str(sync_id):
            return
        if self.active_run:
            raise SyncAlreadyRunning(UUID(self.active_run["id"]))
        ids = {"connection_id": connection_id, "sync_id": sync_id, "person_id": person_id}
        self.trigger_event(SyncRequested, **ids, trigger=trigger, mode=mode)

    def start(self, worker: str) -> Attempt:
        """Start an attempt of a worker at the queued run.

        Raises: NoSyncRunning if there is none; SyncAlreadyRunning if another worker has it.
        """
        if not self.active_run:
            raise NoSyncRunning
        attempt = Attempt(UUID(self.active_run["id"]), worker)
        if self.active_run["status"] == "queued":
            self._record(SyncStarted, attempt.sync_id, worker=worker)
        elif self.attempt != attempt:
            raise SyncAlreadyRunning(attempt.sync_id)
        return attempt

    def fall_back_to_full(self, attempt: Attempt, code: str, detail: str) -> None:
        """Make an incremental run a full one; `code` and `detail` are those of a CanvasFailure."""
        if self.require_active_attempt(attempt)["mode"] == "incremental":
            self._record(SyncWidened, attempt.sync_id, code=code, detail=detail)

    def complete(
        self,
        attempt: Attempt,
        progress: Progress,
        requests: Requests,
        planner_validator: str | None = None,
    ) -> None:
        """End a run that read all that it could; it fails if courses failed and none is done."""
        run = self.require_active_attempt(attempt)
        if run["error"] and not progress["done"]:
            self._record(SyncFailed, attempt.sync_id, **run["error"], requests=requests)
        else:
            end = {"progress": progress, "requests": requests}
            validator = {"planner_validator": planner_validator}
            self._record(SyncCompleted, attempt.sync_id, **end, **validator)

    def fail(self, attempt: Attempt, code: str, detail: str, requests: Requests) -> None:
        """End a run with an error."""
        self.require_active_attempt(attempt)
        self._record(SyncFailed, attempt.sync_id, code=code, detail=detail, requests=requests)

    def requeue(self, attempt: Attempt, reason: str) -> None:
        """Queue the run for another attempt, or fail it after MAX_SYNC_ATTEMPTS."""
        self.require_active_attempt(attempt)
        if self.attempts < MAX_SYNC_ATTEMPTS:
            self._record(SyncRequeued, attempt.sync_id, reason=reason)
        else:
            self.give_up(attempt, reason)

    def give_up(self, attempt: Attempt, reason: str) -> None:
        """Fail a run that its worker gave up; `reason` is a key of GIVE_UP_REASONS."""
        code, detail = GIVE_UP_REASONS[reason]
        self.fail(attempt, code, detail, self.require_active_attempt(attempt)["requests"])

    def cancel(self) -> None:
        """Cancel the active run; raises NoSyncRunning if there is none."""
        if not self.active_run:
            raise NoSyncRunning
        self._record(SyncCancelled, UUID(self.active_run["id"]))

    # Decisions: the courses

    def has_changes(self, entries: Iterable[FeedEntry]) -> bool:
        """Return whether an entry of a change feed differs from what was last recorded."""
        return bool(changed_course_ids(self.courses, entries, self.last_full_sync_at))

    def courses_to_fetch(self, courses: Sequence[Course], feeds: FeedContent | None) -> set[str]:
        """Return the ids of the listed courses that a run reads, with those that failed.

        Without `feeds` it is a full run; otherwise an incremental one.
        """
        if feeds is None:
            return courses_to_fetch_fully(self.courses, courses)
        stale = courses_to_fetch(self.courses, courses, feeds, self.last_full_sync_at)
        return stale | courses_to_retry(self.courses, courses, self.failed_courses)

    def record_unlisted(self, attempt: Attempt, listed: CourseList) -> None:
        """Record which known courses Canvas deleted, or does not list."""
        self.require_active_attempt(attempt)
        self._record_all(attempt.sync_id, unlisted_events(self.courses, listed))

    def record_course(
        self,
        attempt: Attempt,
        course: Course,
        assignments: list[Assignment] | None,
        progress: Progress,
        groups: list[AssignmentGroup] | None = None,
        *,
        work_digest: str | None = None,
    ) -> None:
        """Record the differences in one course, if any; what is None was not read and stays.

        Nothing else is read if the `work_digest` of the response is that of the known work.
        """
        self.require_active_attempt(attempt)
        id_, baseline = course["canvas_id"], not self.completed_once
        is_known = work_digest is not None and self.work_digests.get(id_) == work_digest
        work = Work(assignments, groups, is_known=is_known)
        changes = diff(self.courses.get(id_) or empty_snapshot(), course, work)
        events = course_events(changes, course, work, progress=progress, baseline=baseline)
        self._new_digests = changes.digests  # `evolve` needs them too.
        self._record_all(attempt.sync_id, events)
        del self._new_digests
        if changes.complete and work_digest:
            self.work_digests[id_] = work_digest

    def keep_work_digests(self, other: "Sync") -> None:
        """Take over the digests of the work that is the same in another state of this stream."""
        self.work_digests |= known_digests(other.work_digests, other.courses, self.courses)

    def record_fetch_failure(
        self, attempt: Attempt, course_id: str, code: str, detail: str, progress: Progress
    ) -> None:
        """Record that the assignments of one course could not be read."""
        self.require_active_attempt(attempt)
        fields = {"course_id": course_id, "code": code, "detail": detail, "progress": progress}
        self._record(CourseFetchFailed, attempt.sync_id, **fields)

    def _record_all(self, sync_id: UUID, events: Iterable[NewEvent]) -> None:
        for event in list(events):
            self._record(event.kind, sync_id, **event.fields)

    def require_active_attempt(self, attempt: Attempt) -> SyncRun:
        """Return the active run; raises SyncIsOver if another attempt, or none, is active."""
        if not self.active_run or self.attempt != attempt:
            raise SyncIsOver(attempt.sync_id)
        return self.active_run

    def _record(self, event: type[Event], sync_id: UUID, **fields: Any) -> None:
        self.trigger_event(event, connection_id=self.connection_id, sync_id=sync_id, **fields)

    # State

    def evolve(self, event: Event) -> None:
        """Apply an event to the state."""
        if isinstance(event, DueDateChanged | GradeChanged):
            return
        self.evolve_again(event)
        if isinstance(event, CourseFetched):
            self.work_digests.pop(event.course["canvas_id"], None)
        apply_to_courses(self.courses, event, self._new_digests)

    def evolve_again(self, event: Event) -> None:
        """Apply an event to all but the courses."""
        if isinstance(event, DueDateChanged | GradeChanged):
            return
        self.run = run_after(self.run, event, event.timestamp.isoformat())
        match event:
            case SyncRequested():
                self.person_id, self.connection_id = event.person_id, event.connection_id
                self.worker, self.attempts = None, 0
                self._reschedule(event)
                self.full_run_costs = costs_after_request(self.full_run_costs, event)
            case SyncStarted():
                self.worker, self.attempts = event.worker, self.attempts + 1
            case SyncRequeued():
                self.worker = None
            case CourseFetchFailed() if self.run:
                self.failed_courses[event.course_id] = self.run["id"]
            case SyncCompleted() | SyncFailed() | SyncCancelled() if self.run:
                self._end_run(self.run, event)

    def _reschedule(self, event: Event) -> None:
        before = self.schedule or Schedule.at_opening(self.connection_id, event.timestamp)
        after = before.after(event, event.timestamp)
        self.idle_since = after.idle_since.isoformat()
        self.failures, self.delay_index = after.failures, after.delay_index

    def _end_run(self, run: SyncRun, event: SyncCompleted | SyncFailed | SyncCancelled) -> None:
        self._reschedule(event)
        self.full_run_costs = costs_after_end(self.full_run_costs, run)
        if not isinstance(event, SyncCompleted):
            return
        self.completed_once, self.last_completed_at = True, run["finished_at"]
        self.failed_courses = {
            id_: run_id for id_, run_id in self.failed_courses.items() if run_id == run["id"]
        }
        self.planner_validator = event.planner_validator or self.planner_validator
        if run["mode"] == "full":
            self.last_full_sync_at = run["started_at"]
