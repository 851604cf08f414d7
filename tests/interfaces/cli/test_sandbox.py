import json
import socket
from pathlib import Path

import aiohttp

from tests.interfaces.cli.run_cli import run_easeboard, running_easeboard, stop


async def test_the_sandbox_prints_its_tokens_and_accepts_them(empty_home: Path) -> None:
    arguments = ["--port", "0", "--students", "2", "--courses", "3", "--assignments", "4"]
    with running_easeboard(empty_home, "sandbox", *arguments) as process:
        assert process.stdout
        students = [json.loads(process.stdout.readline()) for _ in range(2)]
        async with aiohttp.ClientSession() as session:
            for student in students:
                async with session.get(
                    f"{student['canvas_url']}/api/v1/users/self",
                    headers={"Authorization": f"Bearer {student['token']}"},
                ) as response:
                    assert str((await response.json())["id"]) == student["user_id"]
        assert stop(process) == 0
    assert students[0]["token"] != students[1]["token"]


def test_a_taken_port_is_reported(empty_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        result = run_easeboard(empty_home, "sandbox", "--port", str(other.getsockname()[1]))
    assert (result.returncode, result.stdout) == (1, "")
    assert "--port" in result.stderr
