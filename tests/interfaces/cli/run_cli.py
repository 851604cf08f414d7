"""Runs `easeboard` as a process with an environment of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.deadlines import scaled

ROOT = Path(__file__).parents[3]
COMMAND_TIMEOUT_SECONDS = scaled(30.0)


def environment(home: Path, **variables: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "EASEBOARD_HOME": str(home),
        **variables,
    }


def run_easeboard(
    home: Path, *arguments: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, outside the checkout so that no `.env` is read."""
    return subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "interfaces.cli", *arguments],
        env=environment(home, **variables),
        cwd=home,
        capture_output=True,
        text=True,
        timeout=COMMAND_TIMEOUT_SECONDS,
        check=False,
    )


@contextmanager
def running_easeboard(
    home: Path, *arguments: str, log: Path | None = None, **variables: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a command until the block ends; its standard error is appended to a file."""
    with (
        (log or home / "log").open("a") as errors,
        subprocess.Popen(  # noqa: S603  # our own command
            [sys.executable, "-m", "interfaces.cli", *arguments],
            env=environment(home, **variables),
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as process,
    ):
        try:
            yield process
        finally:
            if process.poll() is None:
                stop(process)


def stop(process: subprocess.Popen[str]) -> int:
    """Send SIGTERM to a process, wait until it has ended, and return its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=COMMAND_TIMEOUT_SECONDS)


def wait_for_log(log: Path, event: str) -> dict[str, Any]:
    """Wait for a log message with this event name and return the first one."""
    deadline = time.monotonic() + COMMAND_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines() if log.exists() else []:
            document: dict[str, Any] = json.loads(line)
            if document["event"] == event:
                return document
        time.sleep(0.02)
    raise AssertionError(f"there is no log message {event} in {log.read_text()}")
