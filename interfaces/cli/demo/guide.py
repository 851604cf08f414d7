"""Prints the last page of a demo that serves: its addresses, tokens, and lines to paste."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from interfaces.cli.demo.sandbox_changes import GradeToSet
from interfaces.cli.output import print_heading, print_line


class Guide(NamedTuple):
    """What the page has: addresses, a token for each role, and what the lines refer to."""

    url: str
    sandbox_url: str
    tokens: dict[str, str]
    connection_id: str
    change_id: str | None
    """A changed grade, whose receipt can be downloaded."""
    grade: GradeToSet | None
    """A grade that the teacher could set next."""


def print_guide(guide: Guide) -> None:
    """Print the page; every line except those of tokens and ids fits into 80 columns."""
    print_heading("The demo serves until Ctrl-C. Open the console in a browser:")
    for name, address in (
        ("Console", f"{guide.url}/"),
        ("API", f"{guide.url}/docs"),
        ("Canvas", f"{guide.sandbox_url}/   (the sandbox)"),
        ("Control API", f"{guide.sandbox_url}/sandbox   (changes the sandbox)"),
    ):
        print_line(f"  {name:<13}{address}")
    print_heading("Or paste these lines into a second terminal. First the addresses and tokens:")
    print_line(f"  API={guide.url}")
    print_line(f"  SANDBOX={guide.sandbox_url}")
    print_line(f"  CONNECTION={guide.connection_id}")
    for role, token in guide.tokens.items():
        print_line(f"  {role.upper()}={token}")
    for title, lines in _steps(guide):
        print_line()
        print_line(title)
        for line in lines:
            print_line(f"  {line}")


def _steps(guide: Guide) -> Iterator[tuple[str, list[str]]]:
    student, auditor = (f'-H "Authorization: Bearer ${role}"' for role in ("STUDENT", "AUDITOR"))
    connection = "$API/api/v1/canvas/connections/$CONNECTION"
    yield (
        "What is due next?",
        [f"curl {student} \\", '  "$API/api/v1/canvas/assignments?status=upcoming&sort=due_at"'],
    )
    yield "Follow the student's live messages; Ctrl-C ends them.", [f"{_program()} listen --demo"]
    if grade := guide.grade:
        yield (
            f"Be the teacher: set the grade of “{grade.name}”, and sync.",
            [
                "curl $SANDBOX/sandbox/set_grade \\",
                f'  -d \'{{"assignment_id": "{grade.assignment_id}", "score": {grade.score:g}}}\'',
                f"curl -X POST {student} \\",
                f"  {connection}/sync",
            ],
        )
    yield (
        "What was recorded? An auditor names a purpose, which is recorded too.",
        [
            f"curl {auditor} \\",
            '  "$API/api/v1/audit/connections/$CONNECTION/events?purpose=demo"',
        ],
    )
    if guide.change_id:
        yield (
            "Download the receipt of a grade, and check it without the service.",
            [
                f"curl {student} -o receipt.json \\",
                f"  $API/api/v1/me/grades/{guide.change_id}/receipt",
                f"curl {auditor} -o vkey $API/api/v1/audit/key",
                f"{_program()} receipt verify receipt.json --vkey vkey",
            ],
        )
    yield (
        "Look into the demo with any command: add --demo.",
        [f"{_program()} status --demo", f"{_program()} projections list --demo"],
    )


def _program() -> str:
    """Return how the user can start this program in another terminal in the same directory."""
    started = Path(sys.argv[0])
    if started.name != "easeboard" or shutil.which("easeboard") == str(started):
        return "easeboard"
    return os.path.relpath(started)
