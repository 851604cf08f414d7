"""The command with which a worker executes a run, from its start to its end."""

from dataclasses import dataclass
from uuid import UUID

from application.load_token import load_token
from application.person_budget import PersonBudget
from application.ports import Canvas, HostHealth, Store, Vault
from application.request_sync import NO_REQUESTS
from application.sync_runner import SyncRunner
from application.validate_connection import record_rejection
from domain.connection import Connection
from domain.errors import (
    CanvasFailure,
    CanvasTokenRejected,
    CanvasUnreachable,
    ConnectionUnusable,
    DomainError,
    NoSyncRunning,
    PersonIsErased,
    SyncAlreadyRunning,
    SyncIsOver,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSync:
    """A worker executes the queued run of a connection."""

    connection_id: UUID
    worker: str
    """The name of the worker; see Attempt."""


async def run_sync(
    command: RunSync,
    *,
    store: Store,
    vault: Vault,
    canvas: Canvas,
    host_health: HostHealth,
    budget: PersonBudget | None = None,
) -> None:
    """Read the account and record what differs, within the `budget` of the person.

    A run that finds more than may be recorded today ends `partial`: what it has recorded stays.
    It returns without an error if the run was cancelled, another worker has it, or the person was
    erased meanwhile. Failures of Canvas end the run and are not raised.
    """
    runner = SyncRunner(command.connection_id, command.worker, store, budget)
    try:
        await runner.start()
        connection = await store.load(Connection, command.connection_id)
        to_read: Connection | None = connection
        while to_read:
            to_read = await _read_account(
                runner, to_read, store=store, vault=vault, canvas=canvas, host_health=host_health
            )
        await runner.report_host(host_health, connection.canvas_url)
        await runner.snapshot()
    except (NoSyncRunning, SyncIsOver, SyncAlreadyRunning, PersonIsErased):
        return


async def _read_account(
    runner: SyncRunner,
    connection: Connection,
    *,
    store: Store,
    vault: Vault,
    canvas: Canvas,
    host_health: HostHealth,
) -> Connection | None:
    """Read the account; return the connection if Canvas rejected a token that was replaced since.

    The account is then read again with the new token.
    """
    connection, token = await _load_token(runner, connection, store, vault)
    host_degraded = await host_health.is_degraded(connection.canvas_url)
    if token and host_degraded and await runner.is_held_back(host_health, connection.canvas_url):
        await runner.fail(_unreachable_host(connection.canvas_url), NO_REQUESTS)
    elif token:
        async with canvas.open_account(
            connection.canvas_url,
            token,
            user_id=connection.canvas_user_id,
            host_degraded=host_degraded,
        ) as account:
            try:
                await runner.read(account)
            except CanvasTokenRejected as rejection:
                newest = await store.load(Connection, connection.id)
                if newest.token_fingerprint != connection.token_fingerprint:
                    return newest
                await runner.correlate_with_run()
                await runner.fail(rejection, account.requests)
                await record_rejection(connection, rejection.detail, store)
            except CanvasFailure as failure:
                await runner.fail(failure, account.requests)
    return None


async def _load_token(
    runner: SyncRunner, connection: Connection, store: Store, vault: Vault
) -> tuple[Connection, str | None]:
    """Return the newest connection and its token; without a usable one the run fails."""
    try:
        connection.require_active()
        return await load_token(connection, store, vault)
    except DomainError as refusal:
        await runner.fail(ConnectionUnusable(str(refusal)), NO_REQUESTS)
    except KeyError:
        failure = ConnectionUnusable("The token of this connection was destroyed: replace it.")
        await runner.fail(failure, NO_REQUESTS)
    return connection, None


def _unreachable_host(origin: str) -> CanvasUnreachable:
    return CanvasUnreachable(
        f"{origin} did not respond to the last syncs, so this one sent no request; the next sync"
        " follows when it responds again. You can try it yourself in a minute."
    )
