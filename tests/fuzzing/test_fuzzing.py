"""Runs each fuzzing target with `RUNS` inputs; `make fuzz` runs them longer."""

import asyncio
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

import orjson
import pytest

from tests.fuzzing.targets import TARGETS
from tests.generate_documents import ROOT
from tests.infrastructure.canvas.rows import (
    assignment_row,
    course_row,
    planner_row,
    submission_row,
)

RUNS = 50_000
SEED = 20261125
SEED_INPUTS: dict[str, list[bytes]] = {
    "response": [
        orjson.dumps([row])
        for row in (course_row(), assignment_row(), submission_row(), planner_row())
    ],
    "address": [
        b"https://school.instructure.com",
        b"canvas.school.edu/courses/1",
        b"http://127.0.0.1:9000",
        b"https://me@[::ffff:127.0.0.1]:443/",
        "https://bücher.instructure.com".encode(),
    ],
    "link": [b'<https://canvas.school.edu/api/v1/courses?page=2>; rel="next", <x>; rel="first"'],
}


@pytest.mark.parametrize("target", TARGETS)
async def test_no_input_crashes_a_parser(target: str, tmp_path: Path) -> None:
    for index, seed_input in enumerate(SEED_INPUTS[target]):
        (tmp_path / str(index)).write_bytes(seed_input)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.fuzzing", target, str(tmp_path)),
        *(f"-runs={RUNS}", f"-seed={SEED}", "-max_len=8192", f"-artifact_prefix={tmp_path}/"),
        cwd=ROOT,
        stdout=PIPE,
        stderr=STDOUT,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0, output.decode(errors="replace")
    assert re.search(rb"Done \d+ ", output), output.decode(errors="replace")
