"""A fair concurrency limiter: slots, bounded queues that take turns by owner, and a timeout.

An *owner* is who sends a request: a person, or an address. A free slot goes to the owners who wait
one after the other, so a caller waits for at most one request of each other owner at a time.
"""

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class LimiterFull(Exception):
    """No slot is free, and the queues are full or the timeout has passed."""


class OwnerLimitReached(LimiterFull):
    """The owner has as many slots or waiters as one owner may have; others may get a slot."""


class ConcurrencyLimiter:
    """Has `slots` slots; up to `max_waiting` callers wait up to `timeout_seconds` for one.

    One owner holds at most `slots_per_owner` slots, or with `may_borrow` half of the slots while
    the other half is free; at most `max_waiting_per_owner` of its callers wait. When the queues are
    full, the newest caller of the owner with the longest queue gives way to an owner with fewer.
    """

    def __init__(
        self,
        slots: int,
        *,
        slots_per_owner: int,
        max_waiting: int,
        max_waiting_per_owner: int,
        timeout_seconds: float,
        may_borrow: bool = False,
    ) -> None:
        self._free_slots = slots
        self._slots_per_owner = slots_per_owner
        self._max_waiting = max_waiting
        self._max_waiting_per_owner = max_waiting_per_owner
        self._timeout_seconds = timeout_seconds
        self._may_borrow = may_borrow
        self._held: Counter[str] = Counter()
        self._queues: OrderedDict[str, deque[asyncio.Future[bool]]] = OrderedDict()
        """The waiters of each owner; the owner that has waited longest for its turn is first."""

    async def acquire(self, owner: str) -> "Slot":
        """Wait for a slot: in the order of the calls of one owner, and by turns between owners.

        Raises: OwnerLimitReached if this owner has as many slots or waiters as it may have;
        LimiterFull if the queues are full or the timeout passes.
        """
        if slot := self.try_acquire(owner):
            return slot
        self._make_room(owner)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                is_granted = await self._wait_for_turn(owner, first=False)
        except TimeoutError:
            raise self._refusal(owner) from None
        if not is_granted:
            raise OwnerLimitReached
        return Slot(self, owner)

    def try_acquire(self, owner: str) -> "Slot | None":
        """Return a slot if the owner can have one at once, else None."""
        if not self._may_hold_another(owner):
            return None
        self._take(owner)
        return Slot(self, owner)

    async def reacquire(self, owner: str) -> None:
        """Wait for a slot again after a release, before other calls of the owner."""
        if self._may_hold_another(owner):
            self._take(owner)
            return
        while not await self._wait_for_turn(owner, first=True):
            pass  # it has given way, and waits again

    def release(self, owner: str) -> None:
        """Free a slot of the owner, and give free slots to waiters."""
        self._free_slots += 1
        self._held[owner] -= 1
        if not self._held[owner]:
            del self._held[owner]
        while waiter := self._next_waiter():
            waiter.set_result(True)

    def _may_hold_another(self, owner: str) -> bool:
        borrowable = self._free_slots if self._may_borrow else 0
        limit = max(self._slots_per_owner, borrowable)
        return self._free_slots > 0 and self._held[owner] < limit

    def _take(self, owner: str) -> None:
        self._free_slots -= 1
        self._held[owner] += 1

    def _next_waiter(self) -> asyncio.Future[bool] | None:
        """Take a slot for the owner whose turn it is; None if no waiter may have one."""
        for owner in [owner for owner in self._queues if self._may_hold_another(owner)]:
            waiter = self._pop_waiter(owner)
            if waiter:
                self._take(owner)
                return waiter
        return None

    def _pop_waiter(self, owner: str) -> asyncio.Future[bool] | None:
        """Remove the first waiter of an owner, and move the owner to the end of the turns."""
        queue = self._queues.pop(owner)
        while queue:
            waiter = queue.popleft()
            if not waiter.done():  # a cancelled waiter may not have been removed yet
                if queue:
                    self._queues[owner] = queue
                return waiter
        return None

    def _make_room(self, owner: str) -> None:
        """Check that the owner may wait; let the newest waiter of the longest queue give way.

        Raises: OwnerLimitReached or LimiterFull.
        """
        own_length = len(self._queues.get(owner, ()))
        if own_length >= self._max_waiting_per_owner:
            raise OwnerLimitReached
        if sum(map(len, self._queues.values())) < self._max_waiting:
            return
        longest = max(self._queues, key=lambda other: len(self._queues[other]), default=owner)
        if own_length + 1 >= len(self._queues.get(longest, ())):
            raise self._refusal(owner)
        waiter = self._queues[longest].pop()
        if not waiter.done():
            waiter.set_result(False)

    def _refusal(self, owner: str) -> LimiterFull:
        is_own_limit = self._held[owner] >= self._slots_per_owner
        return OwnerLimitReached() if is_own_limit else LimiterFull()

    async def _wait_for_turn(self, owner: str, *, first: bool) -> bool:
        """Wait until a slot is taken for the owner; False if the waiter has given way."""
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        queue = self._queues.setdefault(owner, deque())
        (queue.appendleft if first else queue.append)(waiter)
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled():
                if waiter.result():
                    self.release(owner)
            else:
                self._remove_waiter(owner, waiter)
            raise

    def _remove_waiter(self, owner: str, waiter: asyncio.Future[bool]) -> None:
        queue = self._queues.get(owner)
        if queue and waiter in queue:
            queue.remove(waiter)
            if not queue:
                del self._queues[owner]


class Slot:
    """One slot of a limiter, held until it is released."""

    def __init__(self, limiter: ConcurrencyLimiter, owner: str) -> None:
        self._limiter = limiter
        self._owner = owner
        self._is_held = True

    def release(self) -> None:
        """Release the slot; a second call does nothing."""
        if self._is_held:
            self._is_held = False
            self._limiter.release(self._owner)

    @asynccontextmanager
    async def released(self) -> AsyncIterator[None]:
        """Release the slot inside the block, and acquire one again at its end."""
        was_held = self._is_held
        self.release()
        yield
        if was_held:
            await self._limiter.reacquire(self._owner)
            self._is_held = True
