"""Bounds the bytes of responses that wait for their clients to read, by owner and in all."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MAX_BYTES_PER_OWNER = 16 * 1024 * 1024
"""Bytes that may wait for one person or one address while one of their clients does not read."""
MAX_BYTES = 256 * 1024 * 1024
"""Bytes that may wait in one process."""
STALL_SECONDS = 2.0
"""A client that has read nothing for so long does not read."""


class WaitingBytes:
    """What waits in one connection. `size` and `progressed_at` change as the client reads."""

    __slots__ = ("abort", "owner", "progressed_at", "size")

    def __init__(self, owner: str, size: int, abort: Callable[[], None]) -> None:
        self.owner, self.size, self.abort = owner, size, abort
        self.progressed_at = time.monotonic()


class UnsentBytes:
    """The waiting bytes of all connections; above a limit a connection is aborted.

    It is the one with the most bytes of the owner with the most. A client that reads is not
    aborted for its owner, only for the whole process.
    """

    def __init__(self) -> None:
        self._by_owner: dict[str, dict[WaitingBytes, None]] = {}
        self._totals: dict[str, int] = {}
        self._total = 0
        self._next_check: asyncio.TimerHandle | None = None

    @property
    def total(self) -> int:
        """All bytes that wait."""
        return self._total

    @contextmanager
    def hold(self, owner: str, size: int, abort: Callable[[], None]) -> Iterator[WaitingBytes]:
        """Count bytes during the block; `abort` may be called to close their connection."""
        waiting = self.add(owner, size, abort)
        try:
            yield waiting
        finally:
            self.release(waiting)

    def add(self, owner: str, size: int, abort: Callable[[], None]) -> WaitingBytes:
        """Count bytes until `release`."""
        waiting = WaitingBytes(owner, size, abort)
        self._by_owner.setdefault(owner, {})[waiting] = None
        self._change(owner, size)
        self._enforce()
        return waiting

    def sent(self, waiting: WaitingBytes, size: int) -> None:
        """Record that a client has read some of its bytes."""
        waiting.progressed_at = time.monotonic()
        if waiting in self._by_owner.get(waiting.owner, ()):
            waiting.size -= size
            self._change(waiting.owner, -size)

    def release(self, waiting: WaitingBytes) -> None:
        """Stop to count bytes; nothing happens the second time."""
        held = self._by_owner.get(waiting.owner, {})
        if waiting not in held:
            return
        del held[waiting]
        self._change(waiting.owner, -waiting.size)
        if not held:
            del self._by_owner[waiting.owner], self._totals[waiting.owner]

    def _change(self, owner: str, difference: int) -> None:
        self._totals[owner] = self._totals.get(owner, 0) + difference
        self._total += difference

    def _enforce(self) -> None:
        if self._next_check:
            self._next_check.cancel()
            self._next_check = None
        while self._total > MAX_BYTES:
            self._abort_largest(max(self._totals, key=self._totals.__getitem__))
        stalled_since = time.monotonic() - STALL_SECONDS
        for owner in [each for each in self._totals if self._is_above_limit(each)]:
            while self._is_above_limit(owner):
                if not self._abort_largest(owner, stalled_since):
                    self._check_later()
                    break

    def _is_above_limit(self, owner: str) -> bool:
        """Whether an owner has too many bytes; one response alone may have any size.

        What waits of a response is counted twice, in the application and in its connection.
        """
        is_large = self._totals.get(owner, 0) > MAX_BYTES_PER_OWNER
        return is_large and len({each.abort for each in self._by_owner[owner]}) > 1

    def _abort_largest(self, owner: str, stalled_since: float = float("inf")) -> bool:
        """Abort the owner's connection with the most bytes that has not progressed since then."""
        stalled = [each for each in self._by_owner[owner] if each.progressed_at <= stalled_since]
        if not stalled:
            return False
        largest = max(stalled, key=lambda each: each.size)
        for each in [each for each in self._by_owner[owner] if each.abort == largest.abort]:
            self.release(each)
        largest.abort()
        return True

    def _check_later(self) -> None:
        if self._next_check is None:
            loop = asyncio.get_running_loop()
            self._next_check = loop.call_later(STALL_SECONDS / 2, self._enforce)
