import asyncio
import socket
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from interfaces.composition.process import Running
from interfaces.composition.run_roles import Doors, RoleDied, playing
from interfaces.http.server.listener import PortTaken, listen, url_of


class DeadFollower:
    """A projector whose thread has ended."""

    is_running = False
    stopped = False

    def start(self) -> None:
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True


class Beating:
    """A heartbeat."""

    has_left = False

    async def beat(self) -> None:
        self.has_left = False

    async def keep_beating(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.has_left = True


async def test_a_role_that_dies_is_told_of_and_stopped() -> None:
    follower = DeadFollower()
    workers = Beating()
    queue = SimpleNamespace(workers=workers)
    running = cast("Running", SimpleNamespace(follower=follower, queue=queue))
    with capture_logs() as lines, pytest.raises(RoleDied, match="projector"):
        async with playing(running, frozenset({"projector"}), Doors()) as died:
            await died
    assert follower.stopped
    assert workers.has_left
    assert [(line["event"], line["role"]) for line in lines] == [("role_died", "projector")]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_listener_says_where_it_is_and_keeps_the_port(host: str) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://{f'[{host}]' if ':' in host else host}:{port}"
        with socket.create_connection((host, port), timeout=1):
            pass
        with pytest.raises(PortTaken, match=rf"{port}.*--port"):
            listen(host, port)


def test_an_address_of_somebody_else_is_refused() -> None:
    with pytest.raises(PortTaken, match="--port"):
        listen("192.0.2.1", 0)
