"""Read documents over HTTP: one API process, and usual APIs, with 32 connections.

200 students with 8 courses of 25 assignments; a client sends the requests of all students in turn.
easeboard has these documents in memory after the first read; `first read` has more documents than
fit into it, so each comes from the database.
`usual` is FastAPI with a response model, psycopg and PyJWT; `bare ASGI` sends a stored compressed
document and checks no token; `static` sends bytes from memory. All run on uvicorn with uvloop and
httptools, and on one database.
"""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen
from uuid import UUID

import psycopg

from tests.benchmarks.http_load import NONE, HttpLoad, LoadRequest, LoadResult
from tests.benchmarks.peers.environments import PeerUnavailable, litestar_python
from tests.benchmarks.peers.typed_tables import SCHEMAS, create_tables, select_rows, store_documents
from tests.benchmarks.reading_students import student_events, student_ids
from tests.benchmarks.report import Figure, Goal, Report, RunSize, Table, number
from tests.benchmarks.rounds import Costs
from tests.benchmarks.served_database import ServedDatabase, ServedProcess, new_database
from tests.dev_tokens import SECRET, token_of

ROOT = Path(__file__).parents[2]
EASEBOARD, USUAL, LITESTAR, BARE = "easeboard", "usual FastAPI", "Litestar", "bare ASGI"
VERSION_ROW, STATIC = "FastAPI, version row", "uvicorn, static bytes"
PATHS = {
    "assignments": "/api/v1/canvas/assignments?limit=200",
    "courses": "/api/v1/canvas/courses",
    "stats": "/api/v1/dashboard/stats",
    "data": "/api/v1/canvas/data",
}
LIMITS = range(200, 500)
"""Limits of the pages of a first read, each of which is a document of its own."""
UVICORN = ("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning")
START_TIMEOUT_SECONDS = 60.0


class Case(NamedTuple):
    """What is read from which program."""

    what: str
    program: str


@dataclass
class CaseResults:
    """All slices of one case."""

    costs: Costs = field(default_factory=Costs)
    results: list[LoadResult] = field(default_factory=list)

    def add(self, result: LoadResult) -> None:
        """Add a slice."""
        self.costs.slices.append(result.measured)
        self.results.append(result)

    @property
    def p50(self) -> float:
        """Milliseconds, the median of the slices."""
        return median(each.p50 for each in self.results)

    @property
    def p99(self) -> float:
        """Milliseconds, the median of the slices."""
        return median(each.p99 for each in self.results)


