"""Work of the whole service: first, full and incremental syncs of ordinary students."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

import uvloop

from infrastructure.canvas_sandbox import SandboxOptions
from tests.benchmarks.sandbox_process import running_sandbox_process
from tests.benchmarks.sync_ordinary_students import Students, postgres_cpu
from tests.benchmarks.whole_service import running_service
from tests.budgets.budget import MeasureSlice, WorkSlice

STUDENTS = SandboxOptions(students=5, courses=6, assignments=40)


@contextmanager
def open_sync_work() -> Iterator[dict[str, MeasureSlice]]:
    """Run the service in this process, and a sandbox in another; yield what is measured."""
    with (
        running_sandbox_process(STUDENTS) as target,
        ProcessPoolExecutor(1) as unused_floor,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        service = running_service(target.url)
        process = runner.run(service.__aenter__())
        students = Students(process, target, runner.run(postgres_cpu(process)), unused_floor)

        def measure(prepare: Callable[[], Awaitable[None]]) -> WorkSlice:
            async def run() -> WorkSlice:
                await prepare()
                started_at = time.process_time()
                await students.execute_runs()
                return WorkSlice(STUDENTS.students, time.process_time() - started_at)

            return runner.run(run())

        try:
            yield {
                "first sync of a student": lambda: measure(students.connect),
                "unchanged full sync": lambda: measure(lambda: students.request_syncs("full")),
                "incremental sync": lambda: measure(lambda: students.request_syncs("auto")),
            }
        finally:
            runner.run(service.__aexit__(None, None, None))
