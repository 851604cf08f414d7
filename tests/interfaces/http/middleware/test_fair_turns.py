"""Properties of the limiter under any order of calls, releases and cancellations."""

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from interfaces.http.middleware.concurrency_limiter import ConcurrencyLimiter, LimiterFull, Slot

OWNERS = ("ada", "bob", "eve", "joe")
SLOTS, MAX_WAITING, MAX_WAITING_PER_OWNER = 4, 12, 5

Steps = list[tuple[str, str, int]]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("call", "call", "release", "cancel", "pause")),
        st.sampled_from(OWNERS),
        st.integers(0, 20),
    ),
    max_size=60,
)


@dataclass
class Schedule:
    """Executes steps on a limiter, and checks after each what must always hold."""

    limiter: ConcurrencyLimiter
    slots_per_owner: int
    tasks: list[tuple[str, asyncio.Task[Slot]]] = field(default_factory=list)
    held: list[tuple[str, Slot]] = field(default_factory=list)
    overtaken: dict[asyncio.Task[Slot], Counter[str]] = field(default_factory=dict)
    """For each waiter that was its owner's first one: how often each other owner got a slot."""

    async def run(self, steps: Steps) -> None:
        for action, owner, number in steps:
            if action == "call":
                task = asyncio.create_task(self.limiter.acquire(owner))
                self.tasks.append((owner, task))
                await asyncio.sleep(0)
            elif action == "release" and self.held:
                self.held.pop(number % len(self.held))[1].release()
            elif action == "cancel" and self.tasks:
                self.tasks[number % len(self.tasks)][1].cancel()
            if action != "pause" and number % 3 == 0:
                continue  # the next step comes before any task has run
            await self.settle()

    async def settle(self) -> None:
        for _ in range(4):
            await asyncio.sleep(0)
        for owner, task in list(self.tasks):
            if task.done():
                self.tasks.remove((owner, task))
                self._record(owner, task)
        self.check()

    def _record(self, owner: str, task: asyncio.Task[Slot]) -> None:
        self.overtaken.pop(task, None)
        if task.cancelled() or isinstance(task.exception(), LimiterFull):
            return
        self.held.append((owner, task.result()))
        for other, waiting in self._first_waiters():
            if other != owner:
                self.overtaken.setdefault(waiting, Counter())[owner] += 1

    def _first_waiters(self) -> list[tuple[str, asyncio.Task[Slot]]]:
        first: dict[str, asyncio.Task[Slot]] = {}
        for owner, task in self.tasks:
            if not task.done():
                first.setdefault(owner, task)
        return list(first.items())

    def check(self) -> None:
        """No more slots than there are; no free slot while a waiter may have it."""
        holders = Counter(owner for owner, _ in self.held)
        waiters = Counter(owner for owner, _ in self.tasks)
        assert holders.total() <= SLOTS
        assert all(count <= self.slots_per_owner for count in holders.values())
        assert waiters.total() <= MAX_WAITING
        assert all(count <= MAX_WAITING_PER_OWNER for count in waiters.values())
        if holders.total() < SLOTS:
            assert all(holders[owner] == self.slots_per_owner for owner in waiters)

    async def finish(self) -> None:
        """Release one slot after the other until no caller waits, then all others."""
        await self.settle()
        while self.tasks:
            self.held.pop(0)[1].release()
            await self.settle()
        for _, slot in self.held:
            slot.release()
        self.held.clear()


def _limiter(slots_per_owner: int) -> ConcurrencyLimiter:
    return ConcurrencyLimiter(
        SLOTS,
        slots_per_owner=slots_per_owner,
        max_waiting=MAX_WAITING,
        max_waiting_per_owner=MAX_WAITING_PER_OWNER,
        timeout_seconds=60,
    )


@given(steps=STEPS, slots_per_owner=st.integers(1, SLOTS))
@settings(max_examples=150, deadline=None)
def test_no_slot_is_lost_or_idle_whatever_happens(steps: Steps, slots_per_owner: int) -> None:
    async def run() -> None:
        limiter = _limiter(slots_per_owner)
        schedule = Schedule(limiter, slots_per_owner)
        await schedule.run(steps)
        await schedule.finish()
        all_slots = [limiter.try_acquire(f"owner {number}") for number in range(SLOTS)]
        assert all(all_slots), "a slot is lost"
        assert limiter.try_acquire("one more") is None

    asyncio.run(run())


@given(
    calls=st.lists(st.sampled_from(OWNERS), min_size=1, max_size=12),
    released=st.lists(st.integers(0, SLOTS), max_size=40),
)
@settings(max_examples=150, deadline=None)
def test_no_owner_waits_for_more_than_one_turn_of_each_other(
    calls: list[str], released: list[int]
) -> None:
    async def run() -> None:
        schedule = Schedule(_limiter(SLOTS), SLOTS)
        for _ in range(SLOTS):
            schedule.held.append(("first", await schedule.limiter.acquire("first")))
        await schedule.run([("call", owner, 1) for owner in calls])
        for number in released:
            schedule.held.pop(number % len(schedule.held))[1].release()
            await schedule.settle()
            turns = schedule.overtaken.values()
            assert all(count <= 1 for overtaken in turns for count in overtaken.values())
            if not schedule.tasks:
                break
        await schedule.finish()

    asyncio.run(run())


@given(steps=STEPS)
@settings(max_examples=100, deadline=None)
def test_requests_that_release_their_slot_meanwhile_lose_none(steps: Steps) -> None:
    async def work(limiter: ConcurrencyLimiter, owner: str, pauses: int) -> None:
        try:
            slot = await limiter.acquire(owner)
        except LimiterFull:
            return
        try:
            async with slot.released():
                for _ in range(pauses):
                    await asyncio.sleep(0)
            await asyncio.sleep(0)
        finally:
            slot.release()

    async def run() -> None:
        limiter = _limiter(2)
        tasks = []
        for action, owner, number in steps:
            tasks.append(asyncio.create_task(work(limiter, owner, number)))
            if action == "cancel":
                tasks[number % len(tasks)].cancel()
            if action == "pause":
                await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await asyncio.gather(*tasks, return_exceptions=True)
        assert all(limiter.try_acquire(f"owner {number}") for number in range(SLOTS))

    asyncio.run(run())
