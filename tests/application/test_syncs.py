"""What a run records, and how it ends."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from application.cancel_sync import CancelSync, cancel_sync
from application.ports import CanvasUser, Sighting
from application.recover_sync import InterruptSync, interrupt_sync
from application.requeue_sync import GiveRunBack, give_run_back
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
from domain.sync_run import Run
from tests.application.conftest import PERSON, House
from tests.canvas_builders import assignment, course
from tests.fakes import ORIGIN, ListQueue, StillAccount, StillCanvas


async def last_run(house: House, connection_id: UUID) -> Run:
    run = (await house.sync(connection_id)).run
    assert run is not None
    return run


async def test_a_run_records_every_course(house: House) -> None:
    house.canvas.shown = [
        Sighting(course("1"), [assignment("11")]),
        Sighting(course("2"), [assignment("21"), assignment("22")]),
    ]
    connection_id = await house.set_up()
    await house.work()
    run = await last_run(house, connection_id)
    assert run["status"] == "completed"
    assert run["courses"] == {"total": 2, "done": 2, "failed": 0}
    assert run["changes"] == {"courses": 2, "assignments": 3, "grades": 5}
    assert run["requests"]["total"] == 3


async def test_an_unchanged_account_records_no_course(house: House) -> None:
    house.canvas.shown = [Sighting(course("1"), [assignment("11")])]
    connection_id = await house.set_up()
    await house.work()
    before = (await house.sync(connection_id)).version
    await house.request(connection_id)
    await house.work()
    assert (await house.sync(connection_id)).version == before + 3


async def test_one_failing_course_is_that_courses_failure(house: House) -> None:
    house.canvas.shown = [
        Sighting(course("1"), None, CanvasForbidden("no permission")),
        Sighting(course("2"), [assignment("21")]),
    ]
    connection_id = await house.set_up()
    await house.work()
    run = await last_run(house, connection_id)
    assert (run["status"], run["courses"]) == ("partial", {"total": 2, "done": 1, "failed": 1})


async def test_a_canvas_that_does_not_answer_fails_the_run(house: House) -> None:
    connection_id = await house.set_up()
    house.canvas.failure = CanvasTimeout("Canvas took too long")
    await house.work()
    run = await last_run(house, connection_id)
    assert run["error"] == {"code": "canvas-timeout", "detail": "Canvas took too long"}
    assert (await house.connection(connection_id)).status == "active"


async def test_a_dead_token_fails_the_run_and_is_recorded(house: House) -> None:
    connection_id = await house.set_up()
    house.canvas.failure = CanvasTokenRejected("Expired")
    await house.work()
    assert (await last_run(house, connection_id))["status"] == "failed"
    assert (await house.connection(connection_id)).status == "token_rejected"
    with pytest.raises(ConnectionIsNotActive):
        await house.request(connection_id)


async def test_a_second_request_names_the_run_that_lives(house: House) -> None:
    connection_id = await house.set_up()
    live = (await last_run(house, connection_id))["id"]
    with pytest.raises(SyncAlreadyRunning) as refused:
        await house.request(connection_id)
    assert str(refused.value.sync_id) == live


async def test_a_run_cancelled_while_queued_does_nothing(house: House) -> None:
    house.canvas.shown = [Sighting(course("1"), [])]
    connection_id = await house.set_up()
    await cancel(house, connection_id)
    await house.work()
    run = await last_run(house, connection_id)
    assert (run["status"], run["courses"]["done"]) == ("cancelled", 0)


async def test_a_run_cancelled_midway_keeps_what_it_had_read(house: House) -> None:
    house.canvas = CancellingCanvas(house)
    house.connected = await house.set_up()
    await house.work()
    sync = await house.sync(house.connected)
    assert sync.run is not None
    assert sync.run["status"] == "cancelled"
    assert set(sync.courses) == {"1"}


async def test_a_run_that_hangs_notices_that_it_was_cancelled(house: House) -> None:
    connection_id = await house.set_up()
    house.canvas = HangingCanvas(users=house.canvas.users)
    working = asyncio.create_task(house.work())
    await house.canvas.asked.wait()
    await cancel(house, connection_id)
    await asyncio.wait_for(working, 5)
    assert (await last_run(house, connection_id))["status"] == "cancelled"


async def test_a_run_tells_whether_the_host_answered(house: House) -> None:
    connection_id = await house.set_up()
    for failure in (None, CanvasTimeout(""), CanvasUnreachable(""), CanvasForbidden("")):
        house.canvas.failure = failure
        await house.work()
        await house.request(connection_id)
    assert house.hosts.told == [(ORIGIN, answers) for answers in (True, False, False, True)]


async def test_a_run_knows_that_its_host_is_in_doubt(house: House) -> None:
    connection_id = await house.set_up()
    for in_doubt in ([], [ORIGIN], ["https://other.example"]):
        house.hosts.in_doubt = set(in_doubt)
        await house.work()
        await house.request(connection_id)
    assert house.canvas.doubted == [False, True, False]


async def test_a_run_that_was_called_off_or_never_asked_tells_nothing_of_the_host(
    house: House,
) -> None:
    connection_id = await house.set_up()
    await cancel(house, connection_id)
    await house.work()
    await house.request(connection_id)
    house.vault.kept.clear()
    await house.work()
    assert (await last_run(house, connection_id))["status"] == "failed"
    assert house.hosts.told == []


async def test_what_the_clock_asks_for_too_early_is_refused(house: House) -> None:
    connection_id = await house.set_up()
    await house.work()
    with pytest.raises(SyncNotDue):
        await house.request(connection_id, trigger="schedule")
    assert await house.request(connection_id)


class HangingCanvas(StillCanvas):
    """A Canvas that never answers."""

    def __init__(self, users: dict[str, CanvasUser]) -> None:
        super().__init__(users)
        self.asked = asyncio.Event()

    @asynccontextmanager
    async def account(
        self, origin: str, token: str, *, in_doubt: bool = False
    ) -> AsyncIterator[StillAccount]:
        assert origin
        assert token
        assert not in_doubt
        yield HangingAccount(self.asked)


class HangingAccount(StillAccount):
    """An account whose courses never come."""

    def __init__(self, asked: asyncio.Event) -> None:
        super().__init__([])
        self._asked = asked

    async def courses(self) -> list[Course]:
        self._asked.set()
        await asyncio.Event().wait()
        return []


async def test_a_token_that_dies_while_the_connection_moves_is_still_told(house: House) -> None:
    connection_id = await house.set_up()
    house.canvas = MovingCanvas(house)
    await house.work()
    run = await last_run(house, connection_id)
    assert run["error"] == {"code": "canvas-token-rejected", "detail": "Expired"}
    assert (await house.connection(connection_id)).status == "token_rejected"


class MovingCanvas(StillCanvas):
    """A Canvas that is asked to validate during a run, and says in it that the token died."""

    def __init__(self, house: House) -> None:
        super().__init__(house.canvas.users, failure=CanvasTokenRejected("Expired"))
        self._house = house

    @asynccontextmanager
    async def account(
        self, origin: str, token: str, *, in_doubt: bool = False
    ) -> AsyncIterator[StillAccount]:
        connection = await self._house.connection(self._house.queue.taken[0])
        connection.confirm("Ada")
        await self._house.store.save(connection)
        async with super().account(origin, token, in_doubt=in_doubt) as account:
            yield account


async def cancel(house: House, connection_id: UUID) -> None:
    command = CancelSync(person_id=PERSON, connection_id=connection_id)
    await cancel_sync(command, store=house.store)


class CancellingAccount(StillAccount):
    """An account whose owner calls the run off between its two courses."""

    def __init__(self, house: House) -> None:
        super().__init__([Sighting(course("1"), []), Sighting(course("2"), [])])
        self._house = house

    async def sightings(self, courses: Sequence[Course]) -> AsyncIterator[Sighting]:
        async for sighting in super().sightings(courses):
            yield sighting
            if sighting.course["canvas_id"] == "1":
                await self._recorded()
                await cancel(self._house, self._house.connected)

    async def _recorded(self) -> None:
        while not (  # noqa: ASYNC110  # the other task records and tells nobody
            await self._house.sync(self._house.connected)
        ).courses:
            await asyncio.sleep(0)


class CancellingCanvas(StillCanvas):
    """A Canvas during whose reading the run is called off."""

    def __init__(self, house: House) -> None:
        super().__init__(users=house.canvas.users)
        self._house = house

    @asynccontextmanager
    async def account(
        self, origin: str, token: str, *, in_doubt: bool = False
    ) -> AsyncIterator[StillAccount]:
        assert origin
        assert token
        assert not in_doubt
        yield CancellingAccount(self._house)


async def taken_on(house: House, worker: str = "dead-worker") -> UUID:
    """A connection whose run that worker took on."""
    connection_id = await house.set_up()
    house.queue = ListQueue()
    sync = await house.sync(connection_id)
    sync.start(worker)
    await house.store.save(sync)
    return connection_id


async def test_a_run_whose_worker_died_alone_is_interrupted_by_the_next_request(
    house: House,
) -> None:
    connection_id = await taken_on(house)
    house.queue.dead["dead-worker"] = "gone"
    before = await last_run(house, connection_id)
    await house.request(connection_id)
    after = await last_run(house, connection_id)
    assert (after["status"], after["id"] != before["id"]) == ("queued", True)
    assert house.queue.queued == house.queue.forgotten == [connection_id]


async def test_a_run_lost_while_another_worker_lives_is_no_other_run_for_who_asks(
    house: House,
) -> None:
    connection_id = await taken_on(house)
    house.queue.dead["dead-worker"] = "lost"
    before = await last_run(house, connection_id)
    with pytest.raises(SyncAlreadyRunning, match=before["id"]):
        await house.request(connection_id)
    after = await last_run(house, connection_id)
    assert (after["status"], after["id"]) == ("queued", before["id"])
    assert house.queue.queued == house.queue.forgotten == [connection_id]
    await house.work("another-worker")
    assert (await last_run(house, connection_id))["status"] == "completed"


async def test_a_dead_worker_is_noticed_without_a_request(house: House) -> None:
    connection_id = await taken_on(house)
    command = InterruptSync(connection_id=connection_id)
    await interrupt_sync(command, store=house.store, queue=house.queue)
    assert (await last_run(house, connection_id))["status"] == "running"
    house.queue.dead["dead-worker"] = "gone"
    await interrupt_sync(command, store=house.store, queue=house.queue)
    assert (await last_run(house, connection_id))["error"] is not None


async def test_a_run_that_was_lost_three_times_has_failed(house: House) -> None:
    connection_id = await taken_on(house, "first")
    house.queue.dead = dict.fromkeys(("first", "second", "third"), "lost")
    for worker in ("second", "third", None):
        await interrupt_sync(
            InterruptSync(connection_id=connection_id), store=house.store, queue=house.queue
        )
        if worker:
            sync = await house.sync(connection_id)
            sync.start(worker)
            await house.store.save(sync)
    run = await last_run(house, connection_id)
    assert (run["status"], run["error"] and run["error"]["code"]) == ("failed", "interrupted")


async def test_a_run_given_back_waits_at_once_and_after_an_error_for_a_while(
    house: House,
) -> None:
    connection_id = await taken_on(house, "stopping")
    stopped = GiveRunBack(connection_id=connection_id, worker="stopping", reason="stopped")
    await give_run_back(stopped, store=house.store, queue=house.queue)
    assert (await last_run(house, connection_id))["status"] == "queued"
    assert (house.queue.queued, house.queue.pauses) == ([connection_id], [0])
    house.queue = ListQueue()
    sync = await house.sync(connection_id)
    sync.start("clumsy")
    await house.store.save(sync)
    broke_off = GiveRunBack(connection_id=connection_id, worker="clumsy", reason="broke_off")
    await give_run_back(broke_off, store=house.store, queue=house.queue)
    assert 5 <= house.queue.pauses[-1] <= 20


async def test_only_who_took_a_run_on_gives_it_back(house: House) -> None:
    connection_id = await taken_on(house, "working")
    stranger = GiveRunBack(connection_id=connection_id, worker="stranger", reason="stopped")
    await give_run_back(stranger, store=house.store, queue=house.queue)
    assert (await last_run(house, connection_id))["status"] == "running"
    assert house.queue.queued == []


async def test_a_queued_run_whose_job_got_lost_is_queued_again(house: House) -> None:
    connection_id = await house.set_up()
    lost = house.queue.queued.pop()
    command = InterruptSync(connection_id=connection_id)
    await interrupt_sync(command, store=house.store, queue=house.queue)
    assert house.queue.queued == [lost]
