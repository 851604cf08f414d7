"""Tells everybody on the line what happens to their syncs, as it gets into the log."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager
from functools import partial
from types import TracebackType
from typing import Self
from uuid import UUID

from domain.recorded_event import Recorded
from infrastructure.subscriptions.person_filter import PeoplesLog
from infrastructure.subscriptions.poller import Turning
from interfaces.live.messages import BEGINNING, Telling
from interfaces.live.stream import REPLAYED, Message
from interfaces.live.subscriber_queue import Line

BUSY_SECONDS = 0.01
IDLE_SECONDS = 0.05
STAYS_BUSY_SECONDS = 1.0
ENTERING = 4
"""Listeners who ask the database for their snapshot at the same time."""

Delivery = tuple[Line, Message]


class Broadcast:
    """One thread reads the log for all listeners of this process, and rests when there are none.

    Lines are known to the thread alone; the event loop hands them over and takes messages back.
    """

    def __init__(
        self,
        log: Callable[[], AbstractContextManager[PeoplesLog]],
        standing: Callable[[], Awaitable[int]],
    ) -> None:
        self.entering = asyncio.Semaphore(ENTERING)
        self._open_log = log
        self._standing = standing
        self._joining: deque[Line] = deque()
        self._leaving: deque[Line] = deque()
        self._lines: dict[UUID, set[Line]] = {}
        self._position = 0
        self._busy_until = 0.0
        self._turning = Turning("live", self._turn)
        self._opened = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._log = self._opened.enter_context(self._open_log())
        self._telling = self._new_telling()
        self._opened.push_async_callback(asyncio.to_thread, self._turning.stop)
        self._turning.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._opened.aclose()

    async def standing(self) -> int:
        """The position of the log that a snapshot includes from now on."""
        return await self._standing()

    def wake(self) -> None:
        """Something was appended; may be called from any thread, and doesn't block."""
        self._turning.wake()

    @asynccontextmanager
    async def subscribe(self, person_id: UUID, after: int) -> AsyncIterator[AsyncIterator[Message]]:
        """Everything about a person after a position, as long as the messages are taken."""
        line = Line(person_id, after)
        self._joining.append(line)
        self._turning.wake()
        try:
            yield line
        finally:
            line.gone = True
            self._leaving.append(line)

    # In the thread

    def _turn(self) -> float | None:
        if not self._lines and not self._joining:
            return None
        try:
            safe = self._log.safe()
            self._let_in(safe)
            self._let_go()
            return self._tell(safe)
        except Exception:
            # Runs were perhaps told further than the position says.
            self._telling.forget()
            raise

    def _let_in(self, safe: int) -> None:
        newcomers = list(self._joining)
        if not newcomers:
            return
        earliest = max(safe - REPLAYED, min(line.after for line in newcomers))
        if self._lines:
            self._replay(newcomers, earliest)
        else:
            self._position = earliest
            self._telling.forget()
        for line in newcomers:
            if not line.gone:
                self._lines.setdefault(line.person_id, set()).add(line)
            self._joining.popleft()

    def _replay(self, newcomers: Sequence[Line], earliest: int) -> None:
        """Tell newcomers alone what everybody else knows already."""
        lines: dict[UUID, set[Line]] = {}
        for line in newcomers:
            lines.setdefault(line.person_id, set()).add(line)
        telling, position = self._new_telling(), earliest
        while position < self._position:
            batch = self._log.read(position, self._position, lines)
            self._deliver(batch.events, telling, lines)
            position = batch.upto

    def _let_go(self) -> None:
        while self._leaving:
            line = self._leaving.popleft()
            others = self._lines.get(line.person_id, set())
            others.discard(line)
            if not others:
                self._lines.pop(line.person_id, None)

    def _tell(self, safe: int) -> float:
        now = time.monotonic()
        if safe > self._position:
            self._busy_until = now + STAYS_BUSY_SECONDS
            self._telling.forget_others(self._lines)
            batch = self._log.read(self._position, safe, self._lines)
            self._deliver(batch.events, self._telling, self._lines)
            self._position = batch.upto
            if batch.upto < safe:
                return 0.0
        return BUSY_SECONDS if now < self._busy_until else IDLE_SECONDS

    def _deliver(
        self, events: Iterable[Recorded], telling: Telling, lines: dict[UUID, set[Line]]
    ) -> None:
        """Hand messages over and wait until they are: no more than these are ever under way."""
        told = [
            (line, message)
            for recorded in events
            if (message := telling.message(recorded))
            for line in lines[recorded.person_id]
        ]
        if told:
            handed_over = threading.Event()
            self._loop.call_soon_threadsafe(_hand_over, told, handed_over)
            handed_over.wait()

    def _new_telling(self) -> Telling:
        return Telling(partial(self._log.since, BEGINNING))


def _hand_over(told: Iterable[Delivery], handed_over: threading.Event) -> None:
    for line, message in told:
        line.put(message)
    handed_over.set()
