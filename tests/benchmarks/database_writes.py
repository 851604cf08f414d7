"""What PostgreSQL writes for a run: events, rows, transactions, bytes of the event log and WAL.

It measures ordinary students, from the request until all read models have the run. Queue, event
log, snapshots and read models are included, and so are heartbeats and leases of the process.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from infrastructure.canvas_sandbox import SandboxOptions
from interfaces.composition.process import Process
from tests.benchmarks.sandbox_process import SandboxTarget, running_sandbox_process
from tests.benchmarks.sync_ordinary_students import (
    FEW_STUDENTS,
    FIRST,
    FULL,
    INCREMENTAL,
    Students,
    postgres_cpu,
)
from tests.benchmarks.whole_service import running_service

MANY_STUDENTS = SandboxOptions(students=60, courses=6, assignments=40, latency_ms=5)
CHANGED_GRADE = "one grade, incremental"
STATISTICS_DELAY_SECONDS = 11.0
"""An idle database connection reports its statistics at most 10 s after its last statement."""

TOTALS_SQL = """
SELECT (SELECT count(*) FROM easeboard.events),
       (SELECT tup_inserted + tup_updated + tup_deleted
          FROM pg_stat_database
         WHERE datname = current_database()),
       pg_current_xact_id()::text::bigint,
       pg_total_relation_size('easeboard.events'),
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint,
       (SELECT wal_fpi FROM pg_stat_wal)
"""


class DatabaseWrites(NamedTuple):
    """What PostgreSQL has written: since the start of the server, or for one run."""

    events: float
    rows: float
    transactions: float
    log_bytes: float
    wal_bytes: float
    full_pages: float
    """Full-page images in the WAL; the first change of a page after a checkpoint writes one."""

    def per_run(self, before: "DatabaseWrites", runs: int) -> "DatabaseWrites":
        """The difference to `before`, divided by the number of runs."""
        return DatabaseWrites(
            *[(current - previous) / runs for current, previous in zip(self, before, strict=True)]
        )


async def _read_totals(process: Process) -> DatabaseWrites:
    await asyncio.sleep(STATISTICS_DELAY_SECONDS)
    async with process.pools.read_pool.connection() as connection:
        await connection.set_read_only(False)
        row = await (await connection.execute(TOTALS_SQL)).fetchone()
    if row is None:
        raise AssertionError("PostgreSQL returned no statistics.")
    return DatabaseWrites(*row)


async def _measure(
    target: SandboxTarget, reference_pool: ProcessPoolExecutor
) -> dict[str, DatabaseWrites]:
    results: dict[str, DatabaseWrites] = {}
    student_count = len(target.tokens)
    async with running_service(target.url) as process:
        students = Students(process, target, await postgres_cpu(process), reference_pool)

        async def record(name: str, *steps: Callable[[], Awaitable[object]]) -> None:
            before = await _read_totals(process)
            for step in steps:
                await step()
            results[name] = (await _read_totals(process)).per_run(before, student_count)

        await record(FIRST, students.connect, lambda: students.measure("full"))
        await record(FULL, lambda: students.request_syncs("full"), lambda: students.measure("full"))
        await students.request_syncs("auto")
        await students.measure("incremental")
        incremental_steps = (
            lambda: students.request_syncs("auto"),
            lambda: students.measure("incremental"),
        )
        await record(INCREMENTAL, *incremental_steps)
        _change_grades(target, student_count)
        await record(CHANGED_GRADE, *incremental_steps)
    return results


def _change_grades(target: SandboxTarget, student_count: int) -> None:
    course = target.control("courses")[0]["id"]
    [assignment, *_] = target.control("assignments", course_id=course)
    for student in range(student_count):
        target.control("set_grade", assignment_id=assignment["id"], score=3.25, student=student)


def main(*, quick: bool = False) -> dict[str, DatabaseWrites]:
    """Print what a run of each kind wrote, and return it."""
    with (
        running_sandbox_process(FEW_STUDENTS if quick else MANY_STUDENTS) as target,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as reference_pool,
    ):
        results = asyncio.run(_measure(target, reference_pool))
    print(f"{'for each run':26}{'events':>8}{'rows':>8}{'transactions':>14}", end="")
    print(f"{'log KiB':>9}{'WAL KiB':>9}{'full pages':>13}")
    for name, writes in results.items():
        print(f"{name:26}{writes.events:8.1f}{writes.rows:8.1f}{writes.transactions:14.1f}", end="")
        print(
            f"{writes.log_bytes / 1024:9.1f}{writes.wal_bytes / 1024:9.1f}{writes.full_pages:13.1f}"
        )
    return results


if __name__ == "__main__":
    main()
