"""The composition root: opens every part of a process in order, and closes it in reverse."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    closing,
)
from dataclasses import replace
from functools import partial

from infrastructure.canvas.circuit_breakers import CircuitBreakers
from infrastructure.canvas.client import CanvasClient
from infrastructure.canvas.limits import DEFAULT_LIMITS
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
from infrastructure.postgres.database_address import open_database, require_existing_database
from infrastructure.postgres.pools import Pools, WritePool, open_pools
from infrastructure.projection_engine.checkpoint_waiter import CheckpointWaiter
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.queue.sync_queue import SyncQueue, open_sync_queue
from infrastructure.queue.syncing_switch import SyncingSwitch
from infrastructure.rate_limiting.person_usage import PersonUsage
from infrastructure.settings.settings import Settings
from interfaces.composition.erasure import open_erasure
from interfaces.composition.log_readers import LogReaders
from interfaces.composition.log_repair import repair_log
from interfaces.composition.optional_adapters import export_telemetry
from interfaces.composition.process import Process
from interfaces.composition.seal_parts import new_seal_tasks
from interfaces.composition.startup_checks import ensure_migrated, load_master_keys
from interfaces.composition.verdict_recorder import VerdictRecorder
from interfaces.http.server.file_budget import canvas_connections, raise_file_limit
from projections.courses.exact_counts import exact_counts
from projections.registry import READ_MODELS


@asynccontextmanager
async def bootstrap(settings: Settings, roles: Collection[str] = ()) -> AsyncIterator[Process]:
    """Open the parts of a process with these roles, and close them after the block.

    Without roles the pools are as small as a command of the command line needs, and a database is
    not created.

    Raises:
        InvalidMasterKey: If the master keys are missing or malformed.
        WrongMasterKey: If the database was encrypted with another master key.
        MigrationRefused: If a configured database has not been migrated.
        NoDatabase: If there is no database, and the process has no role.
        PostgresUnavailable: If the database cannot be started or reached.
        TombstonesUnreadable: If it cannot be read in `SEAL_DIR` who was erased.
    """
    if not roles:
        require_existing_database(settings)
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
        if roles:
            await repair_log(pools)
        ensure_read_models(url, READ_MODELS)
        queue = await stack.enter_async_context(
            open_sync_queue(
                url,
                roles=sorted(roles),
                lanes=settings.sync_concurrency_per_host,
                max_size=budget.queue_pool,
                ring=ring,
            )
        )
        if roles:
            await SyncingSwitch(queue.pool).record_first_start()
        await stack.enter_async_context(measure_event_loop_lag())
        process = await _open_process(
            stack, roles, settings=settings, url=url, ring=ring, pools=pools, queue=queue
        )
        await process.erasure.erase_again()
        yield process


async def _open_process(
    stack: AsyncExitStack,
    roles: Collection[str],
    *,
    settings: Settings,
    url: str,
    ring: KeyRing,
    pools: Pools,
    queue: SyncQueue,
) -> Process:
    """Construct the parts that use the database; the stack closes them."""
    keys = PersonKeys(pools.write_pool, ring)
    person_usage = await stack.enter_async_context(PersonUsage(queue.pool).running())
    log_reader = LogReader(pools.write_pool, mapper := Mapper(keys))
    circuit_breakers = CircuitBreakers(queue.pool, pools.read_pool)
    readers = LogReaders(url, ring, log_reader, queue.heartbeats.process_name)
    stack.enter_context(readers.woken(roles))
    store = _open_store(stack, pools.write_pool, keys, readers.wake_all, person_usage)
    _record_checks(readers, store)
    return Process(
        settings=settings,
        database_url=url,
        pools=pools,
        mapper=mapper,
        log_reader=log_reader,
        store=store,
        person_usage=person_usage,
        token_vault=stack.enter_context(closing(TokenVault(pools.write_pool, ring))),
        calendar_addresses=stack.enter_context(closing(CalendarAddresses(*pools))),
        canvas=await stack.enter_async_context(_new_canvas_client(settings, circuit_breakers)),
        circuit_breakers=circuit_breakers,
        queue=queue,
        checkpoint_waiter=await stack.enter_async_context(CheckpointWaiter(pools.read_pool)),
        idempotency_keys=_open_idempotency_keys(stack, pools.write_pool, keys, ring, queue),
        erasure=open_erasure(stack, settings, pools=pools, keys=keys, store=store, queue=queue),
        projection_daemon=readers.projection_daemon,
        sealing=new_seal_tasks(settings, pools.write_pool, ring, log_reader, queue),
        live_updates=readers.live_updates,
        kept_documents=readers.kept_documents,
        render_metrics=await stack.enter_async_context(_open_metrics(pools, queue)),
    )


def _record_checks(readers: LogReaders, store: EventStore) -> None:
    """Record what the projection daemon finds before each cut-over."""
    recorder = VerdictRecorder(store, asyncio.get_running_loop(), "projector")
    readers.projection_daemon.report_checks_to(recorder.record_check)


def _new_canvas_client(settings: Settings, circuit_breakers: CircuitBreakers) -> CanvasClient:
    return CanvasClient(
        settings.canvas_allowed_hosts,
        settings.canvas_allow_private,
        limits=replace(DEFAULT_LIMITS, connections=canvas_connections(raise_file_limit())),
        host_health=circuit_breakers,
    )


def _open_idempotency_keys(
    stack: AsyncExitStack, pool: WritePool, keys: PersonKeys, ring: KeyRing, queue: SyncQueue
) -> IdempotencyKeys:
    """Open the idempotency keys; a heartbeat tells which process is alive."""
    beats = queue.heartbeats
    idempotency_keys = IdempotencyKeys(
        pool, keys, ring, process=beats.process_name, is_alive=beats.is_process_alive
    )
    return stack.enter_context(closing(idempotency_keys))


def _open_metrics(pools: Pools, queue: SyncQueue) -> AbstractAsyncContextManager[MetricsRenderer]:
    count_exact = partial(exact_counts, pool=pools.read_pool)
    return open_registry(pools.read_pool, [pools.write_pool, queue.pool], count_exact)


def _open_store(
    stack: AsyncExitStack,
    pool: WritePool,
    keys: PersonKeys,
    on_append: Callable[[], None],
    person_usage: PersonUsage,
) -> EventStore:
    """Open the event store; what it stored is counted for its person."""
    store = EventStore(
        pool,
        keys,
        on_append=on_append,
        on_saved=record_sync_metrics,
        on_stored=person_usage.count,
    )
    return stack.enter_context(closing(store))
