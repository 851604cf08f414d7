"""What PostgreSQL writes for a run: events, rows, transactions, bytes of the log and of its WAL.

`python -m tests.benchmarks.writes`: ordinary students, from the request until all can be read,
queue, log, snapshots and read models included, and what the processes write of themselves.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import NamedTuple

from infrastructure.canvas_sandbox import SandboxOptions
from interfaces.composition.process import Running
from tests.benchmarks.ordinary_students import FEW, FIRST, FULL, INCREMENTAL, Students, server
from tests.benchmarks.target import Target, sandbox
from tests.benchmarks.whole_service import service

MANY = SandboxOptions(students=60, courses=6, assignments=40, latency_ms=5)
CHANGED = "one grade, incremental"
REPORTED = 11.0
"""Seconds after which even an idle connection of PostgreSQL has reported what it did."""

TOTALS = """
SELECT (SELECT count(*) FROM easeboard.events),
       (SELECT tup_inserted + tup_updated + tup_deleted
          FROM pg_stat_database
         WHERE datname = current_database()),
       pg_current_xact_id()::text::bigint,
       pg_total_relation_size('easeboard.events'),
       pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint,
       (SELECT wal_fpi FROM pg_stat_wal)
"""


class Written(NamedTuple):
    """So far, or for a run."""

    events: float
    rows: float
    transactions: float
    log_bytes: float
    wal_bytes: float
    pages: float
    """Whole pages in the WAL, which a checkpoint makes necessary."""

    def since(self, before: "Written", runs: int) -> "Written":
        """What each of so many runs wrote."""
        return Written(*[(now - then) / runs for now, then in zip(self, before, strict=True)])


async def _written(running: Running) -> Written:
    await asyncio.sleep(REPORTED)
    async with running.pools.reads.connection() as connection:
        await connection.set_read_only(False)
        row = await (await connection.execute(TOTALS)).fetchone()
    if row is None:
        raise AssertionError("PostgreSQL counts nothing.")
    return Written(*row)


async def _measure(target: Target, floor: ProcessPoolExecutor) -> dict[str, Written]:
    found: dict[str, Written] = {}
    many = len(target.tokens)
    async with service(target.url) as running:
        students = Students(running, target, await server(running), floor)

        async def note(name: str, *steps: Callable[[], Awaitable[object]]) -> None:
            before = await _written(running)
            for step in steps:
                await step()
            found[name] = (await _written(running)).since(before, many)

        await note(FIRST, students.connect, lambda: students.measure("full"))
        await note(FULL, lambda: students.ask("full"), lambda: students.measure("full"))
        await students.ask("auto")
        await students.measure("incremental")
        usual = (lambda: students.ask("auto"), lambda: students.measure("incremental"))
        await note(INCREMENTAL, *usual)
        _grade(target, many)
        await note(CHANGED, *usual)
    return found


def _grade(target: Target, many: int) -> None:
    course = target.pull("courses")[0]["id"]
    [assignment, *_] = target.pull("assignments", course_id=course)
    for student in range(many):
        target.pull("set_grade", assignment_id=assignment["id"], score=3.25, student=student)


def main(*, quick: bool = False) -> dict[str, Written]:
    """Print what a run of each kind wrote, and give it back."""
    with (
        sandbox(FEW if quick else MANY) as target,
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as floor,
    ):
        found = asyncio.run(_measure(target, floor))
    print(f"{'a run':26}{'events':>8}{'rows':>8}{'transactions':>14}", end="")
    print(f"{'log KiB':>9}{'WAL KiB':>9}{'whole pages':>13}")
    for name, one in found.items():
        print(f"{name:26}{one.events:8.1f}{one.rows:8.1f}{one.transactions:14.1f}", end="")
        print(f"{one.log_bytes / 1024:9.1f}{one.wal_bytes / 1024:9.1f}{one.pages:13.1f}")
    return found


if __name__ == "__main__":
    main()
