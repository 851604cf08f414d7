"""A whole application around an in-memory log."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import pytest

from application.ports import CanvasUser
from application.request_sync import RequestSync, request_sync
from application.run_sync import RunSync, run_sync
from application.set_up_connection import SetUpConnection, set_up_connection
from domain.connection import Connection
from domain.sync import Sync
from tests.fakes import ORIGIN, FakeCanvas, FakeHostHealth, InMemoryQueue, InMemoryVault
from tests.memory_store import InMemoryStore

PERSON = UUID("00000000-0000-4000-8000-00000000000a")
NO_CONNECTION = UUID(int=0)
TOKEN = "7~first-token-of-ada"


@dataclass
class Application:
    """Everything a command may need."""

    store: InMemoryStore = field(default_factory=InMemoryStore)
    vault: InMemoryVault = field(default_factory=InMemoryVault)
    canvas: FakeCanvas = field(
        default_factory=lambda: FakeCanvas(users={TOKEN: CanvasUser("42", "Ada")})
    )
    queue: InMemoryQueue = field(default_factory=InMemoryQueue)
    host_health: FakeHostHealth = field(default_factory=FakeHostHealth)
    connection_id: UUID = NO_CONNECTION

    async def set_up(self, token: str = TOKEN, person_id: UUID = PERSON) -> UUID:
        command = SetUpConnection(
            person_id=person_id, canvas_url=ORIGIN, canvas_name="Example", api_token=token
        )
        return await set_up_connection(
            command, store=self.store, vault=self.vault, canvas=self.canvas, queue=self.queue
        )

    async def request(self, connection_id: UUID, trigger: str = "manual") -> UUID:
        command = RequestSync(person_id=PERSON, connection_id=connection_id, trigger=trigger)
        queued = await request_sync(
            command, store=self.store, queue=self.queue, interval=timedelta(hours=2)
        )
        return queued.sync_id

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


@pytest.fixture
def app() -> Application:
    return Application()
