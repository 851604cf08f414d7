"""The program as it runs: the service and the parts its roles turn."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.metrics.registry import MetricsRenderer
from infrastructure.postgres.lease import Lease
from infrastructure.postgres.timeouts import TimedConnection
from infrastructure.projection_engine.daemon import ProjectionDaemon
from infrastructure.queue.sync_queue import SyncQueue
from infrastructure.scheduling.scanner import Scanner
from infrastructure.settings import Settings
from interfaces.live.broadcast import Broadcast
from interfaces.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """Connections to the database: for threads that write, and for the loop that reads."""

    write_pool: ConnectionPool[TimedConnection]
    read_pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """Everything one process holds open."""

    service: Service
    settings: Settings
    database_url: str
    pools: Pools
    log_reader: LogReader
    queue: SyncQueue
    scanner: Scanner
    scan_lease: Lease
    projection_daemon: ProjectionDaemon
    live_updates: Broadcast
    render_metrics: MetricsRenderer
