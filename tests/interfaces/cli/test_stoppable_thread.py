"""Ctrl-C ends the work of a command in order, and a second one ends it at once."""

import asyncio
import signal
import subprocess
import sys
import threading

import pytest

from infrastructure.projection_engine.rebuild import RebuildStopped
from interfaces.cli.output import progress_of_rebuilds
from interfaces.cli.rebuild_bar import RebuildBar
from interfaces.cli.stoppable_thread import run_in_thread
from tests.deadlines import scaled
from tests.interfaces.cli.run_cli import ROOT

WORK_FOREVER = """
import asyncio, signal, threading
from interfaces.cli.stoppable_thread import run_in_thread

# A process that is started in the background of a shell ignores it.
signal.signal(signal.SIGINT, signal.default_int_handler)

def work():
    print("working", flush=True)
    threading.Event().wait()

asyncio.run(run_in_thread(threading.Event(), work))
"""


async def test_a_cancelled_command_waits_until_its_work_has_ended() -> None:
    stopping, has_begun, has_ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        with progress_of_rebuilds(show=False) as bars:
            bar = RebuildBar(bars, "courses", stopping)
            bar.show(1, 2)
            has_begun.set()
            assert stopping.wait(scaled(20.0))
            try:
                bar.show(2, 2)
            except RebuildStopped:
                has_ended.set()
                raise

    handler = signal.getsignal(signal.SIGINT)
    command = asyncio.create_task(run_in_thread(stopping, work))
    assert await asyncio.to_thread(has_begun.wait, scaled(20.0))
    command.cancel()
    try:
        with pytest.raises(asyncio.CancelledError):
            await command
    finally:
        signal.signal(signal.SIGINT, handler)
    assert has_ended.is_set()


def test_a_second_interrupt_ends_the_process_at_once() -> None:
    with subprocess.Popen(  # noqa: S603  # our own command
        [sys.executable, "-c", WORK_FOREVER],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == "working\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline().startswith("Stopping after the current step")
        process.send_signal(signal.SIGINT)
        assert process.wait(scaled(20.0)) == 130


def test_what_was_done_before_does_not_count_for_the_rate() -> None:
    with progress_of_rebuilds(show=False) as bars:
        bar = RebuildBar(bars, "courses", threading.Event())
        bar.show(900_000, 1_000_000)
        assert bars.tasks[0].completed == 900_000
        assert not bars.tasks[0].speed
