"""The composition root: the only module that knows and constructs every part."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from application.cancel_sync import cancel_sync
from application.close_connection import close_connection
from application.record_history_read import RecordHistoryRead, record_history_read
from application.recover_sync import recover_sync
from application.request_sync import request_sync
from application.requeue_sync import requeue_sync
from application.rotate_token import rotate_token
from application.run_sync import run_sync
from application.set_up_connection import set_up_connection
from application.validate_connection import validate_connection
from infrastructure.canvas.circuit_breakers import (
    CircuitBreakers,
    load_circuit_breakers,
    load_state_counts,
)
from infrastructure.canvas.client import CanvasClient
from infrastructure.crypto.key_check import check_master_key
from infrastructure.crypto.key_file import read_or_create_key
from infrastructure.crypto.master_key import InvalidMasterKey, KeyRing, parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.crypto.token_vault import TokenVault
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.idempotency_keys import IdempotencyKeys
from infrastructure.metrics.event_loop_lag import measure_event_loop_lag
from infrastructure.metrics.registry import MetricsRenderer, open_registry
from infrastructure.metrics.sync_metrics import record_sync_metrics
from infrastructure.observability.spans import export_telemetry
from infrastructure.postgres.connection_budget import budget_for_roles
from infrastructure.postgres.database_address import open_database
from infrastructure.postgres.lease import Lease
from infrastructure.postgres.migrate import MigrationRefused
from infrastructure.postgres.pools import open_read_pool, open_write_pool
from infrastructure.projection_engine.checkpoints import checkpoint_of
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.status import projection_status
from infrastructure.projection_engine.wait_for_position import CheckpointWaiter
from infrastructure.queue.database_schema import apply_migrations, missing_migrations
from infrastructure.queue.role_health import role_health
from infrastructure.queue.sync_queue import BufferedQueue, SyncQueue, open_sync_queue
from infrastructure.scheduling.scanner import SCAN_LEASE_SECONDS, Scanner
from infrastructure.settings import Settings
from infrastructure.subscriptions.person_filter import open_person_log
from interfaces.composition.background_rebuild import BackgroundRebuild
from interfaces.composition.process import Pools, Process
from interfaces.composition.retry_on_conflict import retry_on_conflict
from interfaces.live.broadcast import Broadcast
from interfaces.live.messages import SUBSCRIBED_TOPICS
from interfaces.queries.audit_history import AuditHistory
from interfaces.queries.current_state import CurrentState
from interfaces.queries.health import HealthCheck
from interfaces.service import Service
from projections.assignments.query import assignments_of
from projections.connections.due_connections import due_at_hosts, due_connections
from projections.connections.query import connection_of, connections_of
from projections.courses.query import courses_of
from projections.dashboard_stats.query import stats_of
from projections.grade_history.query import grade_changes_of
from projections.grades.query import grades_of
from projections.registry import READ_MODELS
from projections.sync_log.query import sync_status_of, syncs_of


def ensure_migrated(settings: Settings, url: str) -> None:
    """Migrate our own database; refuse a configured one that is behind."""
    if settings.embedded:
        apply_migrations(url)
    elif missing := missing_migrations(url):
        raise MigrationRefused(f"{', '.join(missing)} not applied: run easeboard migrate.")


def load_master_keys(settings: Settings) -> KeyRing:
    """The master keys: configured, or drawn once for the embedded database."""
    if settings.canvas_encryption_key:
        return parse_key_ring(settings.canvas_encryption_key.get_secret_value())
    if settings.embedded:
        settings.home.mkdir(mode=0o755, parents=True, exist_ok=True)
        return parse_key_ring(read_or_create_key(settings.home / "master-key"))
    raise InvalidMasterKey("With DATABASE_URL, set CANVAS_ENCRYPTION_KEY too; see .env.example.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Components:
    """What commands and queries are made with."""

    settings: Settings
    database_url: str
    pools: Pools
    mapper: Mapper
    log_reader: LogReader
    store: EventStore
    token_vault: TokenVault
    canvas: CanvasClient
    circuit_breakers: CircuitBreakers
    queue: SyncQueue
    checkpoint_waiter: CheckpointWaiter
    idempotency_keys: IdempotencyKeys


@asynccontextmanager
async def bootstrap(settings: Settings, roles: Collection[str] = ()) -> AsyncIterator[Process]:
    """Open everything in order, for a process of these roles, and close it in reverse."""
    ring = load_master_keys(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(export_telemetry(settings.otel_exporter_otlp_endpoint))
        url = stack.enter_context(open_database(settings))
        ensure_migrated(settings, url)
        budget = budget_for_roles(roles)
        pools = Pools(
            write_pool=stack.enter_context(open_write_pool(url, size=budget.write_pool)),
            read_pool=await stack.enter_async_context(open_read_pool(url, size=budget.read_pool)),
        )
        check_master_key(pools.write_pool, ring)
        ensure_read_models(url, READ_MODELS)
        keys = PersonKeys(pools.write_pool, ring)
        mapper = Mapper(keys)
        log_reader = LogReader(pools.write_pool, mapper)
        projection_daemon = ProjectionDaemon(url, log_reader, READ_MODELS)
        live_updates = Broadcast(
            partial(open_person_log, url, ring, SUBSCRIBED_TOPICS),
            partial(checkpoint_of, pools.read_pool, "sync_log"),
        )
        queue = await stack.enter_async_context(
            open_sync_queue(
                url,
                roles=sorted(roles),
                lanes=settings.sync_concurrency_per_host,
                max_size=budget.queue_pool,
            )
        )
        components = Components(
            settings=settings,
            database_url=url,
            pools=pools,
            mapper=mapper,
            log_reader=log_reader,
            store=stack.enter_context(
                closing(
                    EventStore(
                        pools.write_pool,
                        keys,
                        on_append=_call_both(projection_daemon.wake, live_updates.wake),
                        on_saved=record_sync_metrics,
                    )
                )
            ),
            token_vault=stack.enter_context(closing(TokenVault(pools.write_pool, ring))),
            canvas=await stack.enter_async_context(
                CanvasClient(settings.canvas_allowed_hosts, settings.canvas_allow_private)
            ),
            circuit_breakers=CircuitBreakers(queue.pool, pools.read_pool),
            queue=queue,
            checkpoint_waiter=await stack.enter_async_context(CheckpointWaiter(pools.read_pool)),
            idempotency_keys=stack.enter_context(closing(IdempotencyKeys(pools.write_pool, ring))),
        )
        await stack.enter_async_context(measure_event_loop_lag())
        render_metrics = await stack.enter_async_context(
            open_registry(pools.read_pool, [pools.write_pool, queue.pool])
        )
        lease = Lease("scan", queue.heartbeats.process_name, queue.pool, seconds=SCAN_LEASE_SECONDS)
        yield _build_process(components, lease, projection_daemon, live_updates, render_metrics)


def _build_process(
    components: Components,
    lease: Lease,
    projection_daemon: ProjectionDaemon,
    live_updates: Broadcast,
    render_metrics: MetricsRenderer,
) -> Process:
    return Process(
        service=_build_service(components),
        settings=components.settings,
        database_url=components.database_url,
        pools=components.pools,
        log_reader=components.log_reader,
        queue=components.queue,
        scanner=_build_scanner(components, lease),
        scan_lease=lease,
        projection_daemon=projection_daemon,
        live_updates=live_updates,
        render_metrics=render_metrics,
    )


def _build_scanner(components: Components, lease: Lease) -> Scanner:
    interval, pool = components.settings.sync_interval, components.pools.read_pool
    batch = BufferedQueue(components.queue)
    return Scanner(
        lease=lease,
        find_due=partial(due_connections, interval=interval, pool=pool),
        find_due_at_hosts=partial(due_at_hosts, interval=interval, pool=pool),
        request_sync=partial(request_sync, store=components.store, queue=batch, interval=interval),
        flush=batch.flush,
        count_waiting=components.queue.waiting_by_origin,
        load_circuits=partial(load_circuit_breakers, pool),
        claim_probe=components.circuit_breakers.claim_probe,
    )


def _call_both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def call_in_order() -> None:
        first()
        second()

    return call_in_order


def _build_service(components: Components) -> Service:
    store, vault, queue = components.store, components.token_vault, components.queue
    canvas, host_health = components.canvas, components.circuit_breakers
    interval, pool = components.settings.sync_interval, components.pools.read_pool
    current_state = CurrentState(store, interval, partial(load_circuit_breakers, pool))
    history = AuditHistory(store=store, mapper=components.mapper, pool=pool, interval=interval)
    return Service(
        set_up_connection=retry_on_conflict(
            partial(set_up_connection, store=store, vault=vault, canvas=canvas, queue=queue)
        ),
        rotate_token=retry_on_conflict(
            partial(rotate_token, store=store, vault=vault, canvas=canvas)
        ),
        validate_connection=retry_on_conflict(
            partial(validate_connection, store=store, vault=vault, canvas=canvas)
        ),
        close_connection=retry_on_conflict(partial(close_connection, store=store, vault=vault)),
        request_sync=retry_on_conflict(
            partial(request_sync, store=store, queue=queue, interval=interval)
        ),
        run_sync=partial(
            run_sync, store=store, vault=vault, canvas=canvas, host_health=host_health
        ),
        cancel_sync=retry_on_conflict(partial(cancel_sync, store=store)),
        requeue_sync=retry_on_conflict(partial(requeue_sync, store=store, queue=queue)),
        recover_sync=retry_on_conflict(partial(recover_sync, store=store, queue=queue)),
        current_connection=current_state.connection,
        current_sync=current_state.sync,
        connections_of=partial(connections_of, pool=pool),
        connection_of=partial(connection_of, pool=pool),
        courses_of=partial(courses_of, pool=pool),
        assignments_of=partial(assignments_of, pool=pool),
        grades_of=partial(grades_of, pool=pool),
        grade_changes_of=partial(grade_changes_of, pool=pool),
        syncs_of=partial(syncs_of, pool=pool),
        sync_status_of=partial(sync_status_of, pool=pool),
        stats_of=partial(stats_of, pool=pool),
        history=history.history,
        state_at=history.state_at,
        all_connections=history.connections,
        record_history_read=retry_on_conflict(partial(_record_history_read, store)),
        projection_status=partial(projection_status, pool),
        rebuild_projection=BackgroundRebuild(components.database_url, components.log_reader),
        idempotency_keys=components.idempotency_keys,
        wait_for_position=components.checkpoint_waiter.wait_for,
        health=HealthCheck(components.pools, components.database_url, partial(role_health, pool)),
        canvas_host_counts=partial(load_state_counts, pool),
        sync_interval=interval,
    )


async def _record_history_read(
    store: EventStore, connection_id: UUID, reader: str, description: str
) -> None:
    command = RecordHistoryRead(connection_id=connection_id, reader=reader, what=description)
    await record_history_read(command, store=store)
