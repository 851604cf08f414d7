"""What PostgreSQL writes for a run: events, rows, transactions, bytes of the event log and WAL.

It measures ordinary students, from the request until all read models have the run. Queue, event
log, snapshots and read models are included, and so are heartbeats and leases of the process.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

import uvloop

from infrastructure.canvas_sandbox import SandboxOptions
from interfaces.composition.process import Process
from tests.benchmarks.report import Report, RunSize, Table, number
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
    target: SandboxTarget, floor_pool: ProcessPoolExecutor, *, quick: bool
) -> dict[str, DatabaseWrites]:
    """Measure each kind of run; a quick measurement leaves out incremental ones."""
    results: dict[str, DatabaseWrites] = {}
    async with running_service(target.url) as process:
        students = Students(process, target, await postgres_cpu(process), floor_pool)
        before = await _read_totals(process)

        async def record(name: str, *steps: Callable[[], Awaitable[object]]) -> None:
            nonlocal before
            for step in steps:
                await step()
            totals = await _read_totals(process)
            results[name] = totals.per_run(before, len(target.tokens))
            before = totals

        await record(FIRST, students.connect, students.execute_runs)
        await record(FULL, lambda: students.request_syncs("full"), students.execute_runs)
        if quick:
            return results
        steps = (lambda: students.request_syncs("auto"), students.execute_runs)
        # The first incremental run gets the validator of the planner; only later ones use it.
        await record(INCREMENTAL, *steps)
        await record(INCREMENTAL, *steps)
        _change_grades(target, len(target.tokens))
        await record(CHANGED_GRADE, *steps)
    return results


def _change_grades(target: SandboxTarget, student_count: int) -> None:
    course = target.control("courses")[0]["id"]
    [assignment, *_] = target.control("assignments", course_id=course)
    for student in range(student_count):
        target.control("set_grade", assignment_id=assignment["id"], score=3.25, student=student)


def measure_all(size: RunSize) -> Report:
    """Measure what a run of each kind writes."""
    with (
        running_sandbox_process(FEW_STUDENTS if size.quick else MANY_STUDENTS) as target,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as floor_pool,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        results = runner.run(_measure(target, floor_pool, quick=size.quick))
    columns = ["", "events", "rows", "transactions", "log KiB", "WAL KiB", "full pages"]
    rows = [
        [
            name,
            number(writes.events),
            number(writes.rows),
            number(writes.transactions),
            number(writes.log_bytes / 1024),
            number(writes.wal_bytes / 1024),
            number(writes.full_pages),
        ]
        for name, writes in results.items()
    ]
    return Report(tables=[Table("What PostgreSQL writes for a run", columns, rows)])
