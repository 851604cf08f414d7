"""Makes one call for what many callers ask at the same moment, such as one statement for all.

A lone caller does not wait for others: its call begins at once. What is asked while a call is under
way makes up the next one.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
R = TypeVar("R")

MAX_BATCH_SIZE = 64
"""Questions of one call at most."""
MAX_CALLS = 4
"""Calls under way at a time at most."""
MAX_WAIT_SECONDS = 0.01
"""Seconds that a question waits for the calls before it, while another call may begin."""


class BatchedCalls(Generic[Q, R]):
    """Calls `ask_all` with the questions that wait; it returns an answer or an error for each.

    The questions of a call are in the order in which they were asked. If the call itself raises an
    error, every caller of it gets that.
    """

    def __init__(
        self,
        ask_all: Callable[[Sequence[Q]], Awaitable[Sequence[R | Exception]]],
        *,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        self._ask_all = ask_all
        self._max_wait_seconds = max_wait_seconds
        self._waiting: list[tuple[Q, asyncio.Future[R]]] = []
        self._calls = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None

    async def ask(self, question: Q) -> R:
        """Return the answer to a question; a caller that is cancelled before the call asks nothing.

        Raises: the error for this question, or that of the call.
        """
        if not self._calls and not self._waiting:
            return await self._ask_alone(question)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[R] = loop.create_future()
        self._waiting.append((question, answer))
        if self._timer is None and self._calls < MAX_CALLS:
            self._timer = loop.call_later(self._max_wait_seconds, self._start)
        return await answer

    async def _ask_alone(self, question: Q) -> R:
        self._calls += 1
        try:
            (answer,) = await self._ask_all([question])
        finally:
            self._end()
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _start(self) -> None:
        self._stop_timer()
        self._calls += 1
        task = asyncio.create_task(self._run())
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None] | None = None) -> None:
        """Note that a call ended; whoever asked since then is served by the next one."""
        self._calls -= 1
        if task:
            self._tasks.discard(task)
        if self._calls or not self._waiting:
            return
        if task and task.cancelled():
            _cancel(self._take())
        else:
            self._start()

    async def _run(self) -> None:
        batch: list[tuple[Q, asyncio.Future[R]]] = []
        try:
            while batch := self._take():
                for (_, future), answer in zip(batch, await self._answers(batch), strict=True):
                    _settle(future, answer)
        finally:
            _cancel(batch)

    async def _answers(
        self, batch: Sequence[tuple[Q, asyncio.Future[R]]]
    ) -> Sequence[R | Exception]:
        try:
            return await self._ask_all([question for question, _ in batch])
        except Exception as error:  # noqa: BLE001  # each caller gets it
            return [error] * len(batch)

    def _take(self) -> list[tuple[Q, asyncio.Future[R]]]:
        waiting = [each for each in self._waiting if not each[1].done()]
        self._waiting = waiting[MAX_BATCH_SIZE:]
        if not self._waiting:
            self._stop_timer()
        return waiting[:MAX_BATCH_SIZE]

    def _stop_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None


def _cancel(batch: Sequence[tuple[Q, asyncio.Future[R]]]) -> None:
    for _, answer in batch:
        answer.cancel()


def _settle(future: asyncio.Future[R], answer: R | Exception) -> None:
    if future.done():
        return
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
