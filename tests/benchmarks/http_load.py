"""Loads an HTTP server with wrk over kept-alive connections, and counts its CPU a request."""

import json
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tests.benchmarks.cpu_clocks import ServerCpu, process_cpu_seconds
from tests.benchmarks.peers.environments import wrk
from tests.benchmarks.rounds import Slice

CONNECTIONS = 32
SETTLE_SECONDS = 0.2
"""After a slice, the server ends the requests whose responses wrk did not wait for."""
NONE = "-"
_SCRIPT = Path(__file__).with_suffix(".lua")


class LoadRequest(NamedTuple):
    """A request of one person."""

    path: str
    token: str = NONE
    etag: str = NONE


class LoadResult(NamedTuple):
    """A slice of load; percentiles in milliseconds, and the mean bytes of a response."""

    measured: Slice
    p50: float
    p99: float
    response_bytes: float


class HttpLoad:
    """Requests that are sent to one server in turn."""

    def __init__(
        self,
        url: str,
        requests: Sequence[LoadRequest],
        folder: Path,
        *,
        accept_encoding: str = "gzip",
    ) -> None:
        self._url, self._encoding = url, accept_encoding
        self._file = folder / f"{id(self)}.requests"
        self._file.write_text("\n".join("\t".join(each) for each in requests) + "\n")

    def run(self, process_id: int, server: ServerCpu, seconds: float) -> LoadResult:
        """Send requests for some seconds; each connection has always one in flight.

        Raises: AssertionError if a response is no success, nor a 304.
        """
        cpu, database = process_cpu_seconds(process_id), server.cpu_seconds()
        result = self._execute(seconds)
        time.sleep(SETTLE_SECONDS)
        cpu = process_cpu_seconds(process_id) - cpu
        database = server.cpu_seconds() - database
        if result["failed"]:
            raise AssertionError(f"{self._url}: {result['failed']:.0f} requests failed.")
        # The server has also executed the requests that were in flight at the end.
        units = result["requests"] + CONNECTIONS
        wall = result["seconds"] * units / max(1, result["requests"])
        size = result["bytes"] / max(1, result["requests"])
        return LoadResult(Slice(units, wall, cpu, database), result["p50"], result["p99"], size)

    def _execute(self, seconds: float) -> dict[str, float]:
        options = ("-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "--timeout", "20s")
        script = ("-s", f"{_SCRIPT}", self._url, "--", f"{self._file}", self._encoding)
        output = subprocess.run(  # noqa: S603  # our own arguments
            [f"{wrk()}", *options, *script], check=True, capture_output=True, text=True
        ).stdout
        line = next(line for line in output.splitlines() if line.startswith("RESULT "))
        result: dict[str, float] = json.loads(line.removeprefix("RESULT "))
        return result
