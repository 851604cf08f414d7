"""Rooms: so many are worked on at a time, a few more wait a moment, the rest are told at once."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Full(Exception):
    """There is no place, and no room to wait for one."""


class Room:
    """So many places, and so many who may wait so many seconds for one, first come first served."""

    def __init__(self, places: int, *, waiting: int, patience: float) -> None:
        self._free = places
        self._most_waiting = waiting
        self._patience = patience
        self._waiting: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> "Place":
        """Take a place; raises Full."""
        if self._free and not self._waiting:
            self._free -= 1
        elif len(self._waiting) >= self._most_waiting:
            raise Full
        else:
            try:
                async with asyncio.timeout(self._patience):
                    await self._turn(first=False)
            except TimeoutError:
                raise Full from None
        return Place(self)

    async def come_back(self) -> None:
        """Take a place again, before everybody who has not had one."""
        if self._free:
            self._free -= 1
        else:
            await self._turn(first=True)

    def leave(self) -> None:
        """Give a place to whoever waits for one."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def _turn(self, *, first: bool) -> None:
        turn = asyncio.get_running_loop().create_future()
        (self._waiting.appendleft if first else self._waiting.append)(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()
            elif turn in self._waiting:  # not passed over by `leave` since it was cancelled
                self._waiting.remove(turn)
            raise


class Place:
    """A place in a room, until it is left."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._is_held = True

    def leave(self) -> None:
        """Leave for good; who has left already stays away."""
        if self._is_held:
            self._is_held = False
            self._room.leave()

    @asynccontextmanager
    async def aside(self) -> AsyncIterator[None]:
        """Let somebody else in while all one does is wait."""
        held = self._is_held
        self.leave()
        yield
        if held:
            await self._room.come_back()
            self._is_held = True
