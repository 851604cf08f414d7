"""Runs work in a thread, which Ctrl-C ends at its next report of progress."""

import asyncio
import os
import signal
from collections.abc import Callable
from threading import Event
from typing import Any, NoReturn, TypeVar

from interfaces.cli.output import print_error, show_cursor

R = TypeVar("R")

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C has ended."""


async def run_in_thread(stopping: Event, work: Callable[..., R], *arguments: Any) -> R:
    """Run work in a thread and return its result; raises what it raises.

    When this is cancelled, `stopping` is set, and the database stays open until the work has ended:
    it releases what it has begun, so that the next command continues at once. After that, a second
    Ctrl-C ends the process like a crash.
    """
    thread = asyncio.ensure_future(asyncio.to_thread(work, *arguments))
    try:
        await asyncio.wait([thread])
    except asyncio.CancelledError:
        stopping.set()
        signal.signal(signal.SIGINT, _end_at_once)
        print_error("Stopping after the current step; Ctrl-C again ends it at once.")
        await asyncio.wait([thread])
        thread.exception()
        raise
    return thread.result()


def _end_at_once(*_: object) -> NoReturn:
    show_cursor()
    os._exit(INTERRUPTED)
