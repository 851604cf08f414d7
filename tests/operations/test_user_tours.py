"""Executes the commands of the pages for the three users, beside one running demo."""

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.deadlines import scaled
from tests.operations.installation import free_port
from tests.operations.runbook import code_blocks
from tests.operations.tour_shell import run_tour, tour_directory, tour_environment

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"^ *([A-Z]+)=(\S+)$", re.MULTILINE)
VARIABLES = {"API", "SANDBOX", "CONNECTION", "STUDENT", "AUDITOR", "ADMIN"}
DEMO_TIMEOUT_SECONDS = scaled(120)
KINDS = {"sh", "ts", "js"}
EXPECTED_TEXTS = {
    "for-frontend-developers.md": (
        '"type":"grade"',
        '"/problems/invalid-request"',
        "<title>",
        "\n304\n",
        "set_grade",
    ),
    "for-auditors.md": (
        "What the student saw of connection",
        "Total of",
        "complaint 42 about a grade",
        "No difference was found.",
        "The receipt is valid.",
    ),
    "for-admins.md": (
        "All checks passed.",
        "does not answer",
        "canvas-unreachable",
        "dashboard_stats",
        "Rebuilt courses: version 2 is live now.",
        "worker",
    ),
}
FIRST_LINES = "easeboard sandbox"
"""How the block of the README begins that leads to a synchronised account."""
FINISH = """
runs() { curl -fs -H "Authorization: Bearer $(easeboard token --user $STUDENT_ID)" $LOGS; }
until runs | jq -e '.items[0].status == "completed"'; do sleep 1; done
kill $(jobs -p)
wait
"""


@pytest.mark.timeout(scaled(600))
def test_every_command_of_the_three_pages_works() -> None:
    with tour_directory() as directory, running_demo(directory) as variables:
        assert variables.keys() == VARIABLES
        for page, texts in EXPECTED_TEXTS.items():
            blocks = code_blocks(ROOT / "docs" / page)
            assert {block.kind for block in blocks} <= KINDS
            script = "".join(block.text for block in blocks if block.kind == "sh")
            output = run_tour(script, directory, **variables)
            for text in texts:
                assert text in output, f"{page} does not print {text!r}:\n{output}"


@pytest.mark.timeout(scaled(300))
def test_three_lines_of_the_readme_lead_to_a_synchronised_account() -> None:
    blocks = code_blocks(ROOT / "README.md")
    (lines,) = [block.text for block in blocks if block.text.startswith(FIRST_LINES)]
    assert lines.count("\n") == 3
    (user_id,) = re.findall(r"--user (\S+?)\)", lines)
    script = f"{lines}\nLOGS=http://127.0.0.1:8100/api/v1/sync/logs\n{FINISH}"
    for port in ("8100", "9000"):
        script = re.sub(rf"(?<=[: ]){port}\b", str(free_port()), script)
    with tour_directory() as directory:
        output = run_tour(script, directory, STUDENT_ID=user_id)
    assert '"status":"active"' in output, output


@contextmanager
def running_demo(directory: Path) -> Iterator[dict[str, str]]:
    """Run the demo, and yield the variables that it prints to be pasted."""
    log = directory / "demo.log"
    arguments = ("demo", "--port", str(free_port()), "--courses", "3", "--assignments", "8")
    with log.open("wb") as output:
        demo = subprocess.Popen(  # noqa: S603  # our own program
            [Path(sys.executable).parent / "easeboard", *arguments],
            cwd=directory,
            env=tour_environment(directory),
            stdout=output,
            stderr=output,
        )
    try:
        yield _read_variables(demo, log)
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(DEMO_TIMEOUT_SECONDS)


def _read_variables(demo: "subprocess.Popen[bytes]", log: Path) -> dict[str, str]:
    deadline = time.monotonic() + DEMO_TIMEOUT_SECONDS
    while demo.poll() is None and time.monotonic() < deadline:
        variables = dict(VARIABLE.findall(log.read_text("utf-8")))
        if variables.keys() >= VARIABLES:
            return variables
        time.sleep(0.1)
    raise AssertionError(f"The demo has not printed its variables:\n{log.read_text()}")
