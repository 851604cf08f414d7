"""Makes an export of a sealed log, and checks one."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from domain.sync import Sync
from infrastructure.seals.exports.export_check import check_export
from infrastructure.seals.exports.export_report import ExportReport
from interfaces.composition.process import Process
from tests.infrastructure.event_store.aggregate_histories import (
    new_connection,
    requested_sync,
    start_and_record_course,
)
from tests.infrastructure.seals.verification.sealed_log import SealedTestLog
from tests.interfaces.queries.audited_log import CONNECTION, SYNC, read

OTHER_PERSON = UUID("00000000-0000-4000-8000-00000000b0b0")


@asynccontextmanager
async def sealed_log(process: Process, folder: Path) -> AsyncIterator[SealedTestLog]:
    """Seal a log: the connection with a run and a reading, and events of another person."""
    await process.store.save(new_connection(OTHER_PERSON), requested_sync(OTHER_PERSON))
    await process.store.save(start_and_record_course(await process.store.load(Sync, SYNC)))
    await read(process)
    log = SealedTestLog(process.database_url, folder)
    log.seal()
    yield log
    log.connection.close()


async def export(process: Process) -> list[bytes]:
    made = await process.service.export_history(CONNECTION)
    return b"".join([chunk async for chunk in made.chunks()]).splitlines(keepends=True)


def check(log: SealedTestLog, lines: list[bytes]) -> ExportReport:
    return check_export(lines, keys=[log.key.verifier])
