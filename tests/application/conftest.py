"""All ports of the commands in memory, and shortcuts that execute commands with them."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest

from application.ports import CanvasUser
from application.request_sync import QueuedSync, RequestSync, request_sync
from application.run_sync import RunSync, run_sync
from application.set_up_connection import SetUpConnection, set_up_connection
from domain.connection import Connection
from domain.sync import Sync
from domain.sync_run import SyncRun
from tests.fakes import ORIGIN, FakeCanvas, FakeHostHealth, InMemoryQueue, InMemoryVault
from tests.memory_store import InMemoryStore

PERSON = UUID("00000000-0000-4000-8000-00000000000a")
NO_CONNECTION = UUID(int=0)
TOKEN = "7~first-token-of-ada"


@dataclass
class Application:
    """The ports of the commands; each method executes a command or loads an aggregate."""

    store: InMemoryStore = field(default_factory=InMemoryStore)
    vault: InMemoryVault = field(default_factory=InMemoryVault)
    canvas: FakeCanvas = field(
        default_factory=lambda: FakeCanvas(users={TOKEN: CanvasUser("42", "Ada")})
    )
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    host_health: FakeHostHealth = field(default_factory=FakeHostHealth)
    connection_id: UUID = NO_CONNECTION

    async def set_up(self, token: str = TOKEN, person_id: UUID = PERSON) -> UUID:
        return (await self.execute_set_up(token, person_id)).connection_id

    async def execute_set_up(self, token: str = TOKEN, person_id: UUID = PERSON) -> QueuedSync:
        command = SetUpConnection(
            person_id=person_id, canvas_url=ORIGIN, canvas_name="Example", api_token=token
        )
        return await set_up_connection(
            command, store=self.store, vault=self.vault, canvas=self.canvas, queue=self.queue
        )

    async def request(self, connection_id: UUID, trigger: str = "manual") -> QueuedSync:
        command = RequestSync(person_id=PERSON, connection_id=connection_id, trigger=trigger)
        return await request_sync(
            command, store=self.store, queue=self.queue, interval=timedelta(hours=2)
        )

    async def run_next(self, worker: str = "worker") -> None:
        connection_id = self.queue.queued.pop(0)
        self.queue.started.append(connection_id)
        command = RunSync(connection_id=connection_id, worker=worker)
        await run_sync(
            command,
            store=self.store,
            vault=self.vault,
            canvas=self.canvas,
            host_health=self.host_health,
        )

    async def connection(self, connection_id: UUID) -> Connection:
        return await self.store.load(Connection, connection_id)

    async def sync(self, connection_id: UUID) -> Sync:
        return await self.store.load(Sync, Sync.id_for(connection_id))

    async def last_run(self, connection_id: UUID) -> SyncRun:
        run = (await self.sync(connection_id)).run
        assert run is not None
        return run


@pytest.fixture
def app() -> Application:
    return Application()
