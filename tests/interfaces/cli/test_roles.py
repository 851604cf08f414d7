import asyncio
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from interfaces.composition.process import Process
from interfaces.composition.run_roles import Listeners, RoleFailed, running_roles


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
    parts = SimpleNamespace(
        projection_daemon=projection_daemon,
        queue=queue,
        sealing=SimpleNamespace(run=asyncio.Event().wait),
        settings=SimpleNamespace(seal_witnesses=None),
    )
    process = cast("Process", parts)
    with capture_logs() as lines, pytest.raises(RoleFailed, match="projector"):
        async with running_roles(process, frozenset({"projector"}), Listeners()) as first_exit:
            await first_exit
    assert projection_daemon.stopped
    assert heartbeats.has_stopped
    assert [(line["event"], line["role"]) for line in lines] == [("role_failed", "projector")]
