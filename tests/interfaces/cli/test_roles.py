import asyncio
import socket
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from interfaces.composition.process import Process
from interfaces.composition.run_roles import Listeners, RoleFailed, running_roles
from interfaces.http.server.listener import PortUnavailable, listen, url_of


class StoppedProjectionDaemon:
    """A projection daemon whose thread has ended."""

    is_running = False
    stopped = False

    def start(self) -> None:
        self.stopped = False

    def stop(self) -> None:
        self.stopped = True


class FakeHeartbeats:
    """Heartbeats that are not written anywhere."""

    has_stopped = False

    async def record_heartbeat(self) -> None:
        self.has_stopped = False

    async def run_heartbeat(self) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            self.has_stopped = True


async def test_a_failed_role_is_logged_and_stops_the_process() -> None:
    projection_daemon = StoppedProjectionDaemon()
    heartbeats = FakeHeartbeats()
    queue = SimpleNamespace(heartbeats=heartbeats)
    process = cast("Process", SimpleNamespace(projection_daemon=projection_daemon, queue=queue))
    with capture_logs() as lines, pytest.raises(RoleFailed, match="projector"):
        async with running_roles(process, frozenset({"projector"}), Listeners()) as first_exit:
            await first_exit
    assert projection_daemon.stopped
    assert heartbeats.has_stopped
    assert [(line["event"], line["role"]) for line in lines] == [("role_failed", "projector")]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_listener_has_a_url_and_holds_its_port(host: str) -> None:
    with listen(host, 0) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://{f'[{host}]' if ':' in host else host}:{port}"
        with socket.create_connection((host, port), timeout=1):
            pass
        with pytest.raises(PortUnavailable, match=rf"{port}.*--port"):
            listen(host, port)


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(PortUnavailable, match="--port"):
        listen("192.0.2.1", 0)
