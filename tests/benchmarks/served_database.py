"""A migrated database on a PostgreSQL server of its own, and processes that serve it."""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from domain.recorded_event import RecordedEvent
from infrastructure.all_migrations import apply_migrations
from infrastructure.crypto.master_key import parse_key_ring
from infrastructure.crypto.person_keys import PersonKeys
from infrastructure.event_store.mapper import Mapper
from infrastructure.postgres.embedded.embedded_postgres import EmbeddedPostgres
from infrastructure.postgres.pools import open_write_pool
from infrastructure.projection_engine.versions import live_versions
from projections.registry import READ_MODELS
from tests.benchmarks.cpu_clocks import ServerCpu
from tests.benchmarks.event_logs import MASTER_KEY, write_events
from tests.dev_tokens import SECRET
from tests.interfaces.cli.run_cli import running_easeboard

POLL_SECONDS = 0.1
START_TIMEOUT_SECONDS = 60.0
PROJECTION_TIMEOUT_SECONDS = 600.0


class ServedProcess(NamedTuple):
    """A running process, the URL that it serves if it has the role `api`, and its log."""

    process: "subprocess.Popen[Any]"
    url: str
    log: Path | None = None

    @property
    def process_id(self) -> int:
        """The id of the process."""
        return self.process.pid

    def require_running(self) -> None:
        """Raise AssertionError with the end of the log if the process has ended."""
        if self.process.poll() is not None:
            log = self.log.read_text()[-900:] if self.log else ""
            raise AssertionError(f"The process has ended: {log}")


@dataclass
class ServedDatabase:
    """The database of a benchmark, in a temporary folder."""

    home: Path
    url: str
    admin_url: str
    """The URL of the database `postgres`, as superuser."""
    server: ServerCpu
    process_count: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """The settings of its processes."""
        return {
            "DATABASE_URL": self.url,
            "CANVAS_ENCRYPTION_KEY": MASTER_KEY,
            "SUPABASE_JWT_SECRET": SECRET,
            "LOG_FORMAT": "json",
        }

    @contextmanager
    def serve(self, roles: str, **variables: str) -> Iterator[ServedProcess]:
        """Run a process with these roles until the block ends."""
        self.process_count += 1
        log = self.home / f"process-{self.process_count}.log"
        arguments = ("serve", "--port", "0", "--roles", roles)
        home = self.home / "easeboard"
        home.mkdir(exist_ok=True)
        variables = self.environment | variables
        with running_easeboard(home, *arguments, log=log, **variables) as process:
            served = ServedProcess(process, "", log)
            yield ServedProcess(process, _served_url(served) if "api" in roles else "", log)

    def record(self, events: Iterable[RecordedEvent]) -> None:
        """Write encrypted events to the log, without deciding anything."""
        with open_write_pool(self.url, size=1) as pool:
            keys = PersonKeys(pool, parse_key_ring(MASTER_KEY), cache_seconds=3600)
            write_events(self.url, Mapper(keys), events)

    def project(self) -> None:
        """Run a projector until every read model has applied the whole log.

        Raises: AssertionError if they do not in time.
        """
        with self.serve("projector") as projector:
            self.wait_until_projected(self.last_position(), projector)

    def wait_until_projected(self, position: int, projector: ServedProcess) -> None:
        """Wait until every read model is at a position or after it."""
        deadline = time.monotonic() + PROJECTION_TIMEOUT_SECONDS
        with psycopg.connect(self.url, autocommit=True) as connection:
            while time.monotonic() < deadline:
                checkpoints = [each.position for each in live_versions(connection, READ_MODELS)]
                if len(checkpoints) == len(READ_MODELS) and min(checkpoints) >= position:
                    return
                projector.require_running()
                time.sleep(POLL_SECONDS)
        raise AssertionError(f"The read models have not reached position {position}.")

    def wait_until_running(self, roles: Collection[str]) -> None:
        """Wait until processes with all these roles have sent a heartbeat."""
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        query = "SELECT DISTINCT unnest(roles) FROM easeboard.workers"
        with psycopg.connect(self.url, autocommit=True) as connection:
            while time.monotonic() < deadline:
                if {role for (role,) in connection.execute(query)}.issuperset(roles):
                    return
                time.sleep(POLL_SECONDS)
        raise AssertionError(f"Not all of {roles} run.")

    def last_position(self) -> int:
        """Return the position of the last event."""
        with psycopg.connect(self.url) as connection:
            query = "SELECT coalesce(max(position), 0) FROM easeboard.events"
            [(position,)] = connection.execute(query).fetchall()
        return int(position)


def _served_url(served: ServedProcess) -> str:
    """Wait until a process serves; return its URL."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        for line in served.log.read_text().splitlines() if served.log else []:
            if line.startswith("{") and json.loads(line)["event"] == "serving":
                return str(json.loads(line)["url"])
        served.require_running()
        time.sleep(0.02)
    raise AssertionError("The process does not serve in time.")


@contextmanager
def new_database(settings: Mapping[str, str] | None = None) -> Iterator[ServedDatabase]:
    """Start PostgreSQL, with fsync as in production and other `settings`, and migrate."""
    home = Path(tempfile.mkdtemp(prefix="easeboard-bench-"))
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        postgres = stack.enter_context(EmbeddedPostgres(home / "database", settings=settings))
        apply_migrations(postgres.url)
        backend = stack.enter_context(psycopg.connect(postgres.admin_url, autocommit=True))
        server = ServerCpu(backend.info.backend_pid)
        yield ServedDatabase(home, postgres.url, postgres.admin_url, server)
