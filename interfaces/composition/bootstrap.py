"""The composition root: the only module that knows and constructs every part."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from application.cancel_sync import cancel_sync
from application.close_connection import close_connection
from application.record_history_read import RecordReading, record_reading
from application.recover_sync import interrupt_sync
from application.request_sync import request_sync
from application.requeue_sync import give_run_back
from application.rotate_token import rotate_token
from application.run_sync import run_sync
from application.set_up_connection import set_up_connection
from application.validate_connection import validate_connection
from infrastructure.canvas.circuit_breakers import Circuits, circuits, counts_now
from infrastructure.canvas.client import CanvasClient
from infrastructure.crypto.key_check import check_canary
from infrastructure.crypto.key_file import stored_key
from infrastructure.crypto.master_key import BadMasterKey, KeyRing, key_ring
from infrastructure.crypto.person_keys import PeopleKeys
from infrastructure.crypto.token_vault import TokenVault
from infrastructure.event_store.log_reader import LogReader
from infrastructure.event_store.mapper import Mapper
from infrastructure.event_store.store import EventStore
from infrastructure.idempotency_keys import Answers
from infrastructure.metrics.event_loop_lag import watching_the_loop
from infrastructure.metrics.registry import Scrape, scraping
from infrastructure.metrics.sync_metrics import see_ends
from infrastructure.observability.spans import telemetry
from infrastructure.postgres.connection_budget import budget
from infrastructure.postgres.database_address import database
from infrastructure.postgres.lease import Lease
from infrastructure.postgres.migrate import MigrationRefused
from infrastructure.postgres.pools import reads, writes
from infrastructure.projection_engine.checkpoints import standing_of
from infrastructure.projection_engine.daemon import Follower
from infrastructure.projection_engine.ensure_versions import ensure_read_models
from infrastructure.projection_engine.status import status
from infrastructure.projection_engine.wait_for_position import Arrivals
from infrastructure.queue.database_schema import bring_up_to_date, missing_of
from infrastructure.queue.role_health import cast
from infrastructure.queue.sync_queue import Batch, SyncQueue, sync_queue
from infrastructure.scheduling.scanner import LEASE, Scanner
from infrastructure.settings import Settings
from infrastructure.subscriptions.person_filter import peoples_log
from interfaces.composition.background_rebuild import Rebuilding
from interfaces.composition.process import Pools, Running
from interfaces.composition.retry_on_conflict import retrying
from interfaces.live.broadcast import Broadcast
from interfaces.live.messages import TOPICS
from interfaces.queries.audit_history import Auditing
from interfaces.queries.current_state import Now
from interfaces.queries.health import Health
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


def must_be_migrated(settings: Settings, url: str) -> None:
    """Migrate our own database; refuse a configured one that is behind."""
    if settings.embedded:
        bring_up_to_date(url)
    elif missing := missing_of(url):
        raise MigrationRefused(f"{', '.join(missing)} not applied: run easeboard migrate.")


def master_keys(settings: Settings) -> KeyRing:
    """The master keys: configured, or drawn once for the embedded database."""
    if settings.canvas_encryption_key:
        return key_ring(settings.canvas_encryption_key.get_secret_value())
    if settings.embedded:
        settings.home.mkdir(mode=0o755, parents=True, exist_ok=True)
        return key_ring(stored_key(settings.home / "master-key"))
    raise BadMasterKey("With DATABASE_URL, set CANVAS_ENCRYPTION_KEY too; see .env.example.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What commands and queries are made with."""

    settings: Settings
    url: str
    pools: Pools
    mapper: Mapper
    log: LogReader
    store: EventStore
    vault: TokenVault
    canvas: CanvasClient
    circuits: Circuits
    queue: SyncQueue
    arrivals: Arrivals
    answers: Answers


