import asyncio

import pytest

from interfaces.http.middleware.concurrency_limiter import ConcurrencyLimiter, LimiterFull, Slot


async def start_acquiring(limiter: ConcurrencyLimiter) -> asyncio.Task[Slot]:
    """Start to acquire a slot; on return the task holds it or is in the queue."""
    task = asyncio.create_task(limiter.acquire())
    await asyncio.sleep(0)
    return task


async def test_requests_over_the_limit_queue_and_are_then_refused() -> None:
    limiter = ConcurrencyLimiter(2, max_waiting=2, timeout_seconds=60)
    first, second = await limiter.acquire(), await limiter.acquire()
    third, fourth = await start_acquiring(limiter), await start_acquiring(limiter)
    with pytest.raises(LimiterFull):
        await limiter.acquire()
    first.release()
    assert await third
    assert not fourth.done(), "first come, first served"
    second.release()
    assert await fourth


async def test_a_waiter_is_refused_after_the_timeout() -> None:
    limiter = ConcurrencyLimiter(1, max_waiting=2, timeout_seconds=0.01)
    held = await limiter.acquire()
    with pytest.raises(LimiterFull):
        await limiter.acquire()
    held.release()
    assert await limiter.acquire()


async def test_releasing_a_slot_twice_frees_one_slot() -> None:
    limiter = ConcurrencyLimiter(1, max_waiting=0, timeout_seconds=60)
    slot = await limiter.acquire()
    slot.release()
    slot.release()
    assert await limiter.acquire()
    with pytest.raises(LimiterFull):
        await limiter.acquire()


async def test_a_cancelled_waiter_loses_no_slot() -> None:
    limiter = ConcurrencyLimiter(1, max_waiting=2, timeout_seconds=60)
    held = await limiter.acquire()
    cancelled, second = await start_acquiring(limiter), await start_acquiring(limiter)
    cancelled.cancel()
    await asyncio.wait([cancelled])
    held.release()
    slot = await second
    too_late = await start_acquiring(limiter)
    slot.release()
    too_late.cancel()  # it holds the slot already
    await asyncio.wait([too_late])
    assert await limiter.acquire()


async def test_a_waiter_skipped_while_being_cancelled_raises_only_cancellation() -> None:
    limiter = ConcurrencyLimiter(1, max_waiting=2, timeout_seconds=60)
    held = await limiter.acquire()
    cancelled = await start_acquiring(limiter)
    cancelled.cancel()
    held.release()  # before the cancelled task has run
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    assert await limiter.acquire()


async def test_a_released_slot_is_reacquired_before_other_waiters() -> None:
    limiter, gate = ConcurrencyLimiter(1, max_waiting=2, timeout_seconds=60), asyncio.Event()
    slot = await limiter.acquire()
    waiting_task = asyncio.create_task(_wait_with_slot_released(slot, gate))
    await asyncio.sleep(0)
    other = await limiter.acquire()
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
