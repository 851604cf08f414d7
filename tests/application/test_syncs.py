"""What a run records, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from application.cancel_sync import CancelSync, cancel_sync
from application.ports import CanvasUser, FetchedCourse
from domain.canvas import Course
from domain.course_events import CourseList, KnownCourse
from domain.errors import (
    CanvasForbidden,
    CanvasTimeout,
    CanvasTokenRejected,
    CanvasUnreachable,
    ConnectionIsNotActive,
    SyncAlreadyRunning,
    SyncNotDue,
)
from domain.sync_run import queued_run
from tests.application.conftest import PERSON, Application
from tests.canvas_builders import assignment, course
from tests.deadlines import scaled
from tests.fakes import ORIGIN, FakeAccount, FakeCanvas


async def test_a_command_returns_the_run_that_it_queued(app: Application) -> None:
    first = await app.execute_set_up()
    assert await app.last_run(first.connection_id) == queued_run(**first._asdict())
    assert (first.trigger, first.mode) == ("setup", "full")
    await app.run_next()
    second = await app.request(first.connection_id)
    assert await app.last_run(first.connection_id) == queued_run(**second._asdict())
    assert (second.trigger, second.mode) == ("manual", "incremental")


async def test_a_run_records_every_course(app: Application) -> None:
    app.canvas.fetched = [
        FetchedCourse(course("1"), [assignment("11")]),
        FetchedCourse(course("2"), [assignment("21"), assignment("22")]),
    ]
    connection_id = await app.set_up()
    await app.run_next()
    run = await app.last_run(connection_id)
    assert run["status"] == "completed"
    assert run["courses"] == {"total": 2, "done": 2, "failed": 0}
    assert run["changes"] == {"courses": 2, "assignments": 3, "grades": 5}
    assert run["requests"]["total"] == 4


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
    run = await app.last_run(connection_id)
    assert (run["status"], run["courses"]) == ("partial", {"total": 2, "done": 1, "failed": 1})


async def test_a_timeout_of_canvas_fails_the_run(app: Application) -> None:
    connection_id = await app.set_up()
    app.canvas.failure = CanvasTimeout("Canvas took too long")
    await app.run_next()
    run = await app.last_run(connection_id)
    assert run["error"] == {"code": "canvas-timeout", "detail": "Canvas took too long"}
    assert (await app.connection(connection_id)).status == "active"


async def test_a_rejected_token_fails_the_run_and_is_recorded(app: Application) -> None:
    connection_id = await app.set_up()
    app.canvas.failure = CanvasTokenRejected("Expired")
    await app.run_next()
    assert (await app.last_run(connection_id))["status"] == "failed"
    assert (await app.connection(connection_id)).status == "token_rejected"
    with pytest.raises(ConnectionIsNotActive):
        await app.request(connection_id)


async def test_a_second_request_names_the_active_run(app: Application) -> None:
    connection_id = await app.set_up()
    active_id = (await app.last_run(connection_id))["id"]
    with pytest.raises(SyncAlreadyRunning) as error:
        await app.request(connection_id)
    assert str(error.value.sync_id) == active_id


async def test_a_run_cancelled_while_queued_reads_nothing(app: Application) -> None:
    app.canvas.fetched = [FetchedCourse(course("1"), [])]
    connection_id = await app.set_up()
    await cancel(app, connection_id)
    await app.run_next()
    run = await app.last_run(connection_id)
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
    await asyncio.wait_for(running, scaled(5))
    assert (await app.last_run(connection_id))["status"] == "cancelled"


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
    assert (await app.last_run(connection_id))["status"] == "failed"
    assert app.host_health.reports == []


async def test_a_scheduled_request_before_the_due_time_is_refused(app: Application) -> None:
    connection_id = await app.set_up()
    await app.run_next()
    with pytest.raises(SyncNotDue):
        await app.request(connection_id, trigger="schedule")
    assert await app.request(connection_id)


class HangingCanvas(FakeCanvas):
    """A Canvas that never responds."""

    def __init__(self, users: dict[str, CanvasUser]) -> None:
        super().__init__(users)
        self.requested = asyncio.Event()

    @asynccontextmanager
    async def open_account(
        self,
        origin: str,
        token: str,
        *,
        user_id: str | None = None,
        host_degraded: bool = False,
    ) -> AsyncIterator[FakeAccount]:
        assert origin
        assert token
        assert user_id
        assert not host_degraded
        yield HangingAccount(self.requested)


class HangingAccount(FakeAccount):
    """An account whose course list never arrives."""

    def __init__(self, requested: asyncio.Event) -> None:
        super().__init__([])
        self._requested = requested

    async def list_courses(self) -> CourseList:
        self._requested.set()
        await asyncio.Event().wait()
        return CourseList([], complete=True)


async def test_a_rejected_token_is_recorded_although_the_connection_changed_meanwhile(
    app: Application,
) -> None:
    connection_id = await app.set_up()
    app.canvas = ConnectionChangingCanvas(app)
    await app.run_next()
    run = await app.last_run(connection_id)
    assert run["error"] == {"code": "canvas-token-rejected", "detail": "Expired"}
    assert (await app.connection(connection_id)).status == "token_rejected"


class ConnectionChangingCanvas(FakeCanvas):
    """A Canvas that rejects the token, and whose connection is validated during the run."""

    def __init__(self, app: Application) -> None:
        super().__init__(app.canvas.users, failure=CanvasTokenRejected("Expired"))
        self._app = app

    @asynccontextmanager
    async def open_account(
        self,
        origin: str,
        token: str,
        *,
        user_id: str | None = None,
        host_degraded: bool = False,
    ) -> AsyncIterator[FakeAccount]:
        connection = await self._app.connection(self._app.queue.started[0])
        connection.record_validation("Ada")
        await self._app.store.save(connection)
        account = super().open_account(origin, token, user_id=user_id, host_degraded=host_degraded)
        async with account as opened:
            yield opened


async def cancel(app: Application, connection_id: UUID) -> None:
    command = CancelSync(person_id=PERSON, connection_id=connection_id)
    await cancel_sync(command, store=app.store)


class CancellingAccount(FakeAccount):
    """An account whose run is cancelled after the first of its two courses is recorded."""

    def __init__(self, app: Application) -> None:
        super().__init__([FetchedCourse(course("1"), []), FetchedCourse(course("2"), [])])
        self._app = app

    async def fetch_courses(
        self, courses: Sequence[Course], known: Mapping[str, KnownCourse]
    ) -> AsyncIterator[FetchedCourse]:
        async for fetched in super().fetch_courses(courses, known):
            yield fetched
            if fetched.course["canvas_id"] == "1":
                await self._wait_until_recorded()
                await cancel(self._app, self._app.connection_id)

    async def _wait_until_recorded(self) -> None:
        while not (  # noqa: ASYNC110  # the other task sends no signal
            await self._app.sync(self._app.connection_id)
        ).courses:
            await asyncio.sleep(0)


class CancellingCanvas(FakeCanvas):
    """A Canvas with an account whose run is cancelled."""

    def __init__(self, app: Application) -> None:
        super().__init__(users=app.canvas.users)
        self._app = app

    @asynccontextmanager
    async def open_account(
        self,
        origin: str,
        token: str,
        *,
        user_id: str | None = None,
        host_degraded: bool = False,
    ) -> AsyncIterator[FakeAccount]:
        assert origin
        assert token
        assert user_id
        assert not host_degraded
        yield CancellingAccount(self._app)
