"""Scheduled runs at a host that does not respond, and tokens that are replaced during a run."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

from application.ports import CanvasUser, FetchedCourse
from domain.errors import CanvasTokenRejected, CanvasUnreachable
from tests.application.conftest import PERSON, TOKEN, Application
from tests.canvas_builders import course
from tests.fakes import ORIGIN, FakeAccount, FakeCanvas

NEW_TOKEN = "7~second-token-of-ada"


async def request_scheduled_run(app: Application, connection_id: UUID) -> None:
    """Queue a run as the scanner does, although the connection is not due."""
    sync = await app.sync(connection_id)
    sync.request(
        uuid4(),
        connection_id=connection_id,
        person_id=PERSON,
        trigger="schedule",
        mode="incremental",
    )
    await app.store.save(sync)
    await app.queue.enqueue(connection_id, ORIGIN)


async def test_a_scheduled_run_at_a_degraded_host_fails_without_a_request(
    app: Application,
) -> None:
    connection_id = await app.set_up()
    await app.run_next()
    app.host_health.degraded.add(ORIGIN)
    await request_scheduled_run(app, connection_id)
    await app.run_next()
    run = await app.last_run(connection_id)
    assert run["error"]
    assert (run["status"], run["error"]["code"]) == ("failed", "canvas-unreachable")
    assert run["requests"]["total"] == 0
    assert app.canvas.degraded_flags == [False]
    assert app.host_health.reports == [(ORIGIN, True)]
    assert (await app.sync(connection_id)).failures == 1


async def test_the_probe_sends_requests_and_reports_the_host(app: Application) -> None:
    connection_id = await app.set_up()
    await app.run_next()
    app.host_health.degraded.add(ORIGIN)
    app.host_health.to_probe.add(ORIGIN)
    app.canvas.failure = CanvasUnreachable("no response")
    await request_scheduled_run(app, connection_id)
    await app.run_next()
    assert app.canvas.degraded_flags == [False, True]
    assert app.host_health.reports == [(ORIGIN, True), (ORIGIN, False)]


async def test_a_run_that_a_person_requests_sends_requests_to_a_degraded_host(
    app: Application,
) -> None:
    connection_id = await app.set_up()
    await app.run_next()
    app.host_health.degraded.add(ORIGIN)
    await app.request(connection_id)
    await app.run_next()
    assert (await app.last_run(connection_id))["status"] == "completed"
    assert app.host_health.reports == [(ORIGIN, True)] * 2


async def test_a_requested_run_fails_at_once_while_another_one_waits_for_the_host(
    app: Application,
) -> None:
    connection_id = await app.set_up()
    await app.run_next()
    app.host_health.degraded.add(ORIGIN)
    app.host_health.busy.add(ORIGIN)
    await app.request(connection_id)
    await app.run_next()
    run = await app.last_run(connection_id)
    assert run["error"]
    assert (run["error"]["code"], run["requests"]["total"]) == ("canvas-unreachable", 0)
    assert app.host_health.reports == [(ORIGIN, True)]


async def test_a_host_that_lists_courses_has_responded_although_all_of_them_fail(
    app: Application,
) -> None:
    app.canvas.fetched = [FetchedCourse(course("1"), None, CanvasUnreachable("error 500"))]
    connection_id = await app.set_up()
    await app.run_next()
    assert (await app.last_run(connection_id))["status"] == "failed"
    assert app.host_health.reports == [(ORIGIN, True)]


async def test_a_rejected_token_is_reported_to_the_health_of_the_host(app: Application) -> None:
    await app.set_up()
    app.canvas.failure = CanvasTokenRejected("Revoked")
    await app.run_next()
    assert app.host_health.rejections == [ORIGIN]
    assert app.host_health.reports == []


async def test_a_token_that_is_replaced_during_a_run_is_used_in_the_same_run(
    app: Application,
) -> None:
    connection_id = await app.set_up()
    canvas = app.canvas = TokenReplacingCanvas(app, connection_id)
    await app.run_next()
    run = await app.last_run(connection_id)
    assert (run["status"], run["courses"]["done"]) == ("completed", 1)
    assert (await app.connection(connection_id)).status == "active"
    assert canvas.opened_with == [TOKEN, NEW_TOKEN]


class TokenReplacingCanvas(FakeCanvas):
    """A Canvas that has revoked the first token; the person replaces it during the run."""

    def __init__(self, app: Application, connection_id: UUID) -> None:
        users = {**app.canvas.users, NEW_TOKEN: CanvasUser("42", "Ada")}
        super().__init__(users, fetched=[FetchedCourse(course("1"), [])])
        self._app, self._connection_id = app, connection_id
        self.opened_with: list[str] = []

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
        assert user_id == "42"
        assert not host_degraded
        self.opened_with.append(token)
        if token == NEW_TOKEN:
            yield FakeAccount(self.fetched)
        else:
            await self._replace_token()
            yield FakeAccount([], CanvasTokenRejected("Revoked"))

    async def _replace_token(self) -> None:
        connection = await self._app.connection(self._connection_id)
        fingerprint = self._app.vault.fingerprint(connection.id, NEW_TOKEN)
        connection.rotate_token("42", fingerprint)
        token = self._app.vault.storing(PERSON, connection.id, ORIGIN, NEW_TOKEN)
        await self._app.store.save(connection, secrets=[token])
