"""The program as it runs: the service and the parts its roles turn."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool, ConnectionPool

from infrastructure.event_store.log_reader import LogReader
from infrastructure.metrics.registry import Scrape
from infrastructure.postgres.lease import Lease
from infrastructure.postgres.timeouts import Connection
from infrastructure.projection_engine.daemon import Follower
from infrastructure.queue.sync_queue import SyncQueue
from infrastructure.scheduling.scanner import Scanner
from infrastructure.settings import Settings
from interfaces.live.broadcast import Broadcast
from interfaces.service import Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Pools:
    """Connections to the database: for threads that write, and for the loop that reads."""

    writes: ConnectionPool[Connection]
    reads: AsyncConnectionPool[psycopg.AsyncConnection[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """Everything one process holds open."""

    service: Service
    settings: Settings
    database_url: str
    pools: Pools
    log: LogReader
    queue: SyncQueue
    scanner: Scanner
    scan_lease: Lease
    follower: Follower
    live: Broadcast
    scrape: Scrape
