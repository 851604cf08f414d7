"""The tables of the demo count what the dashboard counts."""

from typing import Any

import pytest

from interfaces.cli.demo.tables import print_courses

COURSE = {
    "id": "one",
    "name": "Algebra",
    "course_code": "ALG",
    "state": "active",
    "role": "student",
    "assignment_count": 11,
    "current_score": 90,
}


def _assignment(status: str, *, missing: bool = False, part: str = "graded") -> dict[str, Any]:
    submission = {"missing": missing}
    return {
        "course_id": "one",
        "status": status,
        "submission": submission,
        "parts": [{"status": part}],
    }


def test_a_graded_assignment_that_canvas_flags_is_counted_as_missing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assignments = [
        _assignment("graded", missing=True),
        _assignment("graded"),
        _assignment("missing", missing=True),
        _assignment("upcoming"),
        _assignment("upcoming", part="missing"),
        {**_assignment("upcoming"), "submission": None},
        {**_assignment("missing", missing=True), "course_id": "another"},
    ]
    print_courses([COURSE], assignments)
    row = capsys.readouterr().out.strip().splitlines()[-1].split()
    assert row == ["Algebra", "ALG", "11", "2", "3", "3", "90"]
