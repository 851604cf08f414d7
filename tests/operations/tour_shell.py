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

TIMEOUT_SECONDS = scaled(150)
OUTPUT_FILE = "tour-output.log"


@contextmanager
def tour_directory() -> Iterator[Path]:
    """Create an empty directory that the account of the embedded database can enter."""
    with TemporaryDirectory(prefix="easeboard-tour-") as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path


def tour_environment(directory: Path) -> dict[str, str]:
    """Return the environment of a new shell, with an EASEBOARD_HOME of its own.

    The default of root is one directory for all: tests that run at the same time would share one
    database, and execute each other's syncs.
    """
    directories = [Path(sys.executable).parent, BINARIES_DIRECTORY, "/usr/bin", "/bin"]
    return {
        "PATH": os.pathsep.join(map(str, directories)),
        "HOME": str(directory),
        "EASEBOARD_HOME": str(directory / "home"),
    }


def run_tour(script: str, directory: Path, **variables: str) -> str:
    """Return the output of a script.

    The output goes to a file: a program that a failed script left in the background would keep a
    pipe open, and reading it would not end.

    Raises: AssertionError with the output if a command fails, or if the script takes too long.
    """
    file = directory / OUTPUT_FILE
    with file.open("wb") as stream:
        shell = subprocess.Popen(  # noqa: S603  # commands of our own documents
            ["/bin/bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=directory,
            env=tour_environment(directory) | variables,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        returncode: int | None = shell.wait(TIMEOUT_SECONDS)
    except subprocess.TimeoutExpired:
        returncode = None
    finally:
        _end_group(shell)
    output = file.read_text("utf-8")
    assert returncode is not None, f"The script takes over {TIMEOUT_SECONDS:.0f} s:\n{output}"
    assert returncode == 0, output
    return output


def _end_group(shell: "subprocess.Popen[bytes]") -> None:
    """End what a failed script has left."""
    try:
        os.killpg(shell.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    finally:
        shell.wait()
