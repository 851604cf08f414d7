"""A log with a connection that auditors read, and appends that commit late."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg

from application.event_metadata import with_event_metadata
from application.record_history_read import RecordHistoryRead
from domain.sync import Sync
from interfaces.composition.process import Process
from projections.support.page import Page
from tests.deadlines import scaled
from tests.infrastructure.event_store.aggregate_histories import (
    new_connection,
)
from tests.projections.pages import decode_page

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"
PERSON = UUID("00000000-0000-4000-8000-00000000ada0")
CONNECTION = new_connection(PERSON).id
SYNC = Sync.id_for(CONNECTION)

SLOW_COMMIT = """
CREATE FUNCTION public.wait_for_test() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_lock_shared(77);
    PERFORM pg_advisory_unlock_shared(77);
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER wait_for_test AFTER INSERT ON easeboard.events
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.topic = 'SyncStarted')
    EXECUTE FUNCTION public.wait_for_test()
"""
"""A commit takes as long as the test holds the lock 77, as on a slow disk or standby."""


@contextmanager
def as_owner(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@contextmanager
def slow_append(process: Process) -> Iterator[None]:
    """Keep an append open, which starts the run and has the next position, for the block."""
    with as_owner(process.database_url) as connection:
        connection.execute(SLOW_COMMIT)
        connection.execute("SELECT pg_advisory_lock(77)")
        sync = process.store.load_blocking(Sync, SYNC)
        sync.start("worker")
        (head,) = connection.execute("SELECT last_value FROM easeboard.position").fetchone() or (0,)
        asyncio.get_running_loop().run_in_executor(None, process.store.save_blocking, sync)
        while connection.execute("SELECT last_value FROM easeboard.position").fetchone() == (head,):
            pass
        try:
            yield
        finally:
            connection.execute("SELECT pg_advisory_unlock(77)")


async def read(process: Process, connection_id: UUID = CONNECTION) -> None:
    """Record that somebody has read the history, as every route does."""
    command = RecordHistoryRead(
        connection_id=connection_id, reader="auditor", what="events", purpose="complaint"
    )
    with with_event_metadata("auditor"):
        await process.service.record_history_read(command)


def positions(page: Page) -> list[int]:
    return [event["position"] for event in decode_page(page)]


async def wait_for_append(process: Process) -> None:
    async with asyncio.timeout(scaled(5)):
        while (await process.store.load(Sync, SYNC)).version < 2:  # noqa: ASYNC110  # no signal
            await asyncio.sleep(0.01)


async def all_events(process: Process) -> list[dict[str, Any]]:
    """Return the events of the connection, without a record of this read."""
    page, _ = await process.service.history(CONNECTION, limit=None)
    return decode_page(page)
