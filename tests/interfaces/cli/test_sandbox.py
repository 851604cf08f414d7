import json
import socket
from pathlib import Path

import aiohttp

from tests.interfaces.cli.run_cli import easeboard, started, stop


async def test_a_sandbox_tells_its_tokens_and_answers_to_them(empty_home: Path) -> None:
    arguments = ["--port", "0", "--students", "2", "--courses", "3", "--assignments", "4"]
    with started(empty_home, "sandbox", *arguments) as process:
        assert process.stdout
        students = [json.loads(process.stdout.readline()) for _ in range(2)]
        async with aiohttp.ClientSession() as session:
            for student in students:
                async with session.get(
                    f"{student['canvas_url']}/api/v1/users/self",
                    headers={"Authorization": f"Bearer {student['token']}"},
                ) as answer:
                    assert str((await answer.json())["id"]) == student["user_id"]
        assert stop(process) == 0
    assert students[0]["token"] != students[1]["token"]


def test_a_port_that_is_taken_is_said_plainly(empty_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        refused = easeboard(empty_home, "sandbox", "--port", str(other.getsockname()[1]))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "--port" in refused.stderr
