import asyncio

import pytest

from interfaces.http.middleware.concurrency_limiter import Full, Place, Room


async def entering(room: Room) -> asyncio.Task[Place]:
    """Somebody who is in the room or in the line when this returns."""
    task = asyncio.create_task(room.enter())
    await asyncio.sleep(0)
    return task


async def test_so_many_at_a_time_then_a_line_and_then_nobody() -> None:
    room = Room(2, waiting=2, patience=60)
    first, second = await room.enter(), await room.enter()
    third, fourth = await entering(room), await entering(room)
    with pytest.raises(Full):
        await room.enter()
    first.leave()
    assert await third
    assert not fourth.done(), "first come, first served"
    second.leave()
    assert await fourth


async def test_nobody_waits_for_ever() -> None:
    room = Room(1, waiting=2, patience=0.01)
    held = await room.enter()
    with pytest.raises(Full):
        await room.enter()
    held.leave()
    assert await room.enter()


async def test_whoever_leaves_twice_frees_one_place() -> None:
    room = Room(1, waiting=0, patience=60)
    place = await room.enter()
    place.leave()
    place.leave()
    assert await room.enter()
    with pytest.raises(Full):
        await room.enter()


async def test_whoever_gives_up_waiting_leaves_no_gap() -> None:
    room = Room(1, waiting=2, patience=60)
    held = await room.enter()
    gone, next_one = await entering(room), await entering(room)
    gone.cancel()
    await asyncio.wait([gone])
    held.leave()
    place = await next_one
    too_late = await entering(room)
    place.leave()
    too_late.cancel()  # its turn has come already
    await asyncio.wait([too_late])
    assert await room.enter()


async def test_whoever_is_passed_over_while_giving_up_is_told_nothing_else() -> None:
    room = Room(1, waiting=2, patience=60)
    held = await room.enter()
    gone = await entering(room)
    gone.cancel()
    held.leave()  # before the one who gives up has had a turn of the event loop
    with pytest.raises(asyncio.CancelledError):
        await gone
    assert await room.enter()


async def test_whoever_steps_aside_comes_back_before_the_others() -> None:
    room, gate = Room(1, waiting=2, patience=60), asyncio.Event()
    place = await room.enter()
    stepping = asyncio.create_task(_wait_aside(place, gate))
    await asyncio.sleep(0)
    other = await room.enter()
    behind = await entering(room)
    gate.set()
    await asyncio.sleep(0)
    other.leave()
    await stepping
    assert not behind.done()
    place.leave()
    assert await behind


async def _wait_aside(place: Place, gate: asyncio.Event) -> None:
    async with place.aside():
        await gate.wait()
