"""Tests of `easeboard listen` against a server that speaks the protocol of /ws/sync-status."""

import asyncio
import json
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from tests.deadlines import scaled
from tests.interfaces.cli.run_cli import run_easeboard, running_easeboard

SECRET = "a development secret, and long enough"
SNAPSHOT = {"type": "snapshot", "items": []}


class LiveServer:
    """Sends a snapshot on each connection, and closes it with the next of `codes`, if any."""

    def __init__(self, codes: list[int], *, refuses: bool = False) -> None:
        self.codes = codes
        self.refuses = refuses
        self.first_messages: list[dict[str, str]] = []

    async def handle(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.first_messages.append(await socket.receive_json())
        if not self.refuses:
            await socket.send_json(SNAPSHOT)
        if self.codes:
            await socket.close(code=self.codes.pop(0), message=b"because of a test")
        else:
            await socket.receive()
        return socket


@asynccontextmanager
async def serving(server: LiveServer) -> AsyncIterator[str]:
    application = web.Application()
    application.router.add_get("/ws/sync-status", server.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def read_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()


async def test_it_connects_again_and_says_so_until_ctrl_c(empty_home: Path) -> None:
    server = LiveServer([1013])
    log = empty_home / "log"
    async with serving(server) as url:
        arguments = ["listen", "--url", url, "--token", "a.b.c", "--json"]
        with running_easeboard(empty_home, *arguments, log=log) as process:
            for _ in range(2):
                line = await asyncio.to_thread(read_line, process)
                assert json.loads(line) == SNAPSHOT
            process.send_signal(signal.SIGINT)
            assert await asyncio.to_thread(process.wait, scaled(20)) == 0
    assert server.first_messages == [{"type": "auth", "token": "a.b.c"}] * 2
    assert log.read_text().splitlines() == [
        "The service closed the connection (1013: because of a test); connecting again in 1 s."
    ]


async def test_a_token_is_signed_for_a_user(empty_home: Path) -> None:
    server = LiveServer([])
    user = "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"
    async with serving(server) as url:
        arguments = ["listen", "--url", url, "--user", user]
        with running_easeboard(empty_home, *arguments, SUPABASE_JWT_SECRET=SECRET) as process:
            line = await asyncio.to_thread(read_line, process)
            assert line.endswith("  This user has no Canvas connection.\n")
    assert server.first_messages[0]["token"].count(".") == 2


async def test_a_refused_token_ends_it(empty_home: Path) -> None:
    async with serving(LiveServer([4401], refuses=True)) as url:
        result = await asyncio.to_thread(
            run_easeboard, empty_home, "listen", "--url", url, "--token", "a.b.c"
        )
    assert result.returncode == 1
    assert result.stderr.startswith("easeboard: The service refused the token (because of a test)")


async def test_another_server_is_named(empty_home: Path) -> None:
    async with serving(LiveServer([])) as url:
        result = await asyncio.to_thread(
            run_easeboard, empty_home, "listen", "--url", f"{url}/x", "--token", "a.b.c"
        )
    assert result.returncode == 1
    assert "is not the address of easeboard" in result.stderr


def test_wrong_arguments_are_named(empty_home: Path) -> None:
    for arguments in ([], ["--url", "localhost:8000", "--token", "a.b.c"]):
        result = run_easeboard(empty_home, "listen", *arguments)
        assert result.returncode == 1
        assert result.stderr.count("\n") == 1
        assert "--user" in result.stderr or "--url" in result.stderr
