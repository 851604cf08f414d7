"""Limits how many requests one process handles at a time; the others wait or are refused.

People take turns: one person, or one address without a token, has few slots and few requests that
wait.
"""

from asyncio import sleep as pause
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from interfaces.http.auth.principal import Principal
from interfaces.http.context import request_context_of
from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.concurrency_limiter import LimiterFull, OwnerLimitReached
from interfaces.http.middleware.rate_budget import client_address
from interfaces.http.middleware.rate_limit_policies import UNLIMITED_PATHS
from interfaces.http.middleware.request_limiters import RequestLimiters

OWN_LIMIT_DETAIL = (
    "Too many of your own requests are being handled at the same time. Wait for their responses,"
    " or retry after 1 second."
)


OWN_REFUSAL_DELAY_SECONDS = 0.9
"""Seconds after which a request above the limit of its owner is refused.

Otherwise a client that does not obey `Retry-After` takes the time of others with its refusals.
"""


class AdmissionControl:
    """ASGI middleware: a request that gets no slot is refused.

    That is 429 `rate-limited` if the limit of its owner is the reason, else 503 `overloaded`.
    Health checks and metrics need no slot.
    """

    def __init__(self, app: ASGIApp, limiters: RequestLimiters) -> None:
        self._app = app
        self._limiters = limiters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in UNLIMITED_PATHS:
            return await self._app(scope, receive, send)
        try:
            slot = await self._limiters.for_request(scope).acquire(owner_of(scope))
        except LimiterFull as refusal:
            if isinstance(refusal, OwnerLimitReached):
                await pause(OWN_REFUSAL_DELAY_SECONDS)
            return await problem_response(problem_of_refusal(refusal), scope)(scope, receive, send)
        context = request_context_of(scope)
        context.slot = slot

        async def send_and_release(message: Message) -> None:
            if message["type"] == "http.response.body":
                slot.release()  # a client that reads slowly must not hold the slot
            await send(message)

        try:
            await self._app(scope, receive, send_and_release)
        finally:
            slot.release()
            if context.large_response:
                context.large_response.release()


def owner_of(scope: Scope) -> str:
    """Return who has the limits of a request: its person, or its address without a valid token."""
    result = request_context_of(scope).auth_result
    return str(result.id) if isinstance(result, Principal) else client_address(scope)


def problem_of_refusal(refusal: LimiterFull, own_limit_detail: str = OWN_LIMIT_DETAIL) -> Problem:
    """Return the problem of a request that got no slot, with `Retry-After`."""
    headers = {"Retry-After": "1"}
    if isinstance(refusal, OwnerLimitReached):
        return Problem("rate-limited", own_limit_detail, headers=headers)
    return Problem("overloaded", headers=headers)


@asynccontextmanager
async def slot_released(scope: Scope) -> AsyncIterator[None]:
    """Release the slot of a request while it only waits, and acquire one again afterwards.

    Does nothing for a request that has no slot.
    """
    slot = request_context_of(scope).slot
    if slot is None:
        yield
        return
    async with slot.released():
        yield
