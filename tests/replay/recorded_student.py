"""A person with a Canvas account in the sandbox, whose commands and runs are recorded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple, TypeVar
from uuid import UUID, uuid4

from application.cancel_sync import CancelSync
from application.clock import utc_now
from application.close_connection import CloseConnection
from application.end_calendar import EndCalendar
from application.erase_person import ErasePerson
from application.event_metadata import with_event_metadata
from application.record_history_read import RecordHistoryRead
from application.request_sync import RequestSync, request_sync
from application.requeue_sync import RequeueSync
from application.rotate_token import RotateToken
from application.run_sync import RunSync
from application.set_up_connection import SetUpConnection
from application.share_calendar import ShareCalendar
from application.validate_connection import ValidateConnection
from domain.aggregate import NO_PERSON
from infrastructure.canvas_sandbox import Sandbox
from infrastructure.canvas_sandbox.control import Control
from interfaces.composition.process import Process
from tests.deadlines import scaled

C = TypeVar("C")
R = TypeVar("R")
RunCondition = Callable[[dict[str, Any]], bool]
NUMBERS = count(1)
"""Numbers the attempts, so that each has a worker name of its own."""


class HangingRun(NamedTuple):
    """A run that waits for Canvas: the name of its worker, and its task."""

    worker: str
    task: "asyncio.Task[None]"


@dataclass
class RecordedStudent:
    """The student with one index at a sandbox; `person` is the user of the service."""

    process: Process
    sandbox: Sandbox
    person: UUID
    index: int
    connection: UUID = field(default=NO_PERSON)

    @property
    def control(self) -> Control:
        return self.sandbox.control

    async def connect(self, canvas_name: str) -> None:
        """Open a connection with a valid token; its first run is queued."""
        command = SetUpConnection(
            person_id=self.person,
            canvas_url=self.sandbox.url,
            canvas_name=canvas_name,
            api_token=self.control.issue_token(student=self.index),
        )
        queued = await self._act(self.process.service.set_up_connection, command)
        self.connection = queued.connection_id

    async def request(self, mode: str = "auto") -> None:
        """Queue a run, a minute later by the clock of Canvas."""
        self.control.advance_clock(60)
        command = RequestSync(person_id=self.person, connection_id=self.connection, mode=mode)
        await self._act(self.process.service.request_sync, command)

    async def request_as_scheduler(self) -> None:
        """Queue a scheduled run, as if the time until the next one had passed."""
        interval = self.process.settings.sync_interval
        with with_event_metadata("scheduler"):
            await request_sync(
                RequestSync(
                    person_id=self.person, connection_id=self.connection, trigger="schedule"
                ),
                store=self.process.store,
                queue=self.process.queue,
                interval=interval,
                clock=lambda: utc_now() + 2 * interval,
            )

    async def run(self) -> None:
        """Execute the queued run."""
        await self._run(_worker_name())

    async def sync(self, mode: str = "auto") -> dict[str, Any]:
        """Execute the run that is queued, or else request one and execute that; return it."""
        if (await self.newest_run())["status"] != "queued":
            await self.request(mode)
        await self.run()
        return await self.newest_run()

    async def newest_run(self) -> dict[str, Any]:
        """Return the newest run of the connection."""
        run = await self.process.service.current_sync(self.connection)
        assert run is not None
        return run

    @asynccontextmanager
    async def hanging_run(self, path: str, is_reached: RunCondition) -> AsyncIterator[HangingRun]:
        """Execute the queued run, whose requests to `path` get no response during the block."""
        self.control.inject("hang", times=None, path=path, student=self.index)
        worker = _worker_name()
        task = asyncio.create_task(self._run(worker))
        try:
            async with asyncio.timeout(scaled(20)):
                while not is_reached(await self.newest_run()):  # noqa: ASYNC110  # no signal is sent
                    await asyncio.sleep(0.02)
            yield HangingRun(worker, task)
        finally:
            self.control.clear_faults()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def cancel(self) -> None:
        """Cancel the active run."""
        command = CancelSync(person_id=self.person, connection_id=self.connection)
        await self._act(self.process.service.cancel_sync, command)

    async def requeue(self, worker: str, reason: str) -> None:
        """Let a worker give up its run; `reason` is a key of GIVE_UP_REASONS."""
        command = RequeueSync(connection_id=self.connection, worker=worker, reason=reason)
        with with_event_metadata("worker"):
            await self.process.service.requeue_sync(command)

    async def rotate_token(self) -> None:
        """Replace the token by a new one."""
        command = RotateToken(
            person_id=self.person,
            connection_id=self.connection,
            api_token=self.control.issue_token(student=self.index),
        )
        await self._act(self.process.service.rotate_token, command)

    async def validate(self) -> None:
        """Check the token at Canvas."""
        command = ValidateConnection(person_id=self.person, connection_id=self.connection)
        await self._act(self.process.service.validate_connection, command)

    async def close(self) -> None:
        """Close the connection."""
        command = CloseConnection(person_id=self.person, connection_id=self.connection)
        await self._act(self.process.service.close_connection, command)

    async def share_calendar(self) -> None:
        """Make an address of the calendar."""
        await self._act(self.process.service.share_calendar, ShareCalendar(person_id=self.person))

    async def end_calendar(self) -> None:
        """End the address of the calendar."""
        await self._act(self.process.service.end_calendar, EndCalendar(person_id=self.person))

    async def erase(self) -> None:
        """Erase all that is known about the person."""
        await self._act(self.process.service.erase_person, ErasePerson(person_id=self.person))

    async def audit(self, auditor: UUID) -> None:
        """Let an auditor read the history of the connection."""
        command = RecordHistoryRead(
            connection_id=self.connection,
            reader=str(auditor),
            what="events",
            purpose="complaint",
        )
        with with_event_metadata(str(auditor), correlation_id=str(uuid4())):
            await self.process.service.record_history_read(command)

    async def _act(self, execute: Callable[[C], Awaitable[R]], command: C) -> R:
        with with_event_metadata(str(self.person), correlation_id=str(uuid4())):
            return await execute(command)

    async def _run(self, worker: str) -> None:
        command = RunSync(connection_id=self.connection, worker=worker)
        with with_event_metadata("worker"):
            await self.process.service.run_sync(command)

    def work(self, **expected: Any) -> list[dict[str, Any]]:
        """Return the student's published assignments whose members have these values.

        A function as value is called with the member.
        """
        return [item for item in self._published_work() if _has_values(item, expected)]

    def _published_work(self) -> Iterator[dict[str, Any]]:
        for course in self.control.courses(student=self.index):
            if course["present"] and not course["restricted"]:
                for item in self.control.assignments(course["id"], student=self.index):
                    if item["present"] and item["assigned"]:
                        yield {**item, "course": course["id"]}


def _has_values(item: dict[str, Any], expected: dict[str, Any]) -> bool:
    return all(
        value(item[name]) if callable(value) else item[name] == value
        for name, value in expected.items()
    )


def _worker_name() -> str:
    return f"recorder:1:0:{next(NUMBERS)}"
