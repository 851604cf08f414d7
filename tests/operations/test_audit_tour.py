"""Executes the tour of docs/audit.md as it is written, in one shell, on other ports."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.deadlines import scaled
from tests.infrastructure.postgres.debian_server import BINARIES_DIRECTORY
from tests.operations.installation import free_port
from tests.operations.runbook import code_blocks

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"
TIMEOUT_SECONDS = scaled(300)


@pytest.fixture
def directory() -> Iterator[Path]:
    """An empty directory that the account of the embedded database can enter."""
    with TemporaryDirectory(prefix="easeboard-tour-") as name:
        path = Path(name).resolve()
        path.chmod(0o755)
        yield path


@pytest.mark.timeout(scaled(400))
def test_every_command_of_the_tour_does_what_the_page_states(directory: Path) -> None:
    blocks = code_blocks(PAGE)
    assert {block.kind for block in blocks} == {"sh"}
    script = "".join(block.text for block in blocks)
    for port in ("8000", "9000"):
        script = script.replace(port, str(free_port()))
    output = _run(script, directory)
    for text in (
        "was connected.",
        "What the student saw of connection",
        "No difference was found.",
        "Every event is as it was sealed.",
        "c2sp.org/tlog-proof@v1",
        "actor changed: The row at position 1 was changed: actor is 'nobody'",
        "exit code 1",
        "Everything of the user 6f9619ff-8b86-4d01-b42d-00cf4fc964ff is erased.",
    ):
        assert text in output, output
    assert output.count("The receipt is valid.") == 2
    assert "was erased" in output
    chain = [line.split("\t")[0] for line in output.splitlines() if line.count("\t") == 2]
    assert chain[:4] == ["SyncRequested", "SyncStarted", "CourseFetched", "GradeChanged"]


def _run(script: str, directory: Path) -> str:
    """Return the output of a shell that stops at the first failure."""
    directories = [Path(sys.executable).parent, BINARIES_DIRECTORY, "/usr/bin", "/bin"]
    shell = subprocess.Popen(  # noqa: S603  # commands of our own documents
        ["/bin/bash", "-eu", "-o", "pipefail", "-c", script],
        cwd=directory,
        env={"PATH": os.pathsep.join(map(str, directories)), "HOME": str(directory)},
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
