"""An event loop with a virtual clock, which jumps to the time of the next timer."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _JumpingSelector(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """Advance the clock by `timeout` without waiting; nothing outside can wake the loop."""
        if timeout is None:
            raise RuntimeError("Deadlock: no task is ready and no timer is set.")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers fire without waiting."""

    def __init__(self) -> None:
        self._selector_clock = _JumpingSelector()
        super().__init__(self._selector_clock)

    def time(self) -> float:
        """Virtual seconds since the loop was created."""
        return self._selector_clock.now


def run_virtual(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine on a new loop with a virtual clock, and return its result."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()
