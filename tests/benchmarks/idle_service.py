"""Start-up, an idle service, and the memory of 1,000 WebSocket clients."""

import asyncio
import re
import shutil
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen
from uuid import UUID

import psutil
from websockets.asyncio.client import connect

from tests.benchmarks.cpu_clocks import process_cpu_seconds
from tests.benchmarks.report import Figure, Goal, Report, RunSize, Table, number
from tests.benchmarks.served_database import new_database
from tests.dev_tokens import SECRET, token_of
from tests.interfaces.cli.run_cli import running_easeboard, wait_for_log

ROLES = ("api", "worker", "projector", "scheduler")
STATEMENT = re.compile(r"LOG:\s+(?:statement|execute [^:]*):")
START_TIMEOUT_SECONDS = 60.0
SETTLE_SECONDS = 5.0


def measure_all(size: RunSize) -> Report:
    """Measure start-up, idle processes and clients."""
    report = Report()
    _add_start_up(report, size.choose(3, 1))
    for processes in (1, 4):
        _add_idle(report, processes, float(size.choose(30, 5)))
    _add_memory(report, size.choose(1_000, 100))
    return report


def _add_start_up(report: Report, rounds: int) -> None:
    """The whole service on the embedded PostgreSQL: the first start ever, and the next one."""
    first, again = [], []
    for _ in range(rounds):
        home = Path(tempfile.mkdtemp(prefix="easeboard-bench-"))
        try:
            first.append(_start(home, 1))
            again.append(_start(home, 2))
        finally:
            shutil.rmtree(home)
    rows = [
        [name, number(min(seconds for seconds, _ in starts)), number(min(cpu for _, cpu in starts))]
        for name, starts in (("first start", first), ("next start", again))
    ]
    report.tables.append(Table("Start-up, all roles, until ready", ["", "seconds", "CPU s"], rows))
    report.figures += [
        Figure("first start", min(each[0] for each in first), "s", Goal(6, at_most=True)),
        Figure("next start", min(each[0] for each in again), "s", Goal(3, at_most=True)),
    ]


def _start(home: Path, nth: int) -> tuple[float, float]:
    """Start the service until `/health/ready` returns 200; return seconds and CPU seconds."""
    log, started_at = home / f"start-{nth}.log", time.perf_counter()
    arguments, secret = ("serve", "--port", "0"), {"SUPABASE_JWT_SECRET": SECRET}
    with running_easeboard(home, *arguments, log=log, LOG_FORMAT="json", **secret) as process:
        url = wait_for_log(log, "serving")["url"]
        deadline = started_at + START_TIMEOUT_SECONDS
        while time.perf_counter() < deadline:
            try:
                with urlopen(f"{url}/health/ready"):  # noqa: S310  # loopback
                    return time.perf_counter() - started_at, process_cpu_seconds(process.pid)
            except URLError:
                time.sleep(0.01)
    raise AssertionError("The service is not ready in time.")


def _add_idle(report: Report, processes: int, seconds: float) -> None:
    """Count the statements of an idle service in the log of PostgreSQL, and its CPU time."""
    roles = [",".join(ROLES)] if processes == 1 else list(ROLES)
    with new_database({"log_statement": "all"}) as database, ExitStack() as stack:
        served = [stack.enter_context(database.serve(each)) for each in roles]
        database.wait_until_running(ROLES)
        time.sleep(SETTLE_SECONDS)
        log = database.home / "database" / "postgres" / "server.log"
        skipped, used = log.stat().st_size, database.server.cpu_seconds()
        cpu = [process_cpu_seconds(each.process_id) for each in served]
        time.sleep(seconds)
        used = database.server.cpu_seconds() - used
        after = [process_cpu_seconds(each.process_id) for each in served]
        with log.open(errors="replace") as file:
            file.seek(skipped)
            statements = sum(bool(STATEMENT.search(line)) for line in file) / seconds
        memory = [psutil.Process(each.process_id).memory_full_info().pss / 1e6 for each in served]
    rows = [
        [name, number(100 * (end - start) / seconds), number(megabytes)]
        for name, start, end, megabytes in zip(roles, cpu, after, memory, strict=True)
    ]
    rows.append(["PostgreSQL", number(100 * used / seconds), "–"])
    where = "one process" if processes == 1 else f"{processes} processes"
    caption = f"Idle, all roles in {where}: {statements:.1f} statements a second"
    report.tables.append(Table(caption, ["", "% of a core", "memory (PSS), MB"], rows))
    name = f"idle, all roles in {where}: statements"
    report.figures.append(Figure(name, statements, "a second", Goal(10, at_most=True)))


def _add_memory(report: Report, clients: int) -> None:
    """Connect clients that receive nothing, and compare the memory of the process."""
    with new_database() as database, database.serve("api,projector") as served:
        database.wait_until_projected(0, served)
        process = psutil.Process(served.process_id)
        before = process.memory_full_info().uss
        after = asyncio.run(_memory_with_clients(served.url, clients, process))
    megabytes = (after - before) / 1e6 * 1000 / clients
    rows = [[f"{clients:,} clients", number(before / 1e6), number(after / 1e6), number(megabytes)]]
    columns = ["", "MB without", "MB with", "MB for each 1,000"]
    report.tables.append(Table("Memory of an API process (USS)", columns, rows))
    report.figures.append(Figure("memory of 1,000 WebSocket clients", megabytes, "MB"))


async def _memory_with_clients(url: str, clients: int, process: psutil.Process) -> int:
    address, slots = url.replace("http", "ws") + "/ws/sync-status", asyncio.Semaphore(50)
    async with AsyncExitStack() as stack:

        async def connect_client(number: int) -> None:
            async with slots:
                protocols = ["bearer", token_of(UUID(int=number))]
                client = connect(address, proxy=None, subprotocols=protocols, open_timeout=60)  # type: ignore[arg-type]  # they are strings
                await (await stack.enter_async_context(client)).recv()

        await asyncio.gather(*(connect_client(nth) for nth in range(1, clients + 1)))
        await asyncio.sleep(1)
        return int(process.memory_full_info().uss)
