"""Few requests begin in one step of the event loop, and senders take turns."""

import asyncio
from collections import Counter
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from interfaces.http.server.fair_starts import STARTS_PER_STEP, FairStarts

FLOOD = 100


class Recorder:
    """An application that records which requests begin, and in which step of the event loop."""

    def __init__(self) -> None:
        self.begun: list[tuple[int, str]] = []
        self.step = 0
        self.app = FairStarts(self)

    async def __call__(self, scope: Scope, _receive: Receive, _send: Send) -> None:
        """Record one request."""
        self.begun.append((self.step, scope["name"]))

    def send(
        self, name: str, token: str = "", path: str = "/", kind: str = "http"
    ) -> asyncio.Task[None]:
        """Begin to serve a request."""
        headers = [(b"authorization", token.encode())] if token else []
        scope: dict[str, Any] = {
            "type": kind, "path": path, "headers": headers, "client": ("192.0.2.1", 1),
            "name": name,
        }  # fmt: skip
        return asyncio.ensure_future(self.app(scope, None, None))  # type: ignore[arg-type]  # not used

    async def run_steps(self, count: int) -> None:
        """Let the event loop make this many steps."""
        for _ in range(count):
            await asyncio.sleep(0)
            self.step += 1

    def place_of(self, name: str) -> int:
        """Return how many requests have begun before this one."""
        return [each for _, each in self.begun].index(name)


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_few_requests_begin_in_one_step_and_all_begin_in_the_end(kind: str) -> None:
    recorder = Recorder()
    for number in range(FLOOD):
        recorder.send(f"flood {number}", f"token {number}", kind=kind)
    await recorder.run_steps(FLOOD)
    assert len(recorder.begun) == FLOOD
    steps = Counter(step for step, _ in recorder.begun)
    assert max(steps.values()) <= 2 * STARTS_PER_STEP
    assert len(steps) >= FLOOD / STARTS_PER_STEP / 2


async def test_a_few_requests_begin_at_once() -> None:
    recorder = Recorder()
    for number in range(STARTS_PER_STEP):
        recorder.send(f"request {number}")
    await recorder.run_steps(1)
    assert len(recorder.begun) == STARTS_PER_STEP


@pytest.mark.parametrize("token", ["", "flood"], ids=["stranger", "student"])
async def test_one_request_of_another_sender_does_not_wait_for_a_flood(token: str) -> None:
    recorder = Recorder()
    for number in range(FLOOD):
        recorder.send(f"flood {number}", token)
    recorder.send("honest", "honest")
    await recorder.run_steps(FLOOD)
    assert recorder.place_of("honest") <= 2 * STARTS_PER_STEP


async def test_requests_of_one_sender_begin_in_order() -> None:
    recorder = Recorder()
    names = [f"request {number}" for number in range(FLOOD)]
    for name in names:
        recorder.send(name, "one")
    await recorder.run_steps(FLOOD)
    assert [name for _, name in recorder.begun] == names


async def test_a_health_check_begins_before_a_flood_of_many_senders() -> None:
    recorder = Recorder()
    for number in range(FLOOD):
        recorder.send(f"flood {number}", f"token {number}")
    recorder.send("health", path="/health/live")
    await recorder.run_steps(FLOOD)
    assert recorder.place_of("health") <= 2 * STARTS_PER_STEP


async def test_a_flood_of_health_checks_leaves_turns_to_others() -> None:
    recorder = Recorder()
    for number in range(FLOOD):
        recorder.send(f"health {number}", f"token {number}", path="/health/live")
    recorder.send("honest", "honest")
    await recorder.run_steps(FLOOD)
    assert recorder.place_of("honest") <= 2 * STARTS_PER_STEP


async def test_a_request_that_is_cancelled_takes_no_turn() -> None:
    recorder = Recorder()
    tasks = [recorder.send(f"flood {number}", "one") for number in range(FLOOD)]
    await recorder.run_steps(1)
    for task in tasks[STARTS_PER_STEP:]:
        task.cancel()
    last = recorder.send("last", "one")
    await recorder.run_steps(4)
    assert last.done()
    assert len(recorder.begun) <= 3 * STARTS_PER_STEP
