"""The service as several processes, one or more for each role, on one PostgreSQL server."""

import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from infrastructure.all_migrations import apply_migrations
from infrastructure.postgres.embedded.embedded_postgres import DATABASE_NAME, EmbeddedPostgres
from tests.dev_tokens import SECRET
from tests.faults.flaky_proxy import FlakyProxy
from tests.faults.process import PROCESS_TIMEOUT_SECONDS, ServiceProcess
from tests.server_folders import SERVER_SETTINGS, new_server_folder

MASTER_KEY = "0123456789abcdefghijklmnopqrstuv"
STUDENT_COUNT = 6
DEFAULT_ROLES = ("api", "api", "worker", "worker", "scheduler", "projector")


class Cluster:
    """The processes of one service, their sandbox, and the proxy to their PostgreSQL server.

    No two clusters share a process, a server or a directory.
    """

    def __init__(
        self,
        home: Path,
        server: EmbeddedPostgres,
        proxy: FlakyProxy,
        *,
        students: int,
        courses: int,
    ) -> None:
        self.home, self.server, self.proxy = home, server, proxy
        self._student_count = students
        self.canvas = self._new_process(
            "canvas", "sandbox", "--port", "0", "--students", str(students), "--courses",
            str(courses), "--assignments", "5", "--latency-ms", "150",
        )  # fmt: skip
        self.processes: list[ServiceProcess] = []
        self._urls: dict[str, str] = {}

    def start_all(self, roles: Sequence[str], **variables: str) -> None:
        """Start the sandbox, then one process for each item of `roles`.

        An item may be several roles, separated by commas. All processes get the `variables`.
        """
        self.canvas.start()
        self.students = self._wait_for_students()
        canvas_host = self.students[0]["canvas_url"].removeprefix("http://")
        for number, role in enumerate(roles):
            process = self._new_process(
                f"{role} {number}", "serve", "--port", "0", "--roles", role,
                DATABASE_URL=self.proxy.url,
                CANVAS_ENCRYPTION_KEY=MASTER_KEY,
                SUPABASE_JWT_SECRET=SECRET,
                CANVAS_ALLOW_PRIVATE=canvas_host,
                LOG_LEVEL="info",
                **variables,
            )  # fmt: skip
            self.processes.append(process)
        self.restore()

    def with_role(self, role: str) -> list[ServiceProcess]:
        """The processes that have the role, running or not."""
        return [process for process in self.processes if role in process.arguments[-1]]

    @property
    def urls(self) -> list[str]:
        """The base URLs of the API processes that are running; a restart changes the port."""
        return [
            self._urls[process.name]
            for process in self.with_role("api")
            if process.is_alive and process.name in self._urls
        ]

    def start(self, *processes: ServiceProcess) -> None:
        """Start these processes, and wait until they serve."""
        for process in processes:
            self._urls.pop(process.name, None)
            process.start()
        for process in processes:
            url = process.wait_until_serving()["url"]
            if url:
                self._urls[process.name] = url

    def restore(self) -> None:
        """Restore the proxy, and start the processes that are not running."""
        self.proxy.restore()
        self.start(*(process for process in self.processes if not process.is_alive))

    def read_warnings(self) -> str:
        """The last 60 log messages above level `info` of each process, to report a failure."""
        logs = [process.log for process in (*self.processes, self.canvas)]
        return "\n".join(f"---- {log.name}\n{_last_warnings(log)}" for log in logs if log.exists())

    def kill_all(self) -> None:
        """Kill all processes, and the sandbox."""
        for process in (*self.processes, self.canvas):
            process.kill_if_alive()

    def _new_process(self, name: str, *arguments: str, **variables: str) -> ServiceProcess:
        environment = {"EASEBOARD_HOME": str(self.home), **variables}
        return ServiceProcess(name, arguments, environment, self.home / f"{name}.log")

    def _wait_for_students(self) -> list[dict[str, Any]]:
        deadline = time.monotonic() + PROCESS_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if len(lines := self.canvas.log_lines()) == self._student_count:
                return lines
            time.sleep(0.02)
        raise AssertionError(f"The sandbox does not serve. Its log:\n{self.canvas.log.read_text()}")


@contextmanager
def running_cluster(
    roles: Sequence[str] = DEFAULT_ROLES,
    *,
    home: Path | None = None,
    students: int = STUDENT_COUNT,
    courses: int = 4,
    owns_log: bool = True,
    kind: Callable[..., Cluster] = Cluster,
    **variables: str,
) -> Iterator[Cluster]:
    """Run a cluster with a new, migrated database until the block ends.

    Its processes are the owner of the log, or members of the application role.
    """
    with ExitStack() as stack:
        home = home or stack.enter_context(temporary_directory())
        server = stack.enter_context(EmbeddedPostgres(home, settings=SERVER_SETTINGS))
        apply_migrations(server.url if owns_log else server.admin_url_of(DATABASE_NAME))
        proxy = stack.enter_context(FlakyProxy(server.url))
        cluster = kind(home, server, proxy, students=students, courses=courses)
        stack.callback(cluster.kill_all)
        cluster.start_all(roles, **variables)
        yield cluster


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory that the operating system account of PostgreSQL can enter."""
    directory = new_server_folder()
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def _last_warnings(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(
        [line for line in lines if '"level":"info"' not in line.replace(" ", "")][-60:]
    )
