"""What a run records, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from application.cancel_sync import CancelSync, cancel_sync
from application.ports import CanvasUser, FetchedCourse
from application.recover_sync import RecoverSync, recover_sync
from application.requeue_sync import RequeueSync, requeue_sync
from domain.canvas import Course
from domain.errors import (
    CanvasForbidden,
    CanvasTimeout,
    CanvasTokenRejected,
    CanvasUnreachable,
    ConnectionIsNotActive,
    SyncAlreadyRunning,
    SyncNotDue,
)
from domain.sync_run import SyncRun
from tests.application.conftest import PERSON, Application
from tests.canvas_builders import assignment, course
from tests.fakes import ORIGIN, FakeAccount, FakeCanvas, InMemoryQueue


async def last_run(app: Application, connection_id: UUID) -> SyncRun:
    run = (await app.sync(connection_id)).run
    assert run is not None
    return run


async def test_a_run_records_every_course(app: Application) -> None:
    app.canvas.fetched = [
        FetchedCourse(course("1"), [assignment("11")]),
        FetchedCourse(course("2"), [assignment("21"), assignment("22")]),
    ]
    connection_id = await app.set_up()
    await app.run_next()
    run = await last_run(app, connection_id)
    assert run["status"] == "completed"
    assert run["courses"] == {"total": 2, "done": 2, "failed": 0}
    assert run["changes"] == {"courses": 2, "assignments": 3, "grades": 5}
    assert run["requests"]["total"] == 3


async def test_a_run_over_an_unchanged_account_records_no_course(app: Application) -> None:
    app.canvas.fetched = [FetchedCourse(course("1"), [assignment("11")])]
    connection_id = await app.set_up()
    await app.run_next()
    before = (await app.sync(connection_id)).version
    await app.request(connection_id)
    await app.run_next()
    assert (await app.sync(connection_id)).version == before + 3


async def test_a_course_that_fails_makes_the_run_partial(app: Application) -> None:
    app.canvas.fetched = [
        FetchedCourse(course("1"), None, CanvasForbidden("no permission")),
        FetchedCourse(course("2"), [assignment("21")]),
    ]
    connection_id = await app.set_up()
    await app.run_next()
    run = await last_run(app, connection_id)
    assert (run["status"], run["courses"]) == ("partial", {"total": 2, "done": 1, "failed": 1})


async def test_a_timeout_of_canvas_fails_the_run(app: Application) -> None:
    connection_id = await app.set_up()
    app.canvas.failure = CanvasTimeout("Canvas took too long")
    await app.run_next()
    run = await last_run(app, connection_id)
    assert run["error"] == {"code": "canvas-timeout", "detail": "Canvas took too long"}
    assert (await app.connection(connection_id)).status == "active"


async def test_a_rejected_token_fails_the_run_and_is_recorded(app: Application) -> None:
    connection_id = await app.set_up()
    app.canvas.failure = CanvasTokenRejected("Expired")
    await app.run_next()
    assert (await last_run(app, connection_id))["status"] == "failed"
    assert (await app.connection(connection_id)).status == "token_rejected"
    with pytest.raises(ConnectionIsNotActive):
        await app.request(connection_id)


async def test_a_second_request_names_the_active_run(app: Application) -> None:
    connection_id = await app.set_up()
    active_id = (await last_run(app, connection_id))["id"]
    with pytest.raises(SyncAlreadyRunning) as error:
        await app.request(connection_id)
    assert str(error.value.sync_id) == active_id


async def test_a_run_cancelled_while_queued_reads_nothing(app: Application) -> None:
    app.canvas.fetched = [FetchedCourse(course("1"), [])]
    connection_id = await app.set_up()
    await cancel(app, connection_id)
    await app.run_next()
    run = await last_run(app, connection_id)
    assert (run["status"], run["courses"]["done"]) == ("cancelled", 0)


async def test_a_run_cancelled_midway_keeps_the_courses_it_recorded(app: Application) -> None:
    app.canvas = CancellingCanvas(app)
    app.connection_id = await app.set_up()
    await app.run_next()
    sync = await app.sync(app.connection_id)
    assert sync.run is not None
    assert sync.run["status"] == "cancelled"
    assert set(sync.courses) == {"1"}


async def test_a_run_that_waits_for_canvas_stops_when_it_is_cancelled(app: Application) -> None:
    connection_id = await app.set_up()
    app.canvas = HangingCanvas(users=app.canvas.users)
    running = asyncio.create_task(app.run_next())
    await app.canvas.requested.wait()
    await cancel(app, connection_id)
    await asyncio.wait_for(running, 5)
    assert (await last_run(app, connection_id))["status"] == "cancelled"


async def test_a_run_reports_whether_the_host_responded(app: Application) -> None:
    connection_id = await app.set_up()
    for failure in (None, CanvasTimeout(""), CanvasUnreachable(""), CanvasForbidden("")):
        app.canvas.failure = failure
        await app.run_next()
        await app.request(connection_id)
    assert app.host_health.reports == [
        (ORIGIN, responded) for responded in (True, False, False, True)
    ]


async def test_a_run_opens_the_account_with_the_health_of_its_host(app: Application) -> None:
    connection_id = await app.set_up()
    for degraded in ([], [ORIGIN], ["https://other.example"]):
        app.host_health.degraded = set(degraded)
        await app.run_next()
        await app.request(connection_id)
    assert app.canvas.degraded_flags == [False, True, False]


async def test_a_run_that_sent_no_request_reports_nothing_about_the_host(
    app: Application,
) -> None:
    connection_id = await app.set_up()
    await cancel(app, connection_id)
    await app.run_next()
    await app.request(connection_id)
    app.vault.tokens.clear()
    await app.run_next()
    assert (await last_run(app, connection_id))["status"] == "failed"
    assert app.host_health.reports == []


async def test_a_scheduled_request_before_the_due_time_is_refused(app: Application) -> None:
    connection_id = await app.set_up()
    await app.run_next()
    with pytest.raises(SyncNotDue):
        await app.request(connection_id, trigger="schedule")
    assert await app.request(connection_id)


class HangingCanvas(FakeCanvas):
    """A Canvas that never answers."""

    def __init__(self, users: dict[str, CanvasUser]) -> None:
        super().__init__(users)
        self.requested = asyncio.Event()

    @asynccontextmanager
    async def open_account(
        self, origin: str, token: str, *, host_degraded: bool = False
    ) -> AsyncIterator[FakeAccount]:
        assert origin
        assert token
        assert not host_degraded
        yield HangingAccount(self.requested)


class HangingAccount(FakeAccount):
    """An account whose courses never come."""

    def __init__(self, requested: asyncio.Event) -> None:
        super().__init__([])
        self._requested = requested

    async def list_courses(self) -> list[Course]:
        self._requested.set()
        await asyncio.Event().wait()
        return []


async def test_a_rejected_token_is_recorded_although_the_connection_changed_meanwhile(
    app: Application,
) -> None:
    connection_id = await app.set_up()
    app.canvas = ConnectionChangingCanvas(app)
    await app.run_next()
    run = await last_run(app, connection_id)
    assert run["error"] == {"code": "canvas-token-rejected", "detail": "Expired"}
    assert (await app.connection(connection_id)).status == "token_rejected"


class ConnectionChangingCanvas(FakeCanvas):
    """A Canvas whose connection is validated during a run, and says in it that the token died."""

    def __init__(self, app: Application) -> None:
        super().__init__(app.canvas.users, failure=CanvasTokenRejected("Expired"))
        self._app = app

    @asynccontextmanager
    async def open_account(
        self, origin: str, token: str, *, host_degraded: bool = False
    ) -> AsyncIterator[FakeAccount]:
        connection = await self._app.connection(self._app.queue.started[0])
        connection.record_validation("Ada")
        await self._app.store.save(connection)
        async with super().open_account(origin, token, host_degraded=host_degraded) as account:
            yield account


async def cancel(app: Application, connection_id: UUID) -> None:
    command = CancelSync(person_id=PERSON, connection_id=connection_id)
    await cancel_sync(command, store=app.store)


class CancellingAccount(FakeAccount):
    """An account whose owner calls the run off between its two courses."""

    def __init__(self, app: Application) -> None:
        super().__init__([FetchedCourse(course("1"), []), FetchedCourse(course("2"), [])])
        self._app = app

    async def fetch_courses(self, courses: Sequence[Course]) -> AsyncIterator[FetchedCourse]:
        async for fetched in super().fetch_courses(courses):
            yield fetched
            if fetched.course["canvas_id"] == "1":
                await self._wait_until_recorded()
                await cancel(self._app, self._app.connection_id)

    async def _wait_until_recorded(self) -> None:
        while not (  # noqa: ASYNC110  # the other task records and tells nobody
            await self._app.sync(self._app.connection_id)
        ).courses:
            await asyncio.sleep(0)


class CancellingCanvas(FakeCanvas):
    """A Canvas during whose reading the run is called off."""

    def __init__(self, app: Application) -> None:
        super().__init__(users=app.canvas.users)
        self._app = app

    @asynccontextmanager
    async def open_account(
        self, origin: str, token: str, *, host_degraded: bool = False
    ) -> AsyncIterator[FakeAccount]:
        assert origin
        assert token
        assert not host_degraded
        yield CancellingAccount(self._app)


async def start_run(app: Application, worker: str = "dead-worker") -> UUID:
    """A connection whose run that worker took on."""
    connection_id = await app.set_up()
    app.queue = InMemoryQueue()
    sync = await app.sync(connection_id)
    sync.start(worker)
    await app.store.save(sync)
    return connection_id


async def test_the_next_request_fails_a_run_whose_only_worker_died(
    app: Application,
) -> None:
    connection_id = await start_run(app)
    app.queue.worker_statuses["dead-worker"] = "gone"
    before = await last_run(app, connection_id)
    await app.request(connection_id)
    after = await last_run(app, connection_id)
    assert (after["status"], after["id"] != before["id"]) == ("queued", True)
    assert app.queue.queued == app.queue.released == [connection_id]


async def test_the_next_request_requeues_a_lost_run_while_another_worker_lives(
    app: Application,
) -> None:
    connection_id = await start_run(app)
    app.queue.worker_statuses["dead-worker"] = "lost"
    before = await last_run(app, connection_id)
    with pytest.raises(SyncAlreadyRunning, match=before["id"]):
        await app.request(connection_id)
    after = await last_run(app, connection_id)
    assert (after["status"], after["id"]) == ("queued", before["id"])
    assert app.queue.queued == app.queue.released == [connection_id]
    await app.run_next("another-worker")
    assert (await last_run(app, connection_id))["status"] == "completed"


async def test_recovery_fails_a_run_whose_worker_died(app: Application) -> None:
    connection_id = await start_run(app)
    command = RecoverSync(connection_id=connection_id)
    await recover_sync(command, store=app.store, queue=app.queue)
    assert (await last_run(app, connection_id))["status"] == "running"
    app.queue.worker_statuses["dead-worker"] = "gone"
    await recover_sync(command, store=app.store, queue=app.queue)
    assert (await last_run(app, connection_id))["error"] is not None


async def test_a_run_that_was_lost_three_times_fails(app: Application) -> None:
    connection_id = await start_run(app, "first")
    app.queue.worker_statuses = dict.fromkeys(("first", "second", "third"), "lost")
    for worker in ("second", "third", None):
        await recover_sync(
            RecoverSync(connection_id=connection_id), store=app.store, queue=app.queue
        )
        if worker:
            sync = await app.sync(connection_id)
            sync.start(worker)
            await app.store.save(sync)
    run = await last_run(app, connection_id)
    assert (run["status"], run["error"] and run["error"]["code"]) == ("failed", "interrupted")


async def test_a_requeued_run_is_enqueued_at_once_and_after_an_error_with_a_delay(
    app: Application,
) -> None:
    connection_id = await start_run(app, "stopping")
    stopped = RequeueSync(connection_id=connection_id, worker="stopping", reason="stopped")
    await requeue_sync(stopped, store=app.store, queue=app.queue)
    assert (await last_run(app, connection_id))["status"] == "queued"
    assert (app.queue.queued, app.queue.delays) == ([connection_id], [0])
    app.queue = InMemoryQueue()
    sync = await app.sync(connection_id)
    sync.start("crashing")
    await app.store.save(sync)
    crashed = RequeueSync(connection_id=connection_id, worker="crashing", reason="broke_off")
    await requeue_sync(crashed, store=app.store, queue=app.queue)
    assert 5 <= app.queue.delays[-1] <= 20


async def test_only_the_worker_that_started_a_run_can_requeue_it(app: Application) -> None:
    connection_id = await start_run(app, "running")
    other_worker = RequeueSync(connection_id=connection_id, worker="other_worker", reason="stopped")
    await requeue_sync(other_worker, store=app.store, queue=app.queue)
    assert (await last_run(app, connection_id))["status"] == "running"
    assert app.queue.queued == []


async def test_recovery_enqueues_a_queued_run_without_a_job(app: Application) -> None:
    connection_id = await app.set_up()
    lost_connection_id = app.queue.queued.pop()
    command = RecoverSync(connection_id=connection_id)
    await recover_sync(command, store=app.store, queue=app.queue)
    assert app.queue.queued == [lost_connection_id]
