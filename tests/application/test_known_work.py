"""Work that was not read, because its response is known, stays known after a conflict."""

from uuid import UUID

from application.sync_runner import SyncRunner
from domain.events import CourseFetched
from domain.events.sync import Progress
from domain.sync import Sync
from tests.canvas_builders import assignment, course, group
from tests.memory_store import InMemoryStore

CONNECTION, PERSON, RUN = UUID(int=1), UUID(int=2), UUID(int=3)
STREAM = Sync.id_for(CONNECTION)
PROGRESS = Progress(total=2, done=1, failed=0)
DIGEST = "d" * 32


def record_read_course(sync: Sync) -> None:
    assert sync.attempt
    work = [assignment("1")]
    sync.record_course(sync.attempt, course(), work, PROGRESS, [group()], work_digest=DIGEST)


def record_known_course(sync: Sync) -> None:
    assert sync.attempt
    sync.record_course(sync.attempt, course(name="Algebra"), None, PROGRESS, work_digest=DIGEST)


def record_failure(sync: Sync) -> None:
    assert sync.attempt
    sync.record_fetch_failure(sync.attempt, "2", "canvas-timeout", "slow", PROGRESS)


async def test_known_work_is_complete_after_a_conflict() -> None:
    store = InMemoryStore()
    sync = Sync.new(STREAM)
    sync.request(RUN, connection_id=CONNECTION, person_id=PERSON, trigger="setup", mode="full")
    await store.save(sync)
    runner = SyncRunner(CONNECTION, "worker", store, None)
    await runner.start()
    await runner.record(record_read_course)
    other = await store.load(Sync, STREAM)
    record_failure(other)
    await store.save(other)
    await runner.record(record_known_course)
    newest = store.events[-1]
    assert isinstance(newest, CourseFetched)
    assert (newest.course["name"], newest.complete) == ("Algebra", True)
