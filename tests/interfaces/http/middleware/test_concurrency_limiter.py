import asyncio

import pytest

from interfaces.http.middleware.concurrency_limiter import (
    ConcurrencyLimiter,
    LimiterFull,
    OwnerLimitReached,
    Slot,
)

MANY = 1_000


def new_limiter(
    slots: int,
    *,
    slots_per_owner: int = MANY,
    max_waiting: int = 2,
    max_waiting_per_owner: int = MANY,
    timeout_seconds: float = 60,
    may_borrow: bool = False,
) -> ConcurrencyLimiter:
    return ConcurrencyLimiter(
        slots,
        slots_per_owner=slots_per_owner,
        max_waiting=max_waiting,
        max_waiting_per_owner=max_waiting_per_owner,
        timeout_seconds=timeout_seconds,
        may_borrow=may_borrow,
    )


async def start_acquiring(limiter: ConcurrencyLimiter, owner: str = "ada") -> asyncio.Task[Slot]:
    """Start to acquire a slot; on return the task holds it or is in the queue."""
    task = asyncio.create_task(limiter.acquire(owner))
    await asyncio.sleep(0)
    return task


async def test_requests_over_the_limit_queue_and_are_then_refused() -> None:
    limiter = new_limiter(2, max_waiting=2)
    first, second = await limiter.acquire("ada"), await limiter.acquire("ada")
    third, fourth = await start_acquiring(limiter), await start_acquiring(limiter)
    with pytest.raises(LimiterFull):
        await limiter.acquire("ada")
    first.release()
    assert await third
    assert not fourth.done(), "first come, first served"
    second.release()
    assert await fourth


async def test_a_waiter_is_refused_after_the_timeout() -> None:
    limiter = new_limiter(1, max_waiting=2, timeout_seconds=0.01)
    held = await limiter.acquire("ada")
    with pytest.raises(LimiterFull):
        await limiter.acquire("ada")
    held.release()
    assert await limiter.acquire("ada")


async def test_releasing_a_slot_twice_frees_one_slot() -> None:
    limiter = new_limiter(1, max_waiting=0)
    slot = await limiter.acquire("ada")
    slot.release()
    slot.release()
    assert await limiter.acquire("ada")
    with pytest.raises(LimiterFull):
        await limiter.acquire("ada")


async def test_a_cancelled_waiter_loses_no_slot() -> None:
    limiter = new_limiter(1, max_waiting=2)
    held = await limiter.acquire("ada")
    cancelled, second = await start_acquiring(limiter), await start_acquiring(limiter)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    held.release()
    slot = await second
    too_late = await start_acquiring(limiter)
    slot.release()
    too_late.cancel()  # it holds the slot already
    await asyncio.wait([too_late])
    assert await limiter.acquire("ada")


async def test_a_waiter_skipped_while_being_cancelled_raises_only_cancellation() -> None:
    limiter = new_limiter(1, max_waiting=2)
    held = await limiter.acquire("ada")
    cancelled = await start_acquiring(limiter)
    cancelled.cancel()
    held.release()  # before the cancelled task has run
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await limiter.acquire("ada")


async def test_a_released_slot_is_reacquired_before_other_waiters() -> None:
    limiter, gate = new_limiter(1, max_waiting=2), asyncio.Event()
    slot = await limiter.acquire("ada")
    waiting_task = asyncio.create_task(_wait_with_slot_released(slot, gate))
    await asyncio.sleep(0)
    other = await limiter.acquire("ada")
    queued = await start_acquiring(limiter)
    gate.set()
    await asyncio.sleep(0)
    other.release()
    await waiting_task
    assert not queued.done()
    slot.release()
    assert await queued


async def _wait_with_slot_released(slot: Slot, gate: asyncio.Event) -> None:
    async with slot.released():
        await gate.wait()


async def test_owners_take_turns_whatever_the_order_of_their_calls() -> None:
    limiter = new_limiter(1, max_waiting=20)
    held = await limiter.acquire("eve")
    eve = [await start_acquiring(limiter, "eve") for _ in range(6)]
    others = [await start_acquiring(limiter, owner) for owner in ("ada", "bob", "ada")]
    waiting, order = {*eve, *others}, []
    names = {task: f"eve {n}" for n, task in enumerate(eve)}
    names |= dict(zip(others, ["ada 0", "bob 0", "ada 1"], strict=True))
    while waiting:
        held.release()
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        [task] = done
        held = task.result()
        order.append(names[task])
    assert order[:6] == ["eve 0", "ada 0", "bob 0", "eve 1", "ada 1", "eve 2"]


async def test_one_owner_leaves_slots_to_others() -> None:
    limiter = new_limiter(4, slots_per_owner=2, max_waiting=20)
    slots = [await limiter.acquire("eve") for _ in range(2)]
    waiting = await start_acquiring(limiter, "eve")
    assert not waiting.done()
    assert await limiter.acquire("ada")
    assert await limiter.acquire("ada")
    slots[0].release()
    assert await waiting


async def test_a_borrowing_owner_leaves_half_of_the_slots_free() -> None:
    limiter = new_limiter(8, slots_per_owner=2, max_waiting=20, may_borrow=True)
    tasks = [await start_acquiring(limiter, "eve") for _ in range(6)]
    assert [task.done() for task in tasks] == [True] * 4 + [False] * 2
    held = [await limiter.acquire(owner) for owner in ("ada", "ada", "bob", "bob")]
    assert not tasks[4].done()
    tasks[0].result().release()
    await asyncio.sleep(0)
    assert not tasks[4].done(), "she still holds more than others leave her"
    for slot in held:
        slot.release()
    assert await tasks[4]


async def test_only_the_owner_with_too_many_waiters_is_refused() -> None:
    limiter = new_limiter(1, max_waiting=20, max_waiting_per_owner=2)
    held = await limiter.acquire("eve")
    eve = [await start_acquiring(limiter, "eve") for _ in range(2)]
    with pytest.raises(OwnerLimitReached):
        await limiter.acquire("eve")
    ada = await start_acquiring(limiter, "ada")
    held.release()
    (await eve[0]).release()
    assert await ada


async def test_the_longest_queue_gives_way_when_all_queues_are_full() -> None:
    limiter = new_limiter(1, max_waiting=4)
    held = await limiter.acquire("eve")
    eve = [await start_acquiring(limiter, "eve") for _ in range(4)]
    ada = [await start_acquiring(limiter, "ada") for _ in range(2)]
    for refused in (eve[3], eve[2]):
        with pytest.raises(OwnerLimitReached):
            await refused
    with pytest.raises(LimiterFull):
        await limiter.acquire("ada")
    held.release()
    for task in (eve[0], ada[0], eve[1], ada[1]):
        (await task).release()


@pytest.mark.parametrize(("holder", "refusal"), [("ada", OwnerLimitReached), ("eve", LimiterFull)])
async def test_a_timeout_names_whose_limit_it_is(holder: str, refusal: type[LimiterFull]) -> None:
    limiter = new_limiter(1, slots_per_owner=1, timeout_seconds=0.01)
    assert await limiter.acquire(holder)
    with pytest.raises(LimiterFull) as raised:
        await limiter.acquire("ada")
    assert type(raised.value) is refusal
