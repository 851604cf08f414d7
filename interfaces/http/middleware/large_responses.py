"""Large responses: few at a time for each person, and each for a limited time.

A response is in memory until its client has read it, so the number of unread ones is bounded. The
server sends it in pieces, as fast as the client reads.
"""

import asyncio

import structlog
from fastapi import Response
from starlette.types import Receive, Scope, Send

from interfaces.http.context import app_state_of, request_context_of
from interfaces.http.errors.problem import Problem, problem_response
from interfaces.http.middleware.admission_control import (
    owner_of,
    problem_of_refusal,
    slot_released,
)
from interfaces.http.middleware.concurrency_limiter import LimiterFull
from interfaces.http.server.paced_responses import ABORT_KEY

logger = structlog.get_logger(__name__)

LARGE_BODY_BYTES = 64 * 1024
"""Bytes of a body above which a response is large."""
MIN_READ_SECONDS = 30.0
"""Seconds that a client has to read a large response, in addition to those for its size."""
MIN_BYTES_PER_SECOND = 32 * 1024
"""How fast a client must read a large response."""
UNREAD_DETAIL = (
    "You have not read your earlier large responses yet. Read them to their end before you request"
    " more, or retry after 1 second."
)


class LargeResponse(Response):
    """A response that waits for earlier ones of its person, and ends with a client too slow."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the response; Problem `rate-limited` if the person does not read earlier ones."""
        try:
            await reserve_large_response(scope)
        except Problem as problem:
            return await problem_response(problem, scope)(scope, receive, send)
        size = len(self.body)
        try:
            async with asyncio.timeout(MIN_READ_SECONDS + size / MIN_BYTES_PER_SECOND):
                await super().__call__(scope, receive, send)
        except TimeoutError:
            logger.info("slow_reader_disconnected", bytes=size)
            scope[ABORT_KEY]()
            await asyncio.sleep(0)  # the server handles the end of the connection


async def reserve_large_response(scope: Scope) -> None:
    """Wait until the person of a request may have one more large response, without a slot.

    Does nothing if the request may send one already; the end of the request releases it. A route
    reserves it before it reads a document that may be very large.

    Raises: Problem `rate-limited` if the person does not read earlier ones; Problem `overloaded`
    if too many are not read by all people together.
    """
    context, owner = request_context_of(scope), owner_of(scope)
    if context.large_response is not None:
        return
    limiter = app_state_of(scope).large_responses
    context.large_response = limiter.try_acquire(owner)
    if context.large_response is None:
        async with slot_released(scope):
            try:
                context.large_response = await limiter.acquire(owner)
            except LimiterFull as refusal:
                raise problem_of_refusal(refusal, UNREAD_DETAIL) from None
