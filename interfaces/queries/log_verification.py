"""Verifies the log for HTTP in bounded time: what is new, and in turns what was verified before."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from infrastructure.postgres.conninfo import build_conninfo
from infrastructure.seals.verification.anchors import newest_stored
from infrastructure.seals.verification.findings import Report, TreeState
from infrastructure.seals.verification.verify_log import VerificationScope, verify_log

EVENTS_AT_ONCE = 200_000
"""Rows that one request reads, twice at most; some seconds. A log with fewer is read whole."""
STATEMENT_TIMEOUT = "30s"

Document = dict[str, Any]


@dataclass(slots=True)
class LogVerification:
    """What this process has verified; requests at the same time share one verification."""

    database_url: str
    folder: Path | None
    events_at_once: int = EVENTS_AT_ONCE
    _known: TreeState | None = None
    """The tree up to which all rows were right when they were read."""
    _again: TreeState | None = None
    """Where the next turn of what was verified before begins; None at the first event."""
    _running: asyncio.Task[Document] | None = field(default=None, repr=False)

    async def report(self) -> Document:
        """Return the report of a verification that begins now, or that has just begun.

        Raises: the errors of psycopg.
        """
        if self._running is None or self._running.done():
            self._running = asyncio.create_task(asyncio.to_thread(self._verify))
        return await asyncio.shield(self._running)

    def _verify(self) -> Document:
        conninfo = build_conninfo(self.database_url, name="verification")
        with psycopg.connect(conninfo, autocommit=True) as connection:
            connection.execute("SET default_transaction_read_only = on")
            connection.execute(f"SET statement_timeout = '{STATEMENT_TIMEOUT}'")
            newest = newest_stored(connection)
            is_small = newest is None or newest.size <= self.events_at_once
            known = None if is_small else self._known
            report = self._verify_part(connection, known, checks_streams=is_small)
            if is_small:
                return report.to_document() | {"verified_again": None}
            if report.result == "ok":
                self._known = report.end
            again = self._verify_part(connection, self._again) if report.is_complete else None
            return self._combine(report, again)

    def _verify_part(
        self,
        connection: psycopg.Connection[Any],
        after: TreeState | None,
        *,
        checks_streams: bool = False,
    ) -> Report:
        wanted = VerificationScope(
            folder=self.folder,
            after=after,
            max_events=self.events_at_once,
            checks_streams=checks_streams,
        )
        return verify_log(connection, wanted)

    def _combine(self, report: Report, again: Report | None) -> Document:
        """Return the report of new rows with the findings of those that were read again."""
        document: Document = report.to_document() | {"verified_again": None}
        if again is None:
            return document
        if not again.finding_count:
            self._again = None if again.is_complete else again.end
        document["verified_again"] = {"from_size": again.start.size, "to_size": again.end.size}
        if again.finding_count:
            found = again.to_document()
            problems = [*found["problems"], *document["problems"]]
            unique = {str(problem): problem for problem in problems}
            document["problems"] = list(unique.values())
            document["problem_count"] = len(unique)
            document["result"] = "problems"
        return document
