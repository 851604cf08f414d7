"""A student downloads a receipt, and somebody else checks it without the service."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from infrastructure.canvas_sandbox.sandbox_server import Sandbox
from infrastructure.settings.settings import Settings
from tests.deadlines import scaled
from tests.dev_tokens import BOB
from tests.end_to_end.conftest import Client, running_service, wait_until

SCRIPT = Path(__file__).parents[2] / "examples/verify_receipt.py"


@pytest.fixture
def seals(tmp_path: Path) -> Path:
    return tmp_path / "seals"


@pytest.fixture
async def ada(settings: Settings, seals: Path) -> AsyncIterator[Client]:
    async with running_service(settings.model_copy(update={"seal_dir": seals})) as (_, client):
        yield client


async def download(client: Client, change: dict[str, Any]) -> bytes:
    """Download the receipt of a change as soon as it is sealed."""

    async def sealed() -> bytes | None:
        response = await client("GET", f"/api/v1/me/grades/{change['id']}/receipt")
        assert response.status in {200, 503}, response.body
        return response.body if response.status == 200 else None

    receipt: bytes = await wait_until(sealed)
    return receipt


async def check(*command: object) -> tuple[int, str]:
    """Return the exit code and the output of a program that checks a receipt."""
    result = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
        timeout=scaled(60),
    )
    return result.returncode, result.stdout + result.stderr


async def test_a_grade_is_shown_with_a_receipt_that_outlives_its_data(
    ada: Client, sandbox: Sandbox, seals: Path, tmp_path: Path
) -> None:
    await ada.connect(sandbox)
    changes = (await ada.get("/api/v1/canvas/grades/history"))["items"]
    graded = next(each for each in changes if each["subject"] == "assignment" and each["current"])
    total = next(each for each in changes if each["subject"] == "course" and each["current"])
    file, of_course = tmp_path / "receipt.json", tmp_path / "course.json"
    file.write_bytes(await download(ada, graded))
    of_course.write_bytes(await download(ada, total))
    response = await ada.as_person(BOB)("GET", f"/api/v1/me/grades/{graded['id']}/receipt")
    assert response.status == 404
    assert (await ada("DELETE", "/api/v1/me")).status == 204
    response = await ada("GET", f"/api/v1/me/grades/{graded['id']}/receipt")
    assert (response.status, response.json["type"]) == (410, "/problems/person-erased")
    for receipt in (file, of_course):
        code, output = await check(
            "-m", "interfaces.cli", "receipt", "verify", receipt, "--vkey", seals / "vkey"
        )
        assert (code, "The receipt is valid." in output) == (0, True), output
        assert sandbox.url in output
        code, output = await check("-I", SCRIPT, receipt, seals / "vkey")
        assert (code, "WARNING" in output) == (0, False), output
    assert str(graded["assignment_name"]) in (await check("-I", SCRIPT, file))[1]


async def test_a_receipt_with_another_grade_is_refused(
    ada: Client, sandbox: Sandbox, tmp_path: Path
) -> None:
    await ada.connect(sandbox)
    (change, *_) = (await ada.get("/api/v1/canvas/grades/history"))["items"]
    receipt = await download(ada, change)
    file = tmp_path / "receipt.json"
    file.write_bytes(receipt.replace(b'\\"baseline\\":true', b'\\"baseline\\":false'))
    assert file.read_bytes() != receipt
    for command in (("-m", "interfaces.cli", "receipt", "verify"), ("-I", SCRIPT)):
        code, output = await check(*command, file)
        assert code == 1
        assert "another" in output