def fetch(url: str, token: str = "", etag: str = "") -> tuple[int, str, bytes]:
    """Send one request; return the status, the ETag and the body."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    headers |= {"If-None-Match": etag} if etag else {}
    try:
        with urlopen(Request(url, headers=headers), timeout=30) as response:  # noqa: S310  # loopback
            return response.status, response.headers.get("ETag", ""), response.read()
    except HTTPError as error:
        return error.code, error.headers.get("ETag", ""), error.read()


@contextmanager
def running_peer(
    database: ServedDatabase, module: str, python: Path, **variables: str
) -> Iterator[ServedProcess]:
    """Serve a module of `peers/` with uvicorn in an environment, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"DATABASE_URL": database.url, "SUPABASE_JWT_SECRET": SECRET}
    is_ours = python == Path(sys.executable)
    target = f"tests.benchmarks.peers.{module}:app" if is_ours else f"{module}:app"
    folder = ROOT if is_ours else Path(__file__).parent / "peers"
    command = [f"{python}", "-m", "uvicorn", target, "--port", f"{port}", *UVICORN]
    with subprocess.Popen(command, cwd=folder, env=environment | variables) as process:  # noqa: S603  # our own program
        try:
            _wait_until_serving(f"http://127.0.0.1:{port}/static", process)
            yield ServedProcess(process, f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def _wait_until_serving(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            fetch(url)
        except URLError:
            time.sleep(0.05)
        else:
            return
    raise PeerUnavailable("The peer does not serve; its messages are above.")


def measure_all(size: RunSize) -> Report:
    """Measure all cases in turn; a peer that cannot be set up is named in a note."""
    report = Report()
    students = student_ids(size.choose(200, 20))
    tokens = {student: token_of(student, ttl=86400) for student in students}
    with ExitStack() as stack:
        database = stack.enter_context(new_database())
        database.record(student_events(students))
        database.project()
        own = stack.enter_context(database.serve("api"))
        _copy_documents(database, own, tokens)
        programs = {
            EASEBOARD: own,
            USUAL: stack.enter_context(running_peer(database, "usual_api", Path(sys.executable))),
            BARE: stack.enter_context(running_peer(database, "bare_asgi", Path(sys.executable))),
        }
        _add_litestar(programs, stack, database, report)
        loads = _loads(programs, tokens, database.home)
        results = {case: CaseResults() for case in loads}
        for nth in range(size.choose(4, 1) + 1):
            for case, load in loads.items():
                seconds = 1 if size.quick or nth == 0 else 2
                process_id = programs[_process_of(case.program)].process_id
                result = load.run(process_id, database.server, seconds)
                if nth:
                    results[case].add(result)
    _add_tables(report, results)
    _add_figures(report, results)
    return report


def _copy_documents(database: ServedDatabase, own: ServedProcess, tokens: dict[UUID, str]) -> None:
    """Give the peers the documents that easeboard returns."""
    create_tables(database.url)
    with psycopg.connect(database.url, autocommit=True) as connection:
        for student, token in tokens.items():
            for table in SCHEMAS:
                status, _, body = fetch(own.url + PATHS[table], token)
                if status != 200:  # OK
                    raise AssertionError(f"{PATHS[table]} returned {status}: {body[:200]!r}")
                store_documents(connection, student, table, body)
        connection.execute("VACUUM ANALYZE")


def _add_litestar(
    programs: dict[str, ServedProcess], stack: ExitStack, database: ServedDatabase, report: Report
) -> None:
    queries = {table: select_rows(table).as_string(None) for table in SCHEMAS}
    try:
        programs[LITESTAR] = stack.enter_context(
            running_peer(database, "litestar_api", litestar_python(), QUERIES=json.dumps(queries))
        )
    except PeerUnavailable as why:
        report.notes.append(f"Litestar is missing: {why}")


def _process_of(program: str) -> str:
    return {VERSION_ROW: USUAL, STATIC: BARE}.get(program, program)


def _loads(
    programs: dict[str, ServedProcess], tokens: dict[UUID, str], folder: Path
) -> dict[Case, HttpLoad]:
    """Return the requests of every case."""
    requests: dict[Case, list[LoadRequest]] = {}
    for what, path in PATHS.items():
        for program in (EASEBOARD, USUAL, LITESTAR):
            if program in programs and (program == EASEBOARD or what in SCHEMAS):
                case = Case(what, program)
                requests[case] = [LoadRequest(path, token) for token in tokens.values()]
        if what in SCHEMAS:
            requests[Case(what, BARE)] = [
                LoadRequest(f"/documents/{what}?{student}") for student in tokens
            ]
    own = programs[EASEBOARD].url
    requests[Case("first read of assignments", EASEBOARD)] = [
        LoadRequest(f"/api/v1/canvas/assignments?limit={limit}", token)
        for limit in LIMITS
        for token in tokens.values()
    ]
    for what in ("assignments", "courses"):
        requests[Case(f"304 of {what}", EASEBOARD)] = [
            LoadRequest(PATHS[what], token, fetch(own + PATHS[what], token)[1])
            for token in tokens.values()
        ]
    requests[Case("304 of assignments", VERSION_ROW)] = [
        LoadRequest("/version", token, '"1"') for token in tokens.values()
    ]
    requests[Case("113 kB", STATIC)] = [LoadRequest("/static", NONE)]
    return {
        case: HttpLoad(programs[_process_of(case.program)].url, lines, folder)
        for case, lines in requests.items()
    }


def _add_tables(report: Report, results: dict[Case, CaseResults]) -> None:
    columns = ["", "requests/s", "CPU µs", "PostgreSQL µs", "p50 ms", "p99 ms", "bytes"]
    for what in dict.fromkeys(case.what for case in results):
        rows = [
            [
                case.program,
                number(each.costs.rate),
                number(each.costs.cpu),
                number(each.costs.database),
                number(each.p50),
                number(each.p99),
                f"{each.results[-1].response_bytes:,.0f}",
            ]
            for case, each in results.items()
            if case.what == what
        ]
        report.tables.append(Table(f"GET {what}: per request", columns, rows))


def _add_figures(report: Report, results: dict[Case, CaseResults]) -> None:
    """Compare by CPU, that of PostgreSQL included."""

    def ratio(what: str, peer: str, least: float) -> Figure:
        own, other = results[Case(what, EASEBOARD)].costs, results[Case(what, peer)].costs
        name = f"GET {what}: CPU of {peer} ÷ easeboard's"
        return Figure(name, other.all_cpu / own.all_cpu, "×", Goal(least))

    report.figures += [
        ratio("assignments", USUAL, 5),
        ratio("assignments", BARE, 0.5),
        ratio("courses", USUAL, 3),
        ratio("304 of assignments", VERSION_ROW, 3),
    ]
    first = results[Case("first read of assignments", EASEBOARD)].costs
    usual = results[Case("assignments", USUAL)].costs
    name = f"GET first read of assignments: CPU of {USUAL} ÷ easeboard's"
    report.figures.append(Figure(name, usual.all_cpu / first.all_cpu, "×", Goal(5)))
    for case, each in results.items():
        if case.program == EASEBOARD:
            goal, name = Goal(3, at_most=True), f"GET {case.what}"
            report.figures += [
                Figure(f"{name}: p99 ÷ p50", each.p99 / each.p50, "×", goal),
                Figure(f"{name}: CPU", each.costs.all_cpu, "µs a request"),
            ]
