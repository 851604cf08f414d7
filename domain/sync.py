"""Everything ever synchronised over one connection."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from domain.aggregate import Aggregate
from domain.canvas import Assignment, Course
from domain.change_feed import Glimpse
from domain.course_diff import Difference, SeenCourse, difference, remember, unseen
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
from domain.stale_courses import Told, giveaways, stale
from domain.sync_attempt import ATTEMPTS, GIVEN_UP, Attempt
from domain.sync_run import Run, advance, count, queued
from domain.sync_schedule import failures_after, must_be_full


class Sync(Aggregate):
    """Decides what differs from the last sighting, and that there is one run at a time."""

    class_version = 4
    """Of its snapshots: one more where what is remembered, or what digests are made of, changes."""

    connection_id: UUID

    def begin(self) -> None:
        """Set the state before the first event."""
        self.run: Run | None = None
        self.completed_once = False
        self.last_completed_at: str | None = None
        self.rested_at: str | None = None
        self.failures = 0
        self.full_at: str | None = None
        self.planner_validator: str | None = None
        self.courses: dict[str, SeenCourse] = {}
        self.unread: dict[str, str] = {}

    @classmethod
    def id_for(cls, connection_id: UUID) -> UUID:
        """The stream of a connection's synchronisation."""
        return uuid5(connection_id, "sync")

    @property
    def live(self) -> Run | None:
        """The run that is queued or running, if any."""
        return self.run if self.run and self.run["status"] in {"queued", "running"} else None

    @property
    def attempt(self) -> Attempt | None:
        """The attempt under way, if any."""
        run = self.live
        return Attempt(UUID(run["id"]), run["worker"]) if run and run["worker"] else None

    # Decisions: the run

    def request(
        self, sync_id: UUID, *, connection_id: UUID, person_id: UUID, trigger: str, mode: str
    ) -> None:
        """Queue a run; the same request twice is one, another while one lives is refused."""
        if self.run and self.run["id"] == str(sync_id):
            return
        if self.live:
            raise SyncAlreadyRunning(UUID(self.live["id"]))
        self.trigger_event(
            SyncRequested,
            connection_id=connection_id,
            sync_id=sync_id,
            person_id=person_id,
            trigger=trigger,
            mode=mode,
        )

    def mode(self, wish: str, *, now: datetime, interval: timedelta) -> str:
        """How a run asked for now reads: everything, if the next one would come too late for it."""
        full_at = datetime.fromisoformat(self.full_at) if self.full_at else None
        is_full = wish == "full" or must_be_full(full_at, now, interval)
        return "full" if is_full else "incremental"

    def start(self, worker: str) -> Attempt:
        """Let a worker take the queued run on, whichever it is; raises NoSyncRunning."""
        if not self.live:
            raise NoSyncRunning
        attempt = Attempt(UUID(self.live["id"]), worker)
        if self.live["status"] == "queued":
            self._record(SyncStarted, attempt.sync_id, worker=worker)
        elif self.attempt != attempt:
            raise SyncAlreadyRunning(attempt.sync_id)
        return attempt

    def widen(self, attempt: Attempt, code: str, detail: str) -> None:
        """Let an incremental run read everything after all."""
        if self.must_be_under_way(attempt)["mode"] == "incremental":
            self._record(SyncWidened, attempt.sync_id, code=code, detail=detail)

    def complete(
        self,
        attempt: Attempt,
        progress: Progress,
        requests: Requests,
        planner_validator: str | None = None,
    ) -> None:
        """End a run that read everything it could; one that could read no course has failed."""
        run = self.must_be_under_way(attempt)
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
        self.must_be_under_way(attempt)
        self._record(SyncFailed, attempt.sync_id, code=code, detail=detail, requests=requests)

    def requeue(self, attempt: Attempt, reason: str) -> None:
        """Let another worker take the run on; one that was often given up has failed."""
        run = self.must_be_under_way(attempt)
        if run["attempts"] < ATTEMPTS:
            self._record(SyncRequeued, attempt.sync_id, reason=reason)
        else:
            self.give_up(attempt, reason)

    def give_up(self, attempt: Attempt, reason: str) -> None:
        """End a run for good that its worker gave up."""
        code, detail = GIVEN_UP[reason]
        self.fail(attempt, code, detail, self.must_be_under_way(attempt)["requests"])

    def cancel(self) -> None:
        """Call the live run off."""
        if not self.live:
            raise NoSyncRunning
        self._record(SyncCancelled, UUID(self.live["id"]))

    # Decisions: what was seen

    def shows_news(self, glimpses: Iterable[Glimpse]) -> bool:
        """Whether a feed tells of anything that is not as remembered."""
        return bool(giveaways(self.courses, glimpses, self.full_at))

    def stale(self, courses: Sequence[Course], told: Told) -> set[str]:
        """The ids of the courses an incremental run reads; a last run could not read some."""
        return stale(self.courses, courses, told, self.full_at) | self.unread.keys()

    def list_courses(self, attempt: Attempt, listed: set[str]) -> None:
        """Withdraw every course seen before that Canvas lists no longer."""
        self.must_be_under_way(attempt)
        for gone in sorted(self.courses.keys() - listed):
            if self.courses[gone]["present"]:
                self._record(CourseWithdrawn, attempt.sync_id, course_id=gone)

    def see_course(
        self,
        attempt: Attempt,
        course: Course,
        assignments: list[Assignment] | None,
        progress: Progress,
    ) -> None:
        """Record what differs in one course; nothing when a person would notice nothing.

        `assignments` is None where Canvas does not show them: what was known of them stays.
        """
        self.must_be_under_way(attempt)
        seen = self.courses.get(course["canvas_id"]) or unseen()
        found = difference(seen, course, assignments)
        if found.is_nothing:
            return
        self._record(
            CourseFetched,
            attempt.sync_id,
            course=course,
            assignments=found.assignments,
            removed=found.removed,
            changes=found.counts,
            progress=progress,
        )
        self._record_changes(attempt.sync_id, course["canvas_id"], found)

    def miss_course(
        self, attempt: Attempt, course_id: str, code: str, detail: str, progress: Progress
    ) -> None:
        """Record that one course could not be read."""
        self.must_be_under_way(attempt)
        self._record(
            CourseFetchFailed,
            attempt.sync_id,
            course_id=course_id,
            code=code,
            detail=detail,
            progress=progress,
        )

    def _record_changes(self, sync_id: UUID, course_id: str, found: Difference) -> None:
        for due in found.due_dates:
            self._record(DueDateChanged, sync_id, course_id=course_id, **due._asdict())
        for score in found.scores:
            self._record(
                GradeChanged,
                sync_id,
                subject="assignment" if score.assignment_id else "course",
                course_id=course_id,
                baseline=not self.completed_once,
                **score._asdict(),
            )

    def must_be_under_way(self, attempt: Attempt) -> Run:
        """Refuse the words of a run that is over, or that another worker has taken on."""
        if not self.live or self.attempt != attempt:
            raise SyncIsOver(attempt.sync_id)
        return self.live

    def _record(self, event: type[Event], sync_id: UUID, **facts: Any) -> None:
        self.trigger_event(event, connection_id=self.connection_id, sync_id=sync_id, **facts)

    # Evolution

    def evolve(self, event: Event) -> None:
        """Take one fact into the state."""
        match event:
            case SyncRequested():
                self._begin_run(event)
            case CourseFetched():
                self._remember(event)
            case CourseWithdrawn():
                self.courses[event.course_id]["present"] = False
                if self.run:
                    count(self.run, Changes(courses=1, assignments=0, grades=0))
            case DueDateChanged() | GradeChanged():
                pass
            case _ if self.run:
                self._advance(self.run, event)

    def _begin_run(self, event: SyncRequested) -> None:
        self.person_id = event.person_id
        self.connection_id = event.connection_id
        self.run = queued(event)
        self.rested_at = event.timestamp.isoformat()

    def _remember(self, event: CourseFetched) -> None:
        course = event.course
        seen = self.courses.get(course["canvas_id"]) or unseen()
        self.courses[course["canvas_id"]] = remember(seen, course, event.assignments, event.removed)
        if self.run:
            count(self.run, event.changes)
            self.run["courses"] = event.progress

    def _advance(self, run: Run, event: Event) -> None:
        advance(run, event)
        match event:
            case CourseFetchFailed():
                self.unread[event.course_id] = run["id"]
            case SyncCompleted():
                self.completed_once, self.last_completed_at = True, run["finished_at"]
                self.unread = {id_: at for id_, at in self.unread.items() if at == run["id"]}
                self.planner_validator = event.planner_validator or self.planner_validator
                if run["mode"] == "full":
                    self.full_at = run["started_at"]
        if run["finished_at"]:
            self.rested_at = run["finished_at"]
            self.failures = failures_after(self.failures, event)
