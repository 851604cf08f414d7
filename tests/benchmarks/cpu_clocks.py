"""CPU time of other processes, in nanoseconds: of one process, and of a PostgreSQL server."""

import time
from contextlib import suppress

import psutil

_CPU_CLOCK_OF_PROCESS = 2
"""CPUCLOCK_SCHED of Linux; `clock_getcpuclockid(3)` returns the same number."""


def process_cpu_seconds(process_id: int) -> float:
    """Return the CPU seconds of a process, with all its threads, also those that have ended.

    Raises: OSError if there is no such process.
    """
    return time.clock_gettime((~process_id << 3) | _CPU_CLOCK_OF_PROCESS)


class ServerCpu:
    """The CPU time of all PostgreSQL processes, including those that have ended."""

    def __init__(self, backend: int) -> None:
        """`backend` is the process id of any backend, as in `connection.info.backend_pid`."""
        self._postmaster = psutil.Process(backend).parent() or psutil.Process(backend)

    def cpu_seconds(self) -> float:
        """Return the CPU seconds since the start of the server."""
        ended = self._postmaster.cpu_times()
        total = float(ended.children_user + ended.children_system)
        for process in (self._postmaster, *self._postmaster.children()):
            with suppress(OSError):
                total += process_cpu_seconds(process.pid)
        return total
