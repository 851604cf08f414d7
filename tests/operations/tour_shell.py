"""Executes the commands of a page as they are written, in one shell that stops at a failure."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.deadlines import scaled
from tests.infrastructure.postgres.debian_server import BINARIES_DIRECTORY

TIMEOUT_SECONDS = scaled(300)


@contextmanager
def tour_directory() -> Iterator[Path]:
    """Create an empty directory that the account of the embedded database can enter."""
    with TemporaryDirectory(prefix="easeboard-tour-") as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path


def tour_environment(directory: Path) -> dict[str, str]:
    """Return the environment of a new shell: nothing of easeboard is in it."""
    directories = [Path(sys.executable).parent, BINARIES_DIRECTORY, "/usr/bin", "/bin"]
    return {"PATH": os.pathsep.join(map(str, directories)), "HOME": str(directory)}


def run_tour(script: str, directory: Path, **variables: str) -> str:
    """Return the output of a script.

    Raises: AssertionError with the output if a command fails.
    """
    shell = subprocess.Popen(  # noqa: S603  # commands of our own documents
        ["/bin/bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=directory,
        env=tour_environment(directory) | variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        output, _ = shell.communicate(timeout=TIMEOUT_SECONDS)
    finally:
        _end_group(shell.pid)
    assert shell.returncode == 0, output
    return output


def _end_group(group: int) -> None:
    """End what a failed script has left."""
    try:
        os.killpg(group, signal.SIGTERM)
    except ProcessLookupError:
        return
