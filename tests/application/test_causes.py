"""Request, run, course and change are one chain, whatever happens to a person's runs."""

import asyncio
from contextlib import suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from application.cancel_sync import CancelSync, cancel_sync
from application.close_connection import CloseConnection, close_connection
from application.event_metadata import with_event_metadata
from application.ports import FetchedCourse
from application.recover_sync import RecoverSync, recover_sync
from application.requeue_sync import RequeueSync, requeue_sync
from application.validate_connection import ValidateConnection, validate_connection
from domain.canvas import Course
from domain.errors import CanvasFailure, CanvasTimeout, CanvasTokenRejected, DomainError
from domain.sync import Sync
from tests.application.conftest import PERSON, Application
from tests.canvas_builders import assignment, course, submission
from tests.event_chains import ChainedEvent, require_chains

STEPS = st.sampled_from(
    [
        *("request", "run", "run", "die", "recover", "requeue", "cancel", "grade"),
        *("reject", "fail", "mend", "validate", "close", "set up"),
    ]
)


class Life:
    """The life of one person; each step is a command, with the metadata of who gives it."""

    def __init__(self) -> None:
        self.app = Application()
        self.workers = 0
        self.score = 0.0

    async def live(self, steps: list[str]) -> None:
        for step in ["set up", *steps]:
            with suppress(DomainError, CanvasFailure):
                await self._take(step)

    async def _take(self, step: str) -> None:
        app, canvas = self.app, self.app.canvas
        match step:
            case "set up":
                with with_event_metadata("ada", correlation_id=f"set-up-{len(app.store.links)}"):
                    app.connection_id = await app.set_up()
            case "request":
                with with_event_metadata("scheduler"):
                    await app.request(app.connection_id)
            case "run" | "die":
                await self._run(dies=step == "die")
            case "recover":
                command = RecoverSync(connection_id=app.connection_id)
                with with_event_metadata("recovery"):
                    await recover_sync(command, store=app.store, queue=app.queue)
            case "grade":
                self.score += 1
                canvas.fetched = [self._graded_course()]
            case "reject":
                canvas.failure = CanvasTokenRejected("Canvas does not know this token.")
            case "fail":
                canvas.failure = CanvasTimeout("Canvas did not respond.")
            case "mend":
                canvas.failure = None
            case _:
                with with_event_metadata("ada", correlation_id=f"{step}-{len(app.store.links)}"):
                    await self._command(step)

    async def _run(self, *, dies: bool) -> None:
        app = self.app
        if not app.queue.queued:
            return
        self.workers += 1
        worker = f"worker-{self.workers}"
        with with_event_metadata("worker"):
            if not dies:
                await app.run_next(worker)
                return
            connection_id = app.queue.queued.pop(0)
            sync = await app.store.load(Sync, Sync.id_for(connection_id))
            sync.start(worker)
            await app.store.save(sync)
        app.queue.worker_statuses[worker] = "lost"

    async def _command(self, step: str) -> None:
        app = self.app
        ids = {"person_id": PERSON, "connection_id": app.connection_id}
        match step:
            case "cancel":
                await cancel_sync(CancelSync(**ids), store=app.store)
            case "close":
                await close_connection(CloseConnection(**ids), store=app.store, vault=app.vault)
            case "validate":
                with suppress(CanvasFailure):
                    await validate_connection(
                        ValidateConnection(**ids),
                        store=app.store,
                        vault=app.vault,
                        canvas=app.canvas,
                    )
            case "requeue":
                command = RequeueSync(
                    connection_id=app.connection_id,
                    worker=f"worker-{self.workers}",
                    reason="stopped",
                )
                await requeue_sync(command, store=app.store, queue=app.queue)

    def _graded_course(self) -> FetchedCourse:
        graded = assignment("7", submission=submission(score=self.score))
        known: Course = course("1", current_score=self.score)
        return FetchedCourse(known, [graded], None)


@given(st.lists(STEPS, max_size=30))
@settings(max_examples=60, deadline=None)
def test_every_event_of_a_random_life_is_in_a_chain(steps: list[str]) -> None:
    life = Life()
    asyncio.run(life.live(steps))
    require_chains(chained_events(life.app))


def test_a_changed_grade_leads_back_to_the_request() -> None:
    life = Life()
    asyncio.run(life.live(["run", "grade", "request", "run"]))
    events = chained_events(life.app)
    require_chains(events)
    by_id = {event.event_id: event for event in events}
    event = next(event for event in reversed(events) if event.topic == "GradeChanged")
    topics = [event.topic]
    while event.causation_id:
        event = by_id[event.causation_id]
        topics.append(event.topic)
    assert topics == ["GradeChanged", "CourseFetched", "SyncStarted", "SyncRequested"]
    assert (event.correlation_id or "").startswith("scheduler-")


def chained_events(app: Application) -> list[ChainedEvent]:
    return [
        ChainedEvent(
            type(event).__name__,
            PERSON,
            str(sync_id) if (sync_id := vars(event).get("sync_id")) else None,
            *link,
        )
        for event, link in zip(app.store.events, app.store.links, strict=True)
    ]
