"""A process of the service: it may be asked to stop, killed, frozen, and started again."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PROCESS_TIMEOUT_SECONDS = 60.0
"""Seconds a process has to start or to end: as many as a busy machine may need."""


@dataclass
class ServiceProcess:
    """`easeboard` with some arguments, and the log of all its lives."""

    name: str
    arguments: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    _popen: "subprocess.Popen[str] | None" = field(default=None, repr=False)
    _log_offset: int = 0

    def start(self) -> None:
        """Begin; `serving` tells when it is up."""
        assert not self.is_alive
        self._log_offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("a") as log:
            self._popen = subprocess.Popen(  # noqa: S603  # our own command
                [sys.executable, "-m", "interfaces.cli", *self.arguments],
                env=self.environment | {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
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
        """What this life has logged so far."""
        with self.log.open() as log:
            log.seek(self._log_offset)
            complete_lines = log.read().rpartition("\n")[0].splitlines()
        return [json.loads(line) for line in complete_lines if line.startswith("{")]

    def wait_until_serving(self) -> dict[str, Any]:
        """The line by which it says that it serves."""
        deadline = time.monotonic() + PROCESS_TIMEOUT_SECONDS
        while time.monotonic() < deadline and self.is_alive:
            for line in self.log_lines():
                if line.get("event") == "serving" or "canvas_url" in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(
            f"{self.name} does not serve:\n{self.log.read_text()[self._log_offset :]}"
        )

    def kill(self) -> None:
        """End it as a power cut would."""
        self._send_signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> int:
        """Ask it to stop; returns its exit code once it has."""
        self._send_signal(signal.SIGTERM)
        return self._wait()

    def freeze(self) -> None:
        """Let it run no more until it is woken."""
        self._send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._send_signal(signal.SIGCONT)

    def kill_if_alive(self) -> None:
        """Leave nothing running, whatever state it is in."""
        if self.is_alive:
            self.kill()

    def _send_signal(self, signal_number: signal.Signals) -> None:
        assert self._popen
        self._popen.send_signal(signal_number)

    def _wait(self) -> int:
        assert self._popen
        return self._popen.wait(PROCESS_TIMEOUT_SECONDS)
