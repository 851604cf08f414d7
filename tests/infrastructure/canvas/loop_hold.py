"""Measures for how long the event loop is held: the processor time of its longest step."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest


@dataclass
class LoopHold:
    """The processor time of the longest step so far, in seconds, and the number of steps.

    A step is what the event loop runs at a time: a callback, or a task up to its next `await` that
    waits. Processor time does not depend on other programs of the machine.
    """

    seconds: float = 0.0
    steps: int = 0

    def record(self, seconds: float) -> None:
        self.steps += 1
        self.seconds = max(self.seconds, seconds)


@contextmanager
def measured_loop_hold() -> Iterator[LoopHold]:
    """Measure every step of event loops of this thread while the context is open.

    Objects of earlier tests are frozen: a garbage collection would need long to look at them.
    """
    hold, run_step = LoopHold(), asyncio.Handle._run

    def run_measured(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        run_step(handle)
        hold.record(time.thread_time() - began)

    gc.collect()
    gc.freeze()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(asyncio.Handle, "_run", run_measured)
            yield hold
    finally:
        gc.unfreeze()
