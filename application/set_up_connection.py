"""The command that connects a person to their Canvas account and queues the first run."""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

from application.clock import utc_now
from application.person_budget import PersonBudget
from application.ports import Canvas, CanvasUser, Queue, Store, Vault
from application.request_sync import QueuedSync, recorded_sync, seconds_until_midnight
from domain.aggregate import NO_PERSON
from domain.connection import Connection
from domain.errors import (
    ConnectionExists,
    DailyLimitReached,
    PersonIsErased,
    TooManyConnections,
)
from domain.sync import Sync


@dataclass(frozen=True, slots=True, kw_only=True)
class SetUpConnection:
    """A person enters the address of their Canvas and a token."""

    person_id: UUID
    canvas_url: str
    canvas_name: str | None = None
    """A name that the person chose; None for the host, with its port if the origin has one."""
    api_token: str = field(repr=False)


async def set_up_connection(
    command: SetUpConnection,
    *,
    store: Store,
    vault: Vault,
    canvas: Canvas,
    queue: Queue,
    budget: PersonBudget | None = None,
) -> QueuedSync:
    """Check the token at Canvas, store it, open the connection; return its first run, queued.

    The token is stored in the transaction of the event that has its fingerprint. That is also when
    the connections of the person are counted, so that none is too many.

    Raises:
        CanvasUrlNotAllowed: If no token may be sent to this address.
        ConnectionExists: If the person has an open connection to this Canvas.
        TooManyConnections: If the person has as many connections as their `budget` permits.
        DailyLimitReached: If as much was recorded for the person today as may be.
        PersonIsErased: If the data of the person was erased.
        CanvasFailure: If Canvas refuses the token or does not respond.
    """
    origin = canvas.allowed_origin(command.canvas_url)
    queued = recorded_sync()
    if queued is None:
        await _new_connection(command.person_id, origin, store)
        await _require_place(command.person_id, budget)
        user = await canvas.fetch_user(origin, command.api_token)

        async def open_connection() -> QueuedSync:
            return await _open_connection(command, origin, user, store, vault=vault, budget=budget)

        turn = Connection.id_for(command.person_id, origin, 1)
        queued = await store.in_turn(turn, open_connection)
    await queue.enqueue(queued.connection_id, origin, person_id=command.person_id, urgent=True)
    return queued


async def _require_place(person_id: UUID, budget: PersonBudget | None) -> None:
    """Refuse before a request is sent to Canvas what would be refused after it."""
    if budget and not await budget.has_place(person_id):
        raise TooManyConnections(budget.max_connections)
    if budget and (await budget.left_today(person_id)).is_used_up:
        raise DailyLimitReached(seconds_until_midnight(utc_now()))


async def _new_connection(person_id: UUID, origin: str, store: Store) -> Connection:
    number = 1
    while True:
        stream = Connection.id_for(person_id, origin, number)
        connection = await store.load(Connection, stream)
        if not connection.exists:
            return connection
        if connection.person_id == NO_PERSON:
            raise PersonIsErased(person_id)
        if connection.status != "closed":
            raise ConnectionExists(connection.id)
        number += 1


async def _open_connection(
    command: SetUpConnection,
    origin: str,
    user: CanvasUser,
    store: Store,
    *,
    vault: Vault,
    budget: PersonBudget | None,
) -> QueuedSync:
    connection = await _new_connection(command.person_id, origin, store)
    fingerprint = vault.fingerprint(connection.id, command.api_token)
    connection.open(
        person_id=command.person_id,
        canvas_url=origin,
        canvas_name=command.canvas_name or _host_of(origin),
        canvas_user_id=user.id,
        canvas_user_name=user.name,
        token_fingerprint=fingerprint,
    )
    sync = Sync.new(Sync.id_for(connection.id))
    queued = QueuedSync(uuid4(), connection.id, trigger="setup", mode="full")
    sync.request(**queued._asdict(), person_id=command.person_id)
    row = command.person_id, connection.id, origin, command.api_token, fingerprint
    places = [budget.place_for(command.person_id, connection.id)] if budget else []
    await store.save(connection, sync, secrets=[*places, vault.storing(*row)])
    return queued


def _host_of(origin: str) -> str:
    """Return host and port of an origin, which has no default port."""
    return origin.partition("://")[2]
