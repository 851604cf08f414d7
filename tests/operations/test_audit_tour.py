"""Executes the tour of docs/audit.md as it is written, in one shell, on other ports."""

from pathlib import Path

import pytest

from tests.deadlines import scaled
from tests.operations.installation import free_port
from tests.operations.runbook import code_blocks
from tests.operations.tour_shell import run_tour, tour_directory

PAGE = Path(__file__).parents[2] / "docs" / "audit.md"


@pytest.mark.timeout(scaled(400))
def test_every_command_of_the_tour_does_what_the_page_states() -> None:
    blocks = code_blocks(PAGE)
    assert {block.kind for block in blocks} == {"sh"}
    script = "".join(block.text for block in blocks)
    for port in ("8000", "9000"):
        script = script.replace(port, str(free_port()))
    with tour_directory() as directory:
        output = run_tour(script, directory)
    for text in (
        "was connected.",
        "What the student saw of connection",
        "No difference was found.",
        "Each event in the file is as it was sealed. Others can be missing.",
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
