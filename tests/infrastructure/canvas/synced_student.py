"""A sandbox student who is synced by the real client and commands, with a store in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from application.request_sync import RequestSync, request_sync
from application.run_sync import RunSync, run_sync
from application.set_up_connection import SetUpConnection, set_up_connection
from domain.aggregate import NO_PERSON
from domain.course_diff import CourseSnapshot
from domain.sync import Sync
from domain.sync_run import SyncRun
from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox
from infrastructure.canvas_sandbox.control import Control
from tests.fakes import FakeHostHealth, InMemoryQueue, InMemoryVault
from tests.infrastructure.canvas.fake_servers import FAST_LIMITS, open_client
from tests.memory_store import InMemoryStore

PERSON = UUID("00000000-0000-4000-8000-00000000000a")
NO_CHANGES = {"courses": 0, "assignments": 0, "grades": 0}
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
"""Today, so that it is inside the planner window; noon, so that no test passes midnight."""


@dataclass
class SyncedStudent:
    """The student, and the store with everything that was recorded."""

    sandbox: Sandbox
    canvas: CanvasClient
    vault: InMemoryVault
    connection_id: UUID = NO_PERSON
    store: InMemoryStore = field(default_factory=InMemoryStore)
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)

    @property
    def control(self) -> Control:
        return self.sandbox.control

    async def connect(self) -> SyncRun:
        queued = await set_up_connection(
            SetUpConnection(
                person_id=PERSON,
                canvas_url=self.sandbox.url,
                canvas_name="Sandbox",
                api_token=self.sandbox.tokens[0]["token"],
            ),
            store=self.store,
            vault=self.vault,
            canvas=self.canvas,
            queue=self.queue,
        )
        self.connection_id = queued.connection_id
        return await self._run()

    async def sync(self, mode: str = "auto") -> SyncRun:
        """Advance the clock by a minute, execute a run, and return it."""
        self.control.advance_clock(60)
        command = RequestSync(person_id=PERSON, connection_id=self.connection_id, mode=mode)
        await request_sync(command, store=self.store, queue=self.queue, interval=timedelta(hours=2))
        return await self._run()

    async def snapshots(self) -> dict[str, CourseSnapshot]:
        """The snapshots of all courses, by Canvas id."""
        return (await self._sync()).courses

    async def _run(self) -> SyncRun:
        command = RunSync(connection_id=self.connection_id, worker="worker")
        await run_sync(
            command,
            store=self.store,
            vault=self.vault,
            canvas=self.canvas,
            host_health=FakeHostHealth(),
        )
        run = (await self._sync()).run
        assert run is not None
        return run

    async def _sync(self) -> Sync:
        return await self.store.load(Sync, Sync.id_for(self.connection_id))


@asynccontextmanager
async def open_synced_student(**options: Any) -> AsyncIterator[SyncedStudent]:
    """Open a student whose first, full run is completed."""
    defaults: dict[str, Any] = {"courses": 6, "assignments": 15, "now": NOON, "restricted": True}
    async with (
        running_sandbox(SandboxOptions(**(defaults | options))) as sandbox,
        open_client(sandbox.url, limits=FAST_LIMITS) as canvas,
    ):
        student = SyncedStudent(
            sandbox, canvas, InMemoryVault(sandbox.url), queue=InMemoryQueue(sandbox.url)
        )
        await student.connect()
        yield student
