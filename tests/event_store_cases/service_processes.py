"""Real `easeboard serve` processes on the database and the Canvas of a test."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.canvas_cases.conftest import School
from tests.dev_tokens import SECRET
from tests.end_to_end.conftest import MASTER_KEY, Client
from tests.faults.process import ServiceProcess


class StartedProcess:
    """A running process, and its base URL."""

    def __init__(self, process: ServiceProcess, url: str) -> None:
        self._process = process
        self.url = url

    def client(self, client: Client) -> Client:
        """Return a client of the same person that sends its requests to this process."""
        return Client(client.session, self.url, client.person, client.roles)

    def kill(self) -> None:
        """Kill the process with SIGKILL."""
        self._process.kill()


@contextmanager
def service_processes(
    school: School, database_url: str, *roles: str
) -> Iterator[list[StartedProcess]]:
    """Start one process for each item of `roles`, which may be several separated by commas."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="easeboard-cases-")))
        environment = {
            "EASEBOARD_HOME": str(home),
            "DATABASE_URL": database_url,
            "CANVAS_ENCRYPTION_KEY": MASTER_KEY,
            "SUPABASE_JWT_SECRET": SECRET,
            "CANVAS_ALLOW_PRIVATE": school.url.removeprefix("http://"),
            "LOG_LEVEL": "info",
        }
        processes = []
        for number, role in enumerate(roles):
            arguments = ("serve", "--port", "0", "--roles", role)
            name = f"process {number}"
            processes.append(ServiceProcess(name, arguments, environment, home / f"{name}.log"))
        for process in processes:
            stack.callback(process.kill_if_alive)
            process.start()
        yield [
            StartedProcess(process, str(process.wait_until_serving()["url"]))
            for process in processes
        ]


async def start_processes(
    stack: ExitStack, school: School, database_url: str, *roles: str
) -> list[StartedProcess]:
    """Start processes until `stack` is closed, without blocking the Canvas of this process."""
    return await asyncio.to_thread(
        stack.enter_context, service_processes(school, database_url, *roles)
    )
