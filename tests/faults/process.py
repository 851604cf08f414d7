"""A process of the service that a test can stop, kill, freeze and start again."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.deadlines import scaled

ROOT = Path(__file__).parents[2]
PROCESS_TIMEOUT_SECONDS = scaled(60.0)
"""How long a process may take to start or to end."""


@dataclass
class ServiceProcess:
    """An `easeboard` command that can run several times; all runs append to one log file."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    launcher: tuple[str, ...] = ()
    """A command that replaces itself with the one after it, for example to set a limit."""
    _popen: "subprocess.Popen[str] | None" = field(default=None, repr=False)
    _log_offset: int = 0

    def start(self) -> None:
        """Start the process; `wait_until_serving` waits until it is ready."""
        assert not self.is_alive
        self._log_offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            self._popen = subprocess.Popen(  # noqa: S603  # our own command
                [*self.launcher, sys.executable, "-m", "interfaces.cli", *self.arguments],
                env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)} | self.environment,
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
            )

    @property
    def pid(self) -> int:
        assert self._popen
        return self._popen.pid

    @property
    def is_alive(self) -> bool:
        return self._popen is not None and self._popen.poll() is None

    def log_lines(self) -> list[dict[str, Any]]:
        """The JSON lines logged since the last start."""
        with self.log.open() as log:
            log.seek(self._log_offset)
            complete_lines = log.read().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in complete_lines if line.startswith("{")]

    def wait_until_serving(self) -> dict[str, Any]:
        """Wait for the log message that reports readiness, and return it.

        That is the event `serving` of a service, or the first `canvas_url` of a sandbox.
        """
        deadline = time.monotonic() + PROCESS_TIMEOUT_SECONDS
        while time.monotonic() < deadline and self.is_alive:
            for line in self.log_lines():
                if line.get("event") == "serving" or "canvas_url" in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(
            f"{self.name} does not serve. Its log:\n{self.log.read_text()[self._log_offset :]}"
        )

    def kill(self) -> None:
        """Kill the process with SIGKILL, so that it cannot clean up."""
        self._send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        """Stop the process with SIGTERM, and return its exit code."""
        self._send_signal(signal.SIGTERM)
        return self._wait()

    def freeze(self) -> None:
        """Suspend the process until `resume`."""
        self._send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._send_signal(signal.SIGCONT)

    def kill_if_alive(self) -> None:
        """Kill the process if it is running or frozen."""
        if self.is_alive:
            self.kill()

    def _send_signal(self, signal_number: signal.Signals) -> None:
        assert self._popen
        self._popen.send_signal(signal_number)

    def _wait(self) -> int:
        assert self._popen
        return self._popen.wait(PROCESS_TIMEOUT_SECONDS)
