"""An event loop whose clock jumps to whatever comes next, instead of waiting for it."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class _JumpingSelector(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        """What is ready; time passes by itself, and nobody outside can wake the loop."""
        if timeout is None:
            raise RuntimeError("Everybody waits for somebody else.")
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """Hours pass in no time."""

    def __init__(self) -> None:
        self._selector_clock = _JumpingSelector()
        super().__init__(self._selector_clock)

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._selector_clock.now


def run_virtual(coroutine: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end on a virtual clock."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()
