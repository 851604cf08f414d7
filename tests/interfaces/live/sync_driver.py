"""Records the steps of syncs in a real event log."""

from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID, uuid4

from domain.aggregate import Aggregate
from domain.canvas import Assignment
from domain.connection import Connection
from domain.errors import VersionConflict
from domain.events.sync import GradeChanged, Progress, Requests
from domain.sync import Sync
from domain.sync_attempt import Attempt
from infrastructure.event_store.store import EventStore
from tests.canvas_builders import assignment, course

NO_REQUESTS = Requests(total=0, not_modified=0, retried=0)


@dataclass
class SyncDriver:
    """Records the steps of runs of one connection."""

    store: EventStore
    person_id: UUID
    connection_id: UUID = field(default_factory=uuid4)
    courses_done: int = 0

    def __post_init__(self) -> None:
        self.sync = Sync.new(Sync.id_for(self.connection_id))
        self._save(
            lambda: Connection.new(self.connection_id).open(
                person_id=self.person_id,
                canvas_url=f"https://{self.connection_id}.example",
                canvas_name="School",
                canvas_user_id="1",
                canvas_user_name="Ada",
                token_fingerprint="0a1b2c3d",
            )
        )

    @property
    def attempt(self) -> Attempt:
        assert self.sync.attempt
        return self.sync.attempt

    def request(self, mode: str = "full", trigger: str = "manual") -> None:
        ids = {"connection_id": self.connection_id, "person_id": self.person_id}
        self._decide(lambda: self.sync.request(uuid4(), trigger=trigger, mode=mode, **ids))
        self.courses_done = 0

    def start(self) -> None:
        self._decide(lambda: self.sync.start("worker"))

    def requeue(self) -> None:
        self._decide(lambda: self.sync.requeue(self.attempt, "lost"))
        self.courses_done = 0

    def fall_back_to_full(self) -> None:
        code, detail = "canvas-forbidden", "no planner"
        self._decide(lambda: self.sync.fall_back_to_full(self.attempt, code, detail))

    def record_course(self, number: int, score: float = 9.5) -> None:
        """Record one of three courses, with one graded assignment."""
        self._record(number, [assignment(str(number))], score)

    def record_grades(self, number: int, count: int, score: float) -> None:
        """Record a course with so many assignments, all with this score, in one append."""
        self._record(number, [assignment(str(nth)) for nth in range(1, count + 1)], score)

    def complete_first_run(self, count: int) -> None:
        """Record a whole first run that finds one course with so many assignments."""
        self.request()
        self.start()
        self.record_grades(1, count, 9.5)
        self.complete()

    def fail(self, code: str) -> None:
        self._decide(lambda: self.sync.fail(self.attempt, code, "", NO_REQUESTS))

    def fail_scheduled_run(self, code: str) -> None:
        """Record a whole scheduled run that fails."""
        self.request(trigger="schedule")
        self.start()
        self.fail(code)

    def complete(self) -> None:
        progress = Progress(total=3, done=self.courses_done, failed=0)
        self._decide(lambda: self.sync.complete(self.attempt, progress, NO_REQUESTS))

    def record_grade_of_another_form(self) -> None:
        """Record an event that can be decrypted, but not be shown."""
        fields = dict.fromkeys(
            ("course_id", "course_name", "assignment_id", "assignment_name"), "1"
        )
        fields |= {"subject": "assignment", "previous": "none", "current": "a number"}
        ids = {"connection_id": self.connection_id, "sync_id": uuid4(), "baseline": False}
        self._decide(lambda: self.sync.trigger_event(GradeChanged, **fields, **ids))

    def close(self) -> None:
        """Close the connection."""

        def closed() -> Connection:
            connection = self.store.load_blocking(Connection, self.connection_id)
            connection.close()
            return connection

        self._save(closed)

    def _record(self, number: int, graded: list[Assignment], score: float) -> None:
        for each in graded:
            assert each["submission"]
            each["submission"]["score"] = score
        self.courses_done += 1
        progress = Progress(total=3, done=self.courses_done, failed=0)
        found = course(str(number))
        self._decide(lambda: self.sync.record_course(self.attempt, found, graded, progress))

    def _decide(self, decide: Callable[[], object]) -> None:
        """Decide and save; again if the aggregate is of a log that has been lost."""

        def decided() -> Sync:
            decide()
            return self.sync

        self._save(decided)

    def _save(self, decided: Callable[[], Aggregate]) -> None:
        for _ in range(3):
            try:
                self.store.save_blocking(decided())
            except VersionConflict:
                self.sync = self.store.load_blocking(Sync, self.sync.id)
            else:
                return
        raise AssertionError("three conflicts in a row")
