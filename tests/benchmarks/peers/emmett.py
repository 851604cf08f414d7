"""Emmett's event store in a Node.js process, which executes one operation at a time."""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.cpu_clocks import ServerCpu
from tests.benchmarks.peers.environments import NODE, PeerUnavailable, node_modules
from tests.benchmarks.rounds import Slice


class Emmett:
    """The running process."""

    def __init__(self, process: "subprocess.Popen[str]", server: ServerCpu) -> None:
        self._process, self._server = process, server

    def execute(self, operation: str, units: float, **arguments: Any) -> Slice:
        """Execute an operation of `emmett.mjs` on `units` events, and measure it."""
        database = self._server.cpu_seconds()
        measured = self._exchange({"operation": operation, **arguments})
        used = self._server.cpu_seconds() - database
        return Slice(units, measured["wall"], measured["cpu"], used)

    def _exchange(self, command: dict[str, Any]) -> Any:
        if self._process.stdin is None:
            raise AssertionError("The process has no standard input.")
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self.read_line()

    def read_line(self) -> Any:
        """Return the next line of JSON that the process writes.

        Raises: PeerUnavailable if the process has ended.
        """
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise PeerUnavailable("Emmett has ended; its messages are above.")
        return json.loads(line)


@contextmanager
def running_emmett(url: str, server: ServerCpu) -> Iterator[Emmett]:
    """Run Emmett on a PostgreSQL database, with tables of its own.

    Raises: PeerUnavailable if it cannot be set up.
    """
    folder = node_modules()
    script = Path(__file__).with_suffix(".mjs")
    with subprocess.Popen(  # noqa: S603  # our own program
        [NODE, script, url, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        emmett = Emmett(process, server)
        try:
            emmett.read_line()
            yield emmett
        finally:
            process.terminate()
