"""Lets few requests begin in one step of the event loop, by turns between those who send them.

Hundreds of requests that arrive together would otherwise all begin in one step, and a health check
that arrives just after them would wait until each has used its milliseconds of the processor.
"""

import asyncio
from collections import OrderedDict, deque

from starlette.types import ASGIApp, Receive, Scope, Send

from interfaces.http.middleware.rate_budget import client_address
from interfaces.http.middleware.rate_limit_policies import UNLIMITED_PATHS

STARTS_PER_STEP = 4
"""Requests that begin in one step; each needs about a millisecond before it waits for something."""
MONITORING_STARTS_PER_STEP = 2
"""Of these, how many health checks and requests for metrics begin before all others."""

Turns = OrderedDict[bytes, deque[asyncio.Future[None]]]


class FairStarts:
    """ASGI application around another one: requests wait for their turn to begin.

    Nothing waits while fewer than STARTS_PER_STEP requests arrive in one step. Turns are taken by
    sender: a token, verified or not, or an address without one.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._monitoring: Turns = OrderedDict()
        self._others: Turns = OrderedDict()
        self._free_starts = STARTS_PER_STEP
        self._step_is_scheduled = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request or WebSocket when it is its turn."""
        if scope["type"] in {"http", "websocket"}:
            await self._wait_for_turn(scope)
        await self._app(scope, receive, send)

    async def _wait_for_turn(self, scope: Scope) -> None:
        loop = asyncio.get_running_loop()
        if not self._step_is_scheduled:
            self._step_is_scheduled = True
            loop.call_soon(self._begin_step, loop)
        if self._free_starts and not self._monitoring and not self._others:
            self._free_starts -= 1
            return
        turns = self._monitoring if scope["path"] in UNLIMITED_PATHS else self._others
        waiter: asyncio.Future[None] = loop.create_future()
        turns.setdefault(sender_of(scope), deque()).append(waiter)
        await waiter

    def _begin_step(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let the next requests begin; without waiting ones no further step is scheduled."""
        started = _start(self._monitoring, MONITORING_STARTS_PER_STEP)
        started += _start(self._others, STARTS_PER_STEP - started)
        started += _start(self._monitoring, STARTS_PER_STEP - started)
        self._free_starts = STARTS_PER_STEP - started
        self._step_is_scheduled = started > 0
        if self._step_is_scheduled:
            loop.call_soon(self._begin_step, loop)


def sender_of(scope: Scope) -> bytes:
    """Return who sends a request, without any check: the token, or the address without one."""
    for name, value in scope["headers"]:
        if name == b"authorization":
            return bytes(value)
    return client_address(scope).encode()


def _start(turns: Turns, count: int) -> int:
    """Let up to `count` requests begin, one of each sender in turn; return how many do."""
    started = 0
    while turns and started < count:
        sender, waiters = turns.popitem(last=False)
        waiter = waiters.popleft()
        if waiters:
            turns[sender] = waiters
        if not waiter.done():  # the client may be gone
            waiter.set_result(None)
            started += 1
    return started