@asynccontextmanager
async def bootstrap(settings: Settings, roles: Collection[str] = ()) -> AsyncIterator[Running]:
    """Open everything in order, for a process of these roles, and close it in reverse."""
    ring = master_keys(settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(telemetry(settings.otel_exporter_otlp_endpoint))
        url = stack.enter_context(database(settings))
        must_be_migrated(settings, url)
        allowed = budget(roles)
        pools = Pools(
            writes=stack.enter_context(writes(url, size=allowed.writes)),
            reads=await stack.enter_async_context(reads(url, size=allowed.reads)),
        )
        check_canary(pools.writes, ring)
        ensure_read_models(url, READ_MODELS)
        keys = PeopleKeys(pools.writes, ring)
        mapper = Mapper(keys)
        log = LogReader(pools.writes, mapper)
        follower = Follower(url, log, READ_MODELS)
        live = Broadcast(
            partial(peoples_log, url, ring, TOPICS), partial(standing_of, pools.reads, "sync_log")
        )
        queue = await stack.enter_async_context(
            sync_queue(
                url,
                roles=sorted(roles),
                lanes=settings.sync_concurrency_per_host,
                size=allowed.queue,
            )
        )
        parts = Parts(
            settings=settings,
            url=url,
            pools=pools,
            mapper=mapper,
            log=log,
            store=stack.enter_context(
                closing(
                    EventStore(
                        pools.writes,
                        keys,
                        on_append=_both(follower.wake, live.wake),
                        on_saved=see_ends,
                    )
                )
            ),
            vault=stack.enter_context(closing(TokenVault(pools.writes, ring))),
            canvas=await stack.enter_async_context(
                CanvasClient(settings.canvas_allowed_hosts, settings.canvas_allow_private)
            ),
            circuits=Circuits(queue.pool, pools.reads),
            queue=queue,
            arrivals=await stack.enter_async_context(Arrivals(pools.reads)),
            answers=stack.enter_context(closing(Answers(pools.writes, ring))),
        )
        await stack.enter_async_context(watching_the_loop())
        scrape = await stack.enter_async_context(scraping(pools.reads, [pools.writes, queue.pool]))
        lease = Lease("scan", queue.workers.process, queue.pool, seconds=LEASE)
        yield _running(parts, lease, follower, live, scrape)


def _running(
    parts: Parts, lease: Lease, follower: Follower, live: Broadcast, scrape: Scrape
) -> Running:
    return Running(
        service=_service(parts),
        settings=parts.settings,
        database_url=parts.url,
        pools=parts.pools,
        log=parts.log,
        queue=parts.queue,
        scanner=_scanner(parts, lease),
        scan_lease=lease,
        follower=follower,
        live=live,
        scrape=scrape,
    )


def _scanner(parts: Parts, lease: Lease) -> Scanner:
    interval, pool, batch = parts.settings.sync_interval, parts.pools.reads, Batch(parts.queue)
    return Scanner(
        lease=lease,
        find=partial(due_connections, interval=interval, pool=pool),
        find_at=partial(due_at_hosts, interval=interval, pool=pool),
        request=partial(request_sync, store=parts.store, queue=batch, interval=interval),
        flush=batch.flush,
        waiting=parts.queue.waiting_at,
        circuits=partial(circuits, pool),
        probe=parts.circuits.probe,
    )


def _both(first: Callable[[], None], second: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        first()
        second()

    return call


def _service(parts: Parts) -> Service:
    store, vault, canvas, queue = parts.store, parts.vault, parts.canvas, parts.queue
    interval, pool = parts.settings.sync_interval, parts.pools.reads
    now = Now(store, interval, partial(circuits, pool))
    auditing = Auditing(store=store, mapper=parts.mapper, pool=pool, interval=interval)
    return Service(
        set_up_connection=retrying(
            partial(set_up_connection, store=store, vault=vault, canvas=canvas, queue=queue)
        ),
        rotate_token=retrying(partial(rotate_token, store=store, vault=vault, canvas=canvas)),
        validate_connection=retrying(
            partial(validate_connection, store=store, vault=vault, canvas=canvas)
        ),
        close_connection=retrying(partial(close_connection, store=store, vault=vault)),
        request_sync=retrying(partial(request_sync, store=store, queue=queue, interval=interval)),
        run_sync=partial(run_sync, store=store, vault=vault, canvas=canvas, hosts=parts.circuits),
        cancel_sync=retrying(partial(cancel_sync, store=store)),
        give_run_back=retrying(partial(give_run_back, store=store, queue=queue)),
        interrupt_sync=retrying(partial(interrupt_sync, store=store, queue=queue)),
        connection_now=now.connection,
        sync_now=now.sync,
        connections_of=partial(connections_of, pool=pool),
        connection_of=partial(connection_of, pool=pool),
        courses_of=partial(courses_of, pool=pool),
        assignments_of=partial(assignments_of, pool=pool),
        grades_of=partial(grades_of, pool=pool),
        grade_changes_of=partial(grade_changes_of, pool=pool),
        syncs_of=partial(syncs_of, pool=pool),
        sync_status_of=partial(sync_status_of, pool=pool),
        stats_of=partial(stats_of, pool=pool),
        history=auditing.history,
        state_at=auditing.state_at,
        audited_connections=auditing.connections,
        record_reading=retrying(partial(_record_reading, store)),
        projections=partial(status, pool),
        rebuild=Rebuilding(parts.url, parts.log),
        answers=parts.answers,
        wait_for=parts.arrivals.wait_for,
        health=Health(parts.pools, parts.url, partial(cast, pool)),
        canvas_hosts=partial(counts_now, pool),
        interval=interval,
    )


async def _record_reading(store: EventStore, connection_id: UUID, reader: str, what: str) -> None:
    command = RecordReading(connection_id=connection_id, reader=reader, what=what)
    await record_reading(command, store=store)
