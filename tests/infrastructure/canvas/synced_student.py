"""A sandbox student kept in step by the real client and the real runs, over a log in memory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from application.request_sync import RequestSync, request_sync
from application.run_sync import RunSync, run_sync
from application.set_up_connection import SetUpConnection, set_up_connection
from domain.aggregate import NOBODY
from domain.course_diff import SeenCourse
from domain.sync import Sync
from domain.sync_run import Run
from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas_sandbox import Sandbox, SandboxOptions, running_sandbox
from infrastructure.canvas_sandbox.control import Control
from tests.fakes import DictVault, ListHosts, ListQueue
from tests.infrastructure.canvas.fake_servers import QUICK, client_of
from tests.memory_store import InMemoryStore

PERSON = UUID("00000000-0000-4000-8000-00000000000a")
NOTHING = {"courses": 0, "assignments": 0, "grades": 0}
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
"""Today, so that the planner's window is around it, and far from a midnight."""


@dataclass
class InStep:
    """The student, and what is known of them."""

    sandbox: Sandbox
    canvas: CanvasClient
    vault: DictVault
    connection_id: UUID = NOBODY
    store: InMemoryStore = field(default_factory=InMemoryStore)
    queue: ListQueue = field(default_factory=ListQueue)

    @property
    def control(self) -> Control:
        return self.sandbox.control

    async def connect(self) -> Run:
        self.connection_id = await set_up_connection(
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
        return await self._run()

    async def sync(self, mode: str = "auto") -> Run:
        """One more run, and how it ended; the sandbox's time moves on a little."""
        self.control.advance_clock(60)
        command = RequestSync(person_id=PERSON, connection_id=self.connection_id, mode=mode)
        await request_sync(command, store=self.store, queue=self.queue, interval=timedelta(hours=2))
        return await self._run()

    async def known(self) -> dict[str, SeenCourse]:
        """What is remembered of every course."""
        return (await self._sync()).courses

    async def _run(self) -> Run:
        command = RunSync(connection_id=self.connection_id, worker="worker")
        await run_sync(
            command, store=self.store, vault=self.vault, canvas=self.canvas, hosts=ListHosts()
        )
        run = (await self._sync()).run
        assert run is not None
        return run

    async def _sync(self) -> Sync:
        return await self.store.load(Sync, Sync.id_for(self.connection_id))


@asynccontextmanager
async def in_step(**options: Any) -> AsyncIterator[InStep]:
    """A student whose first, full run is over."""
    usual: dict[str, Any] = {"courses": 6, "assignments": 15, "now": NOON, "restricted": True}
    async with (
        running_sandbox(SandboxOptions(**(usual | options))) as sandbox,
        client_of(sandbox.url, limits=QUICK) as canvas,
    ):
        student = InStep(sandbox, canvas, DictVault(sandbox.url), queue=ListQueue(sandbox.url))
        await student.connect()
        yield student
