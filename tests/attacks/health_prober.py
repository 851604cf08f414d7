"""Measures `/health/live` and the memory of a process, from a process that does nothing else."""

import asyncio
import os
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.attacks.measured_processes import Phase, Signals

INTERVAL_SECONDS = 0.02
TIMEOUT_SECONDS = 10.0
MAX_IN_FLIGHT = 250
"""Requests without a response above which no further one is sent: those of five seconds."""
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: prober\r\nConnection: close\r\n\r\n"
PAGE_MIB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass
class HealthSamples:
    """The samples of each phase: seconds of each response, and the resident memory in MiB."""

    seconds: dict[Phase, list[float]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[Phase, int] = field(default_factory=lambda: defaultdict(int))
    late_seconds: dict[Phase, list[float]] = field(default_factory=lambda: defaultdict(list))
    """By how much the prober itself began too late, because the machine did not schedule it."""
    memory_mib: dict[Phase, list[float]] = field(default_factory=lambda: defaultdict(list))


def probe_health(url: str, process_id: int, nice: int, signals: Signals) -> HealthSamples:
    """Measure until the measurement ends, with this niceness, and return the samples."""
    os.setpriority(os.PRIO_PROCESS, 0, nice)
    address = urlsplit(url)
    prober = HealthProber(str(address.hostname), address.port or 0, process_id)
    asyncio.run(prober.run(signals))
    return prober.samples


class HealthProber:
    """Sends a request every INTERVAL_SECONDS, each on a new connection.

    It does not wait for earlier responses, so that a second in which the service does not respond
    counts as fifty slow responses and not as one.
    """

    def __init__(self, host: str, port: int, process_id: int) -> None:
        self._host, self._port, self._process_id = host, port, process_id
        self._in_flight: set[asyncio.Task[None]] = set()
        self.samples = HealthSamples()

    async def run(self, signals: Signals) -> None:
        """Send requests until the measurement ends, and wait for the last responses."""
        signals.send()
        due = time.perf_counter()
        while (phase := signals.phase) is not Phase.ENDED:
            due = max(due + INTERVAL_SECONDS, time.perf_counter())
            await asyncio.sleep(due - time.perf_counter())
            self.samples.late_seconds[phase].append(time.perf_counter() - due)
            self.samples.memory_mib[phase].append(_memory_mib(self._process_id))
            if len(self._in_flight) < MAX_IN_FLIGHT:
                task = asyncio.create_task(self._probe(phase))
                self._in_flight.add(task)
                task.add_done_callback(self._in_flight.discard)
        if self._in_flight:
            await asyncio.wait(self._in_flight)

    async def _probe(self, phase: Phase) -> None:
        started = time.perf_counter()
        if not await self._responds():
            self.samples.failures[phase] += 1
        self.samples.seconds[phase].append(time.perf_counter() - started)

    async def _responds(self) -> bool:
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                reader, writer = await asyncio.open_connection(self._host, self._port)
                writer.write(REQUEST)
                status_line = await reader.readline()
                writer.transport.abort()
        except (OSError, TimeoutError):
            return False
        return status_line.startswith(b"HTTP/1.1 200 ")


def _memory_mib(process_id: int) -> float:
    return int(Path(f"/proc/{process_id}/statm").read_text().split()[1]) * PAGE_MIB
