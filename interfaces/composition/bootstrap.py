"""The composition root: opens every part of a process in order, and closes it in reverse."""

from collections.abc import AsyncIterator, Collection
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
)
from functools import partial

from infrastructure.canvas.circuit_breakers import CircuitBreakers
from infrastructure.canvas.client import CanvasClient
from infrastructure.crypto.calendar_addresses import CalendarAddresses
from infrastructure.crypto.key_check import check_master_key
from infrastructure.crypto.master_key import KeyRing
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.crypto.token_vault import TokenVault
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.idempotency_keys import IdempotencyKeys
from infrastructure.metrics.event_loop_lag import measure_event_loop_lag
from infrastructure.metrics.registry import MetricsRenderer, open_registry
from infrastructure.metrics.sync_metrics import record_sync_metrics
from infrastructure.postgres.connection_budget import budget_for_roles
from infrastructure.postgres.database_address import open_database
from infrastructure.postgres.pools import Pools, WritePool, open_pools
from infrastructure.projection_engine.checkpoint_waiter import CheckpointWaiter
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.queue.sync_queue import SyncQueue, open_sync_queue
from infrastructure.settings import Settings
from infrastructure.subscriptions.person_log import open_person_log
from interfaces.composition.optional_adapters import export_telemetry
from interfaces.composition.process import Process
from interfaces.composition.startup_checks import ensure_migrated, load_master_keys
from interfaces.live.broadcast import Broadcast
from interfaces.live.messages import SUBSCRIBED_TOPICS
from projections.courses.exact_counts import exact_counts
from projections.registry import READ_MODELS


@asynccontextmanager
async def bootstrap(settings: Settings, roles: Collection[str] = ()) -> AsyncIterator[Process]:
    """Open the parts of a process with these roles, and close them after the block.

    Without roles the pools are as small as a command of the command line needs.

    Raises:
        InvalidMasterKey: If the master keys are missing or malformed.
        WrongMasterKey: If the database was encrypted with another master key.
        MigrationRefused: If a configured database has not been migrated.
        PostgresUnavailable: If the database cannot be started or reached.
    """
    ring = load_master_keys(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(export_telemetry(settings.otel_exporter_otlp_endpoint))
        url = stack.enter_context(open_database(settings))
        ensure_migrated(settings, url)
        budget = budget_for_roles(roles)
        pools = await stack.enter_async_context(
            open_pools(url, write_size=budget.write_pool, read_size=budget.read_pool)
        )
        check_master_key(pools.write_pool, ring)
        ensure_read_models(url, READ_MODELS)
        queue = await stack.enter_async_context(
            open_sync_queue(
                url,
                roles=sorted(roles),
                lanes=settings.sync_concurrency_per_host,
                max_size=budget.queue_pool,
            )
        )
        await stack.enter_async_context(measure_event_loop_lag())
        yield await _open_process(
            stack, settings=settings, url=url, ring=ring, pools=pools, queue=queue
        )


async def _open_process(
    stack: AsyncExitStack,
    *,
    settings: Settings,
    url: str,
    ring: KeyRing,
    pools: Pools,
    queue: SyncQueue,
) -> Process:
    """Construct the parts that use the database; the stack closes them."""
    keys = PersonKeys(pools.write_pool, ring)
    mapper = Mapper(keys)
    log_reader = LogReader(pools.write_pool, mapper)
    live_updates = Broadcast(partial(open_person_log, url, ring, SUBSCRIBED_TOPICS))
    projection_daemon = ProjectionDaemon(
        url, log_reader, READ_MODELS, on_advanced=live_updates.wake
    )
    return Process(
        settings=settings,
        database_url=url,
        pools=pools,
        mapper=mapper,
        log_reader=log_reader,
        store=_open_store(stack, pools.write_pool, keys, projection_daemon, live_updates),
        token_vault=stack.enter_context(closing(TokenVault(pools.write_pool, ring))),
        calendar_addresses=stack.enter_context(closing(CalendarAddresses(*pools))),
        canvas=await stack.enter_async_context(
            CanvasClient(settings.canvas_allowed_hosts, settings.canvas_allow_private)
        ),
        circuit_breakers=CircuitBreakers(queue.pool, pools.read_pool),
        queue=queue,
        checkpoint_waiter=await stack.enter_async_context(CheckpointWaiter(pools.read_pool)),
        idempotency_keys=_open_idempotency_keys(stack, pools.write_pool, ring, queue),
        projection_daemon=projection_daemon,
        live_updates=live_updates,
        render_metrics=await stack.enter_async_context(_open_metrics(pools, queue)),
    )


def _open_idempotency_keys(
    stack: AsyncExitStack, pool: WritePool, ring: KeyRing, queue: SyncQueue
) -> IdempotencyKeys:
    """Open the idempotency keys; a heartbeat tells which process is alive."""
    beats = queue.heartbeats
    keys = IdempotencyKeys(pool, ring, process=beats.process_name, is_alive=beats.is_process_alive)
    return stack.enter_context(closing(keys))


def _open_metrics(pools: Pools, queue: SyncQueue) -> AbstractAsyncContextManager[MetricsRenderer]:
    count_exact = partial(exact_counts, pool=pools.read_pool)
    return open_registry(pools.read_pool, [pools.write_pool, queue.pool], count_exact)


def _open_store(
    stack: AsyncExitStack,
    pool: WritePool,
    keys: PersonKeys,
    projection_daemon: ProjectionDaemon,
    live_updates: Broadcast,
) -> EventStore:
    """Open the event store.

    An append wakes the log readers of this process; those of other processes poll.
    """

    def wake_log_readers() -> None:
        projection_daemon.wake()
        live_updates.wake()

    store = EventStore(pool, keys, on_append=wake_log_readers, on_saved=record_sync_metrics)
    return stack.enter_context(closing(store))
