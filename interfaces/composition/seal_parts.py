"""Builds what seals the log in a process with the role projector."""

from infrastructure.crypto.master_key import KeyRing
from infrastructure.event_store.log_reader import LogReader
from infrastructure.postgres.lease import Lease
from infrastructure.postgres.pools import WritePool
from infrastructure.queue.sync_queue import SyncQueue
from infrastructure.seals.recent_entries import RecentEntries
from infrastructure.seals.seal_publisher import SealPublisher
from infrastructure.seals.seal_tasks import LEASE_SECONDS, SealTasks
from infrastructure.seals.sealer import Sealer, SealingKeys
from infrastructure.settings.settings import Settings


def new_seal_tasks(
    settings: Settings, pool: WritePool, ring: KeyRing, reader: LogReader, queue: SyncQueue
) -> SealTasks:
    """Return what seals the log, and publishes the seals if there is a directory for them."""
    keys = SealingKeys(ring, settings.seal_origin, with_ml_dsa=settings.seal_ml_dsa == "on")
    lease = Lease("seal", queue.heartbeats.process_name, queue.pool, seconds=LEASE_SECONDS)
    recent, directory = RecentEntries(), settings.seal_directory
    publisher = SealPublisher(pool, directory, recent) if directory else None
    return SealTasks(Sealer(pool, keys), lease, reader, recent, publisher)
