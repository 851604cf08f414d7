"""Records what comparisons of read models found, from the threads in which they run."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

import structlog

from application.event_metadata import with_event_metadata
from application.ports import Store
from application.record_verification import RecordVerification, record_verification
from infrastructure.event_store.errors import describe_error
from infrastructure.projection_engine.row_counts import TableCount
from infrastructure.projection_engine.switch_check import SwitchCheck
from infrastructure.projection_engine.verification import Verification

RECORD_TIMEOUT_SECONDS = 30.0
"""Seconds that a thread waits until the event is appended."""

logger = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class VerdictRecorder:
    """Appends the events of comparisons in an event loop; called by other threads.

    `actor` is who had them made: a user id, `cli:` and a user name, or a part of the program.
    """

    store: Store
    loop: asyncio.AbstractEventLoop
    actor: str

    def record_verification(self, found: Verification) -> None:
        """Record a verification; raises what the store raises, and TimeoutError."""
        self._record(
            RecordVerification(
                projection=found.name,
                version=found.version,
                position=found.position,
                digest=found.digest,
                rows=_rows((each.table, each.old) for each in found.tables),
                new_version=None,
                new_digest=found.new_digest,
                new_rows=_rows((each.table, each.new) for each in found.tables),
                result="ok" if found.result == "ok" else "different",
            )
        )

    def record_check(self, check: SwitchCheck) -> None:
        """Record the comparison before a cut-over, which does not fail if that is not possible."""
        command = RecordVerification(
            projection=check.name,
            version=check.old_version,
            position=check.position,
            digest=check.old_digest,
            rows=_rows((each.table, each.old) for each in check.tables),
            new_version=check.new_version,
            new_digest=check.new_digest,
            new_rows=_rows((each.table, each.new) for each in check.tables),
            result=check.result,
        )
        try:
            self._record(command)
        except Exception as error:  # noqa: BLE001  # the rebuild is worth more than its record
            logger.warning(
                "projection.check_not_recorded",
                projection=check.name,
                error=describe_error(error),
            )

    def _record(self, command: RecordVerification) -> None:
        future = asyncio.run_coroutine_threadsafe(self._append(command), self.loop)
        future.result(RECORD_TIMEOUT_SECONDS)

    async def _append(self, command: RecordVerification) -> None:
        with with_event_metadata(self.actor):
            await record_verification(command, store=self.store)


def _rows(counts: Iterable[tuple[str, int | None]]) -> dict[str, int]:
    return {table: count for table, count in counts if count is not None}


def describe_counts(tables: Iterable[TableCount]) -> str:
    """Return the rows of each table, such as `courses 12 (was 11)`."""
    return ", ".join(
        f"{each.table} {each.new:,}" + ("" if each.old == each.new else f" (was {each.old})")
        for each in tables
        if each.new is not None
    )
