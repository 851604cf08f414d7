"""Runs `easeboard` the way a person does: as a process, with an environment of its own."""

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

ROOT = Path(__file__).parents[3]
COMMAND_TIMEOUT_SECONDS = 30.0


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
    """A command that goes on until the block ends; what it logs goes to a file."""
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
    """Ask a process to stop, and wait until it has; returns its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=COMMAND_TIMEOUT_SECONDS)


def wait_for_log(log: Path, event: str) -> dict[str, Any]:
    """The first line of a log about an event, as soon as it is there."""
    deadline = time.monotonic() + COMMAND_TIMEOUT_SECONDS
    while time.monotonic() < deadline:
        for line in log.read_text().splitlines() if log.exists() else []:
            document: dict[str, Any] = json.loads(line)
            if document["event"] == event:
                return document
        time.sleep(0.02)
    raise AssertionError(f"no {event} in {log.read_text()}")
