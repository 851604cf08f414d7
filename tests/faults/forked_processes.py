"""Starts `easeboard` processes in a fraction of a second: each is a fork of one that is imported.

The program is imported once, by this module as a process of its own, which has no threads.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tests.faults.cluster import Cluster
from tests.faults.process import PROCESS_TIMEOUT_SECONDS, ROOT, ServiceProcess

MODULES = (
    *("interfaces.cli.main", "interfaces.cli.serve", "interfaces.cli.keys"),
    *("interfaces.http.app", "interfaces.composition.bootstrap", "uvicorn", "uvloop"),
)


class ForkServer:
    """Starts processes on request."""

    def __init__(self, requests: IO[str], answers: IO[str]) -> None:
        self._requests, self._answers = requests, answers

    def start(self, process: ServiceProcess) -> int:
        """Start a process and return its id."""
        request = {
            "arguments": process.arguments,
            "environment": process.environment,
            "log": str(process.log),
        }
        self._requests.write(json.dumps(request) + "\n")
        self._requests.flush()
        return int(self._answers.readline())


@contextmanager
def running_fork_server() -> Iterator[ForkServer]:
    """Run the process whose forks are the processes, until the block ends."""
    with subprocess.Popen(  # noqa: S603  # our own module
        [sys.executable, "-m", __name__],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin
        assert process.stdout
        yield ForkServer(process.stdin, process.stdout)
        process.stdin.close()


@dataclass
class ForkedProcess(ServiceProcess):
    """A process that the fork server starts."""

    server: ForkServer | None = None
    _pid: int | None = None

    def start(self) -> None:
        assert not self.is_alive
        assert self.server
        self.log.touch()
        self._log_offset = self.log.stat().st_size
        self._pid = self.server.start(self)

    @property
    def pid(self) -> int:
        assert self._pid
        return self._pid

    @property
    def is_alive(self) -> bool:
        return self._pid is not None and Path(f"/proc/{self._pid}").exists()

    def _send_signal(self, signal_number: signal.Signals) -> None:
        os.kill(self.pid, signal_number)

    def _wait(self) -> int:
        """Wait until the process has ended; its exit code is not known."""
        deadline = time.monotonic() + PROCESS_TIMEOUT_SECONDS
        while self.is_alive:
            assert time.monotonic() < deadline, f"{self.name} does not end"
            time.sleep(0.005)
        return 0


class ForkedCluster(Cluster):
    """A cluster whose service processes are forks."""

    def __init__(self, server: ForkServer, *arguments: Any, **options: Any) -> None:
        self._fork_server = server
        super().__init__(*arguments, **options)

    def new_command(self, name: str, *arguments: str, **variables: str) -> ForkedProcess:
        """A process with the environment of the service, not started."""
        environment = {**self.processes[0].environment, **variables}
        log = self.home / f"{name}.log"
        return ForkedProcess(name, arguments, environment, log, server=self._fork_server)

    def _new_process(self, name: str, *arguments: str, **variables: str) -> ServiceProcess:
        process = super()._new_process(name, *arguments, **variables)
        if name == "canvas":
            return process
        values = process.name, process.arguments, process.environment, process.log
        return ForkedProcess(*values, server=self._fork_server)


def _serve_forks() -> None:
    """Fork for each line of standard input, and print the id of the new process."""
    for module in MODULES:
        __import__(module)
    # Processes that have ended disappear at once.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        request = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _become(request)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


def _become(request: dict[str, Any]) -> None:
    """Run the command line in this process, with its own environment and log."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(Path(request["log"]).parent)
    sys.argv = ["easeboard", *request["arguments"]]
    from interfaces.cli.main import main  # noqa: PLC0415  # only this process has imported it

    try:
        main()
    finally:
        os._exit(0)


if __name__ == "__main__":
    _serve_forks()
